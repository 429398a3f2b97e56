package import Operators

extension Model {
  /// Tokens that are read at a time.
  private static let prefillPass = 512

  /// Reads tokens through a cache in full precision, and puts their keys and values into `cache`, which quantizes them: the
  /// prefill of KIVI's paper, where attention sees what is quantized only from the first decoded token on.
  ///
  /// - Parameters:
  ///   - cache: an empty cache of this model.
  ///   - plain: another one, in full precision, that the tokens are read through.
  /// - Throws: as `forward`; `ModelError.cacheOverflow` for what the format does not hold.
  package func fill(
    _ cache: any KVCache, with tokens: [Int32], through plain: any KVCache,
    context: ExecutionContext
  ) throws {
    let recorder = KeyValueRecorder(layers: blocks.count)
    for first in stride(from: 0, to: tokens.count, by: Self.prefillPass) {
      let part = Array(tokens[first..<min(first + Self.prefillPass, tokens.count)])
      recorder.forget()
      try forward(
        tokens: part, cache: plain, context: context, logits: .last,
        options: ForwardOptions(chunk: part.count, observer: recorder))
      try put(recorder, tokens: part.count, into: cache, context: context)
    }
  }

  private func put(
    _ recorder: KeyValueRecorder, tokens: Int, into cache: any KVCache, context: ExecutionContext
  ) throws {
    let width = cache.layout.kvHeads * cache.layout.headDimension
    var first = 0
    while first < tokens {
      let count = min(cache.layout.longestPass, tokens - first)
      try cache.reserve(count)
      for layer in blocks.indices {
        recorder.keys[layer].withUnsafeBufferPointer { keys in
          recorder.values[layer].withUnsafeBufferPointer { values in
            guard let keys = keys.baseAddress, let values = values.baseAddress else { return }
            cache.append(
              keys: keys + first * width, values: values + first * width, tokens: count,
              layer: layer, context: context)
          }
        }
      }
      try Self.refuseOverflow(of: cache)
      cache.advance(count)
      first += count
    }
  }
}

/// Keys and values of one pass, by layer, `[tokens, kvHeads * headDimension]`.
private final class KeyValueRecorder: ForwardObserver {
  private(set) var keys: [[Float]]
  private(set) var values: [[Float]]

  init(layers: Int) {
    keys = .init(repeating: [], count: layers)
    values = keys
  }

  func forget() {
    for layer in keys.indices {
      keys[layer].removeAll(keepingCapacity: true)
      values[layer].removeAll(keepingCapacity: true)
    }
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool { tap == .keys || tap == .values }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    let part = UnsafeBufferPointer(start: values, count: tokens * columns)
    if tap == .keys { keys[block] += part } else { self.values[block] += part }
  }
}

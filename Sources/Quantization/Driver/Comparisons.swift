import Models
import Operators
import Platform
import Tensors

/// What quantizing did to the layers of one block, gathered without keeping the activations.
///
/// The block runs as it was; each drafted layer is run on the same inputs, and only sums of the two outputs stay.
/// Where a method moved scale between neighbours, the drafted layer is shown the input it will really see.
final class LayerComparison: ForwardObserver {
  /// A drafted layer, with the scales between it and its neighbours.
  struct Drafted {
    var layer: PreparedLinear
    var scales: LayerScales
  }

  private let drafted: [Projection: Drafted]
  private let context: ExecutionContext
  private(set) var sums: [Projection: ErrorSums] = [:]
  /// Largest magnitude of each input channel, by projection.
  private(set) var absoluteMaxima: [Projection: [Float]] = [:]
  /// What the drafted layers made of the input shown last, `[tokens, rows]`.
  private var outputs: [Projection: [Float]] = [:]
  /// Why something was not compared: memory that was refused.
  private(set) var refusal: (any Error)?

  init(_ drafted: [Projection: Drafted], context: ExecutionContext) {
    self.drafted = drafted
    self.context = context
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    switch tap {
    case .linearInput, .linearOutput: true
    default: false
    }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    switch tap {
    case .linearInput(let projection):
      gatherMaxima(projection, values, tokens: tokens, columns: columns)
      guard let drafted = drafted[projection] else { return }
      guard refusal == nil else { return }
      do {
        // What it makes, and the input with its scales.
        try HeapMemory.expect(
          tokens * (drafted.layer.rows + (drafted.scales.input == nil ? 0 : columns)),
          of: MemoryLayout<Float>.stride)
        var made = [Float](repeating: 0, count: tokens * drafted.layer.rows)
        try made.withUnsafeMutableBufferPointer { made in
          guard let made = made.baseAddress else { return }
          try drafted.run(values, tokens: tokens, columns: columns, context: context, into: made)
        }
        outputs[projection] = made
      } catch {
        refusal = refusal ?? error
      }
    case .linearOutput(let projection):
      guard let made = outputs.removeValue(forKey: projection), made.count == tokens * columns
      else { return }
      made.withUnsafeBufferPointer { made in
        guard let made = made.baseAddress else { return }
        sums[projection, default: ErrorSums()].add(
          context.compare(values, made, count: tokens * columns))
      }
    default: break
    }
  }

  private func gatherMaxima(
    _ projection: Projection, _ values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    var maxima = absoluteMaxima[projection] ?? [Float](repeating: 0, count: columns)
    ChannelMaxima.raise(&maxima, by: values, rows: tokens)
    absoluteMaxima[projection] = maxima
  }
}

extension LayerComparison.Drafted {
  /// Runs the layer on an input without scales, and takes them out of its output again, `[tokens, rows]`.
  func run(
    _ values: UnsafePointer<Float>, tokens: Int, columns: Int, context: ExecutionContext,
    into output: UnsafeMutablePointer<Float>
  ) throws {
    if let input = scales.input {
      var scaled = [Float](unsafeUninitializedCapacity: tokens * columns) { buffer, filled in
        for token in 0..<tokens {
          for column in 0..<columns {
            buffer[token * columns + column] = values[token * columns + column] / input[column]
          }
        }
        filled = tokens * columns
      }
      try scaled.withUnsafeMutableBufferPointer { scaled in
        guard let scaled = scaled.baseAddress else { return }
        try context.linear([layer], input: scaled, tokens: tokens, outputs: [output])
      }
    } else {
      try context.linear([layer], input: values, tokens: tokens, outputs: [output])
    }
    guard let scale = scales.output else { return }
    for token in 0..<tokens {
      for row in 0..<layer.rows { output[token * layer.rows + row] *= scale[row] }
    }
  }
}

/// Compares keys and values of one block with what its quantized cache gives back, head by head.
final class CacheComparison: ForwardObserver {
  private let context: ExecutionContext
  private let cache: BlockKVCache
  private let headDimension: Int
  /// By KV head.
  private(set) var keys: [ErrorSums]
  private(set) var values: [ErrorSums]
  private var heldKeys: [Float] = []
  /// Why something was not compared: memory that was refused.
  private(set) var refusal: (any Error)?

  /// - Parameter cache: a cache of one layer in the format under test.
  init(cache: BlockKVCache, context: ExecutionContext) {
    self.cache = cache
    self.context = context
    headDimension = cache.layout.headDimension
    keys = .init(repeating: ErrorSums(), count: cache.layout.kvHeads)
    values = keys
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool { tap == .keys || tap == .values }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    if tap == .keys {
      heldKeys = Array(UnsafeBufferPointer(start: values, count: tokens * columns))
      return
    }
    guard heldKeys.count == tokens * columns else { return }
    cache.reset()
    do {
      try compare(values, tokens: tokens, columns: columns)
    } catch {
      refusal = refusal ?? error
    }
  }

  /// Compares the keys that were shown last, and `values`.
  private func compare(_ values: UnsafePointer<Float>, tokens: Int, columns: Int) throws {
    try cache.reserve(tokens)
    try heldKeys.withUnsafeBufferPointer { held in
      guard let held = held.baseAddress else { return }
      cache.append(keys: held, values: values, tokens: tokens, layer: 0, context: context)
      cache.advance(tokens)
      let view = cache.view(layer: 0)
      for head in 0..<cache.layout.kvHeads {
        keys[head].add(
          try compare(view, isKeys: true, head: head, held, tokens: tokens, columns: columns))
        self.values[head].add(
          try compare(view, isKeys: false, head: head, values, tokens: tokens, columns: columns))
      }
    }
  }

  private func compare(
    _ view: KVView, isKeys: Bool, head: Int, _ reference: UnsafePointer<Float>, tokens: Int,
    columns: Int
  ) throws -> ErrorSums {
    let count = tokens * headDimension
    let memory = try HeapMemory.floats(2 * count)
    defer { memory.deallocate() }
    for token in 0..<tokens {
      (memory + token * headDimension).update(
        from: reference + token * columns + head * headDimension, count: headDimension)
    }
    context.read(view, keys: isKeys, head: head, range: 0..<tokens, into: memory + count)
    return context.compare(memory, memory + count, count: count)
  }
}

package import Models
package import Operators
package import Tensors

/// Finds where in the model a quantized cache hurts: attention compared with the FP16 run, from its own queries, keys and values.
///
/// While a model runs with an FP16 cache, an observer appends the same keys and values to quantized caches: one with keys
/// quantized, one with values, one with both, for each format. At probed tokens the real attention kernels read them with
/// the same queries, and scores are taken from the keys as the cache gives them back.
package struct CacheErrorMeasure {
  package let model: Model
  package let formats: [KVFormatPair]
  package let context: ExecutionContext
  /// Of `tokens` decoded tokens of a window, those whose attention is compared.
  package var probes = 32

  package init(model: Model, formats: [KVFormatPair], context: ExecutionContext) {
    self.model = model
    self.formats = formats
    self.context = context
  }

  /// One map for each format.
  ///
  /// - Parameters:
  ///   - progress: called with the number of decoded tokens done after each.
  ///   - checkpoint: called between tokens; what it throws ends the measure.
  /// - Throws: what the model and its caches throw.
  package func run(
    _ text: DepthText, progress: (Int) -> Void = { _ in }, checkpoint: () throws -> Void = {}
  ) throws -> [CacheErrorMap] {
    let capacity = text.depth + text.tokens
    let cache = try model.makeCache(.fp16, capacity: capacity)
    let shadows = try formats.map {
      try ShadowCaches(model, format: $0, capacity: capacity, context: context)
    }
    let observer = AttentionShadow(model, shadows: shadows, context: context)
    let every = max(1, text.tokens / max(1, probes))
    let logits = Logits()
    var done = 0
    for window in text.windows {
      cache.reset()
      for shadow in shadows { shadow.reset() }
      var first = 0
      while first < capacity {
        try checkpoint()
        let isPrefix = first < text.depth
        let count = isPrefix ? min(256, text.depth - first) : 1
        observer.isProbing = !isPrefix && (first - text.depth + 1) % every == 0
        observer.position = first
        for shadow in shadows { try shadow.reserve(count) }
        try model.forward(
          tokens: Array(window[first..<first + count]), cache: cache, context: context,
          into: logits, options: ForwardOptions(chunk: count, observer: observer))
        for shadow in shadows { shadow.advance(count) }
        if let refusal = observer.refusal { throw refusal }
        if observer.isProbing { observer.compareScores(cache) }
        first += count
        if !isPrefix {
          done += 1
          progress(done)
        }
      }
    }
    return shadows.map { $0.map(probes: observer.probes) }
  }
}

/// The three caches of one format that shadow an FP16 run, and what was found through them.
private final class ShadowCaches {
  /// Sums of one layer and KV head.
  struct Cell {
    var scores = RelativeError()
    var outputs = [RelativeError](repeating: RelativeError(), count: 3)
  }

  /// With keys quantized, with values, with both.
  let caches: [any KVCache]
  /// Output of attention through each of them, `[heads, headDimension]`.
  let outputs: [UnsafeMutablePointer<Float>]
  /// `[layers][kvHeads]`.
  var cells: [[Cell]]
  private let scale: Double

  init(_ model: Model, format: KVFormatPair, capacity: Int, context: ExecutionContext) throws {
    let configuration = model.configuration
    var (keysOnly, valuesOnly) = (format, format)
    keysOnly.values = KVFormatPair.fp16.values
    valuesOnly.keys = KVFormatPair.fp16.keys
    caches = try [keysOnly, valuesOnly, format].map { try model.makeCache($0, capacity: capacity) }
    let width = configuration.heads * configuration.headDimension
    outputs = caches.map { _ in .allocate(capacity: width) }
    for output in outputs { output.initialize(repeating: 0, count: width) }
    cells = [[Cell]](
      repeating: [Cell](repeating: Cell(), count: configuration.kvHeads),
      count: model.blocks.count)
    scale =
      model.blocks[0].plan.attention.scale.map(Double.init)
      ?? 1 / Double(configuration.headDimension).squareRoot()
  }

  deinit { for output in outputs { output.deallocate() } }

  /// The cache scores are taken from.
  var keyCache: any KVCache { caches[0] }

  func reset() { for cache in caches { cache.reset() } }
  func reserve(_ tokens: Int) throws { for cache in caches { try cache.reserve(tokens) } }
  func advance(_ tokens: Int) { for cache in caches { cache.advance(tokens) } }

  func map(probes: Int) -> CacheErrorMap {
    func table(_ value: (Cell) -> Double) -> [[Double]] { cells.map { $0.map(value) } }
    return CacheErrorMap(
      scores: table { $0.scores.relative },
      scoreShift: table { [scale] in $0.scores.rootMeanSquare * scale },
      keys: table { $0.outputs[0].relative }, values: table { $0.outputs[1].relative },
      both: table { $0.outputs[2].relative }, probes: probes)
  }
}

/// Feeds the shadows with what an FP16 run computes, and compares at probed tokens.
private final class AttentionShadow: ForwardObserver {
  private let model: Model
  private let shadows: [ShadowCaches]
  private let context: ExecutionContext
  /// Whether attention of this token is compared.
  var isProbing = false
  /// Position of the first token of the pass.
  var position = 0
  /// Tokens that were compared.
  private(set) var probes = 0
  /// Why something was not compared: memory that was refused.
  private(set) var refusal: (any Error)?
  /// Of the probed token, `[layers][heads * headDimension]`.
  private var queries: [[Float]]
  /// Of the pass, `[tokens, kvHeads * headDimension]`.
  private var keys: [Float] = []

  init(_ model: Model, shadows: [ShadowCaches], context: ExecutionContext) {
    self.model = model
    self.shadows = shadows
    self.context = context
    queries = model.blocks.map { _ in [] }
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    switch tap {
    case .keys, .values: true
    case .queries, .linearInput(.o): isProbing
    default: false
    }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    let all = UnsafeBufferPointer(start: values, count: tokens * columns)
    switch tap {
    case .queries: queries[block] = Array(all)
    case .keys: keys = Array(all)
    case .values: append(values, tokens: tokens, layer: block)
    case .linearInput(.o): compareOutputs(with: all, layer: block)
    default: break
    }
  }

  /// Appends to every shadow and, at a probed token, attends through it.
  private func append(_ values: UnsafePointer<Float>, tokens: Int, layer: Int) {
    for shadow in shadows {
      for (cache, output) in zip(shadow.caches, shadow.outputs) {
        keys.withUnsafeBufferPointer { keys in
          guard let keys = keys.baseAddress else { return }
          cache.append(
            keys: keys, values: values, tokens: tokens, layer: layer, context: context)
        }
        guard isProbing else { continue }
        let view = cache.view(layer: layer).seen(
          by: model.blocks[layer].plan.attention, sinks: model.blocks[layer].sinks)
        queries[layer].withUnsafeBufferPointer { queries in
          guard let queries = queries.baseAddress else { return }
          do {
            try context.attention(
              queries: queries, tokens: tokens, position: position,
              heads: model.configuration.heads, view: view, into: output)
          } catch {
            refusal = refusal ?? error
          }
        }
      }
    }
  }

  /// Compares with what the FP16 run's own attention gave, `[heads * headDimension]`.
  private func compareOutputs(with expected: UnsafeBufferPointer<Float>, layer: Int) {
    let shared = expected.count / model.configuration.kvHeads
    for shadow in shadows {
      for (side, output) in shadow.outputs.enumerated() {
        for (index, value) in expected.enumerated() {
          shadow.cells[layer][index / shared].outputs[side].add(output[index], expected: value)
        }
      }
    }
  }

  /// Compares scores of the probed token with all keys it sees, once all layers hold it.
  func compareScores(_ cache: any KVCache) {
    probes += 1
    let length = position + 1
    let kvHeads = model.configuration.kvHeads
    let dimension = model.configuration.headDimension
    let shared = model.configuration.heads / kvHeads
    var expected = [Float](repeating: 0, count: length * dimension)
    var found = expected
    for layer in queries.indices {
      let window = model.blocks[layer].plan.attention.window
      let seen = (window > 0 ? max(0, length - window) : 0)..<length
      for head in 0..<kvHeads {
        context.read(
          cache.view(layer: layer), keys: true, head: head, range: seen, into: &expected)
        for shadow in shadows {
          context.read(
            shadow.keyCache.view(layer: layer), keys: true, head: head, range: seen, into: &found)
          for query in head * shared..<(head + 1) * shared {
            let row = queries[layer][query * dimension..<(query + 1) * dimension]
            for token in 0..<seen.count {
              shadow.cells[layer][head].scores.add(
                Self.dot(row, found, token), expected: Self.dot(row, expected, token))
            }
          }
        }
      }
    }
  }

  private static func dot(_ query: ArraySlice<Float>, _ keys: [Float], _ token: Int) -> Float {
    query.withUnsafeBufferPointer { query in
      keys.withUnsafeBufferPointer { keys in
        var sum: Float = 0
        let first = token * query.count
        for channel in 0..<query.count { sum += query[channel] * keys[first + channel] }
        return sum
      }
    }
  }
}

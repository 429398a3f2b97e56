package import Models
package import Operators
package import Tensors

/// Quantizes a model by a recipe, one decoder block at a time.
///
/// Activations of the calibration text stream through the blocks of the baseline, so that memory is one block's
/// extra weights and the live activations, whatever the model's size. Each block's layers are compared with
/// themselves in full precision on those activations, through the kernels that will run them.
package struct Quantizer {
  /// What is told while it works.
  package enum Event: Sendable {
    /// Blocks done so far.
    case block(done: Int, of: Int)
    case layer(LayerReport)
  }

  /// What comes out.
  package struct Outcome {
    package var model: Model
    package var cache: KVFormatPair
    package var layers: [LayerReport]
    /// Errors of keys and values by block and KV head; empty when the cache stays FP.
    package var keyErrors: [[ErrorSums]]
    package var valueErrors: [[ErrorSums]]
    /// Largest magnitude of each input channel on the calibration text, by block and projection.
    package var absoluteMaxima: [[Projection: [Float]]]
  }

  package let recipe: Recipe
  package let context: ExecutionContext
  /// Sequences of token ids.
  package let calibration: [[Int32]]

  package init(recipe: Recipe, context: ExecutionContext, calibration: [[Int32]]) {
    self.recipe = recipe
    self.context = context
    self.calibration = calibration
  }

  /// Quantizes `model`, which stays as it is.
  ///
  /// - Parameter checkpoint: called between blocks; what it throws ends the run.
  /// - Throws: `QuantizationError` naming the layer; `ModelError` for weights that are not finite.
  package func run(
    _ model: Model, checkpoint: () throws -> Void = {}, report: (Event) -> Void = { _ in }
  ) throws -> Outcome {
    try recipe.validate()
    let methods = try [
      recipe.weights.map { try QuantizationMethods.make($0, target: .weights) },
      recipe.activations.map { try QuantizationMethods.make($0, target: .activations) },
    ].compactMap { $0 }
    let cache = try cacheFormat(standard: model.precision.cache)
    var outcome = Outcome(
      model: model, cache: cache, layers: [], keyErrors: [], valueErrors: [], absoluteMaxima: [])
    let hidden = try calibration.map { try model.embed($0) }
    // What enters each block behind the blocks that are quantized already.
    let shifted =
      methods.contains { type(of: $0).describes.calibration == .activations }
      ? hidden.map { $0.copy() } : []
    var blocks: [Int: DecoderBlock] = [:]
    for index in model.blocks.indices {
      try checkpoint()
      let block = try model.block(index)
      let hessians = try gather(
        index, block, model: model, hidden: shifted, checkpoint: checkpoint)
      let draft = try draft(block, index: index, methods: methods, hessians: hessians)
      let drafted = try block.replacing(
        Dictionary(
          uniqueKeysWithValues: draft.layers.map { layer in
            let old = block[layer.projection]
            return (
              layer.projection,
              layer.method.isEmpty && layer.activation == old.activation
                ? old
                : try old.replacing(weight: layer.weight, activation: layer.activation)
            )
          }))
      if !shifted.isEmpty {
        try model.runBlock(index, drafted, hidden: shifted, context: context)
      }
      let errors = try compare(
        index, block, drafted, model: model, cache: cache, hidden: hidden, checkpoint: checkpoint)
      for layer in draft.layers {
        let summary = layerReport(layer, block: index, drafted: drafted, errors: errors.layers)
        if !methods.isEmpty {
          outcome.layers.append(summary)
          report(.layer(summary))
        }
      }
      outcome.absoluteMaxima.append(errors.layers.absoluteMaxima)
      if let heads = errors.cache {
        outcome.keyErrors.append(heads.keys)
        outcome.valueErrors.append(heads.values)
      }
      if !methods.isEmpty { blocks[index] = drafted }
      report(.block(done: index + 1, of: model.blocks.count))
    }
    outcome.model = try model.replacing(blocks: blocks)
    return outcome
  }

  /// The formats of the cache the recipe asks for.
  package func cacheFormat(standard: KVFormatPair) throws -> KVFormatPair {
    var format = standard
    if let keys = recipe.keys { format.keys = try KVCacheMethods.make(keys).format }
    if let values = recipe.values { format.values = try KVCacheMethods.make(values).format }
    return format
  }

  /// Second moments of the inputs of a block's layers; the activations do not move on.
  private func gather(
    _ index: Int, _ block: DecoderBlock, model: Model, hidden: [HiddenStates],
    checkpoint: () throws -> Void
  ) throws -> [Projection: Hessian] {
    guard !hidden.isEmpty else { return [:] }
    let gatherer = HessianGatherer()
    for sequence in hidden {
      try checkpoint()
      try model.runBlock(
        index, block, hidden: [sequence.copy()], context: context,
        options: ForwardOptions(observer: gatherer))
    }
    return gatherer.hessians
  }

  private func draft(
    _ block: DecoderBlock, index: Int, methods: [any QuantizationMethod],
    hessians: [Projection: Hessian]
  ) throws -> BlockDraft {
    var draft = BlockDraft(
      index: index,
      layers: try Projection.allCases.map { projection in
        let linear = block[projection]
        if !methods.isEmpty { try linear.checkFinite(pool: context.pool) }
        return BlockDraft.Layer(
          projection: projection, name: "block \(index) \(projection)", weight: linear.weight,
          activation: linear.activation)
      }, pool: context.pool, hessians: hessians)
    for method in methods { try method.quantize(&draft) }
    return draft
  }

  /// Runs the block on the calibration activations, which move on to the next block by it.
  private func compare(
    _ index: Int, _ block: DecoderBlock, _ drafted: DecoderBlock, model: Model,
    cache: KVFormatPair, hidden: [HiddenStates], checkpoint: () throws -> Void
  ) throws -> (layers: LayerComparison, cache: CacheComparison?) {
    var pairs: [Projection: (before: PreparedLinear, after: PreparedLinear)] = [:]
    for projection in Projection.allCases {
      pairs[projection] = (
        try block[projection].prepared(for: context),
        try drafted[projection].prepared(for: context)
      )
    }
    let layers = LayerComparison(pairs, context: context)
    var heads: CacheComparison?
    if recipe.keys != nil || recipe.values != nil {
      var layout = model.cacheLayout(cache)
      layout.layers = 1
      heads = CacheComparison(
        cache: try BlockKVCache(layout, capacity: model.configuration.context), context: context)
    }
    let observer = SeveralObservers([layers] + (heads.map { [$0] } ?? []))
    for sequence in hidden {
      try checkpoint()
      try model.runBlock(
        index, block, hidden: [sequence], context: context,
        options: ForwardOptions(observer: observer))
    }
    return (layers, heads)
  }

  private func layerReport(
    _ layer: BlockDraft.Layer, block: Int, drafted: DecoderBlock, errors: LayerComparison
  ) -> LayerReport {
    let sums = errors.sums[layer.projection] ?? weightErrors(layer)
    let weights = layer.weight.rows * layer.weight.columns
    return LayerReport(
      block: block, projection: layer.projection.rawValue,
      method: layer.method.isEmpty ? "none" : layer.method,
      bits: Double(layer.weight.byteCount * 8) / Double(max(1, weights)),
      relativeError: sums.relativeError, sqnr: sums.sqnr, cosine: sums.cosine,
      fallback: layer.fallback ?? drafted[layer.projection].fallbackReason,
      bytes: layer.weight.byteCount)
  }

  /// Without calibration inputs: the errors of the weights themselves.
  private func weightErrors(_ layer: BlockDraft.Layer) -> ErrorSums {
    let before = layer.original.dequantized()
    let after = layer.weight.dequantized()
    return before.withUnsafeBufferPointer { before in
      after.withUnsafeBufferPointer { after in
        guard let first = before.baseAddress, let second = after.baseAddress else {
          return ErrorSums()
        }
        return context.compare(first, second, count: before.count)
      }
    }
  }
}

/// Shows each of several observers what it wants.
final class SeveralObservers: ForwardObserver {
  private let observers: [any ForwardObserver]

  init(_ observers: [any ForwardObserver]) { self.observers = observers }

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    observers.contains { $0.wants(tap, block: block) }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    for observer in observers where observer.wants(tap, block: block) {
      observer.observe(tap, block: block, values: values, tokens: tokens, columns: columns)
    }
  }
}

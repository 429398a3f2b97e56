import Models
import Operators
import Tensors

/// The work on one block: drafting it, sending the activations through the draft, comparing it with what it was.
struct BlockWork {
  let quantizer: Quantizer
  let model: Model
  let index: Int
  let methods: [any QuantizationMethod]
  let cache: KVFormatPair
  let pause: () throws -> Void
  let report: (Quantizer.Event) -> Void

  private var context: ExecutionContext { quantizer.context }

  /// Quantizes the block and moves the streams on after it.
  func run(_ streams: inout Quantizer.Streams) throws -> QuantizedBlock {
    let block = try model.block(index)
    let draft = try draft(block, streams.shifted)
    let drafted = try draft.drafted(from: block)
    try advance(streams.shifted, through: drafted)
    let errors = try compare(block, drafted, draft, streams.plain)
    let layers =
      methods.isEmpty && quantizer.candidate == nil
      ? [] : try draft.layers.map { try layerReport($0, drafted: drafted, errors: errors.layers) }
    var curves: [Projection: SearchCurve] = [:]
    var scales: [Projection: LayerScales] = [:]
    for layer in draft.layers {
      curves[layer.projection] = layer.curve
      if !layer.scales.isIdentity { scales[layer.projection] = layer.scales }
    }
    return QuantizedBlock(
      block: drafted,
      record: .init(
        layers: layers, curves: curves, keyErrors: errors.cache?.keys ?? [],
        valueErrors: errors.cache?.values ?? []),
      absoluteMaxima: errors.layers.absoluteMaxima, scales: scales)
  }

  private func draft(_ block: DecoderBlock, _ shifted: [HiddenStates]) throws -> BlockDraft {
    let calibration =
      shifted.isEmpty
      ? nil
      : try BlockCalibration(
        model: model, index: index, sequences: shifted, context: context, checkpoint: pause
      ) { what, share in
        report(.step(block: index, what: what, share: share))
      }
    var draft = try BlockDraft(
      block, index: index, recipe: quantizer.recipe, pool: context.pool, calibration: calibration)
    if let candidate = quantizer.candidate {
      try draft.take(candidate.block(index), over: block)
    } else {
      try draft.run(methods)
    }
    return draft
  }

  /// Sends the activations of the calibration text through the drafted block.
  private func advance(_ shifted: [HiddenStates], through drafted: DecoderBlock) throws {
    for (number, sequence) in shifted.enumerated() {
      try pause()
      try model.runBlock(index, drafted, hidden: [sequence], context: context)
      try check(sequence, number: number)
      report(
        .step(
          block: index, what: "activations through the quantized block",
          share: Double(number + 1) / Double(shifted.count)))
    }
  }

  /// Runs the block as it was on the compared activations, which move on to the next block by it.
  private func compare(
    _ block: DecoderBlock, _ drafted: DecoderBlock, _ draft: BlockDraft, _ plain: [HiddenStates]
  ) throws -> (layers: LayerComparison, cache: CacheComparison?) {
    var pairs: [Projection: LayerComparison.Drafted] = [:]
    for layer in draft.layers where !plain.isEmpty {
      pairs[layer.projection] = .init(
        layer: try drafted[layer.projection].prepared(for: context), scales: layer.scales)
    }
    let layers = LayerComparison(pairs, context: context)
    var heads: CacheComparison?
    if !plain.isEmpty, quantizer.recipe.keys != nil || quantizer.recipe.values != nil {
      var layout = model.cacheLayout(cache)
      layout.layers = 1
      layout.format = cache.inLayer(index, of: model.blocks.count)
      heads = CacheComparison(
        cache: try BlockKVCache(layout, capacity: model.configuration.context), context: context)
    }
    let observer = SeveralObservers([layers] + (heads.map { [$0] } ?? []))
    for (number, sequence) in plain.enumerated() {
      try pause()
      try model.runBlock(
        index, block, hidden: [sequence], context: context,
        options: ForwardOptions(observer: observer))
      if let refusal = observer.refusal { throw refusal }
      try check(sequence, number: number)
      report(
        .step(
          block: index, what: "comparing outputs", share: Double(number + 1) / Double(plain.count)))
    }
    return (layers, heads)
  }

  private func layerReport(
    _ layer: BlockDraft.Layer, drafted: DecoderBlock, errors: LayerComparison
  ) throws -> LayerReport {
    let weight = drafted[layer.projection].weight
    let outputs = errors.sums[layer.projection]
    let isGiven = quantizer.candidate != nil
    let weights = isGiven || outputs == nil ? try weightErrors(layer) : nil
    let sums = outputs ?? weights ?? ErrorSums()
    let linear = drafted[layer.projection]
    // A layer that did not run yet is asked what would run it.
    let kernel =
      linear.fallbackReason
      ?? (outputs == nil ? linear.choice(disabling: context.disabledKernels).reason : nil)
    let reasons = [layer.fallback, kernel].compactMap(\.self)
    return LayerReport(
      block: index, projection: layer.projection.rawValue,
      method: layer.method.isEmpty ? "none" : layer.method,
      bits: weight.bitsPerWeight,
      relativeError: sums.relativeError, sqnr: sums.sqnr, cosine: sums.cosine,
      fallback: reasons.isEmpty ? nil : reasons.joined(separator: "; "),
      bytes: weight.byteCount, rawLoss: layer.rawLoss,
      weightError: isGiven ? weights?.relativeError : nil,
      deadColumns: layer.silent.flatMap { $0.dead.isEmpty ? nil : $0.dead },
      starvedColumns: layer.silent.flatMap { $0.starved.isEmpty ? nil : $0.starved })
  }

  /// The errors of the weights themselves, against the original with the scales that were moved.
  private func weightErrors(_ layer: BlockDraft.Layer) throws -> ErrorSums {
    let original =
      layer.scales.isIdentity ? layer.original : try layer.scales.applied(to: layer.original)
    try original.expectRoom(2 * MemoryLayout<Float>.stride)
    let before = original.dequantized()
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

  /// - Throws: `QuantizationError.activationsNotFinite`.
  private func check(_ sequence: HiddenStates, number: Int) throws(QuantizationError) {
    let count = sequence.tokens * sequence.width
    // All exponent bits set is what infinities and not-a-numbers have in common.
    var found: UInt32 = 0
    for place in 0..<count {
      found |= sequence.pointer[place].bitPattern & 0x7f80_0000 == 0x7f80_0000 ? 1 : 0
    }
    guard found != 0, let place = (0..<count).first(where: { !sequence.pointer[$0].isFinite })
    else { return }
    throw .activationsNotFinite(
      block: index, sequence: number, token: place / sequence.width,
      channel: place % sequence.width, value: sequence.pointer[place])
  }
}

/// Shows each of several observers what it wants.
final class SeveralObservers: ForwardObserver {
  private let observers: [any ForwardObserver]

  var refusal: (any Error)? { observers.lazy.compactMap(\.refusal).first }

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

import Operators
import Tensors

/// Consecutive tokens of one sequence inside a batch.
struct TokenSegment {
  /// Row of the first token in the batch.
  var first: Int
  var count: Int
  /// Position of the first token in its sequence.
  var position: Int
  var cache: any KVCache
}

/// Runs decoder blocks over a batch of tokens in the buffers of one execution context.
///
/// T tokens in the batch, H hidden size; the residual stream stays in float32.
struct BlockRunner {
  let configuration: ModelConfiguration
  let context: ExecutionContext
  let observer: (any ForwardObserver)?
  /// T.
  let tokens: Int
  let segments: [TokenSegment]
  let rotary: RotaryTable.Rows
  private let buffers: Buffers

  /// Memory of the context, each as long as T tokens need.
  struct Buffers {
    /// `[T, H]`.
    let hidden: UnsafeMutablePointer<Float>
    /// The input of the next linear layers, `[T, H]`.
    let normed: UnsafeMutablePointer<Float>
    /// What is added to the residual stream next, `[T, H]`.
    let delta: UnsafeMutablePointer<Float>
    let queries: UnsafeMutablePointer<Float>
    let keys: UnsafeMutablePointer<Float>
    let values: UnsafeMutablePointer<Float>
    /// The output of attention, `[T, heads * headDimension]`.
    let attended: UnsafeMutablePointer<Float>
    let gate: UnsafeMutablePointer<Float>
    let up: UnsafeMutablePointer<Float>
    let attentionOutputs: [UnsafeMutablePointer<Float>]
    let expansionOutputs: [UnsafeMutablePointer<Float>]
    let deltaOutput: [UnsafeMutablePointer<Float>]

    init(_ context: ExecutionContext, _ configuration: ModelConfiguration, tokens: Int) {
      let queries = configuration.heads * configuration.headDimension
      let cached = configuration.kvHeads * configuration.headDimension
      let widths = [
        configuration.hiddenSize, configuration.hiddenSize, configuration.hiddenSize, queries,
        cached, cached, queries, configuration.intermediateSize, configuration.intermediateSize,
      ]
      func buffer(_ slot: Int) -> UnsafeMutablePointer<Float> {
        context.floats(slot: slot, count: widths[slot] * tokens)
      }
      hidden = buffer(0)
      normed = buffer(1)
      delta = buffer(2)
      self.queries = buffer(3)
      keys = buffer(4)
      values = buffer(5)
      attended = buffer(6)
      gate = buffer(7)
      up = buffer(8)
      attentionOutputs = [self.queries, keys, values]
      expansionOutputs = [gate, up]
      deltaOutput = [delta]
    }
  }

  init(
    _ model: Model, context: ExecutionContext, observer: (any ForwardObserver)?,
    segments: [TokenSegment]
  ) {
    configuration = model.configuration
    self.context = context
    self.observer = observer
    self.segments = segments
    tokens = segments.reduce(0) { $0 + $1.count }
    rotary = model.rotary.rows(segments.reduce(0) { max($0, $1.position + $1.count) })
    buffers = Buffers(context, model.configuration, tokens: tokens)
  }

  /// The residual stream, `[T, H]`.
  var hidden: UnsafeMutablePointer<Float> { buffers.hidden }
  /// What the last layers add to it, `[T, H]`.
  var delta: UnsafeMutablePointer<Float> { buffers.delta }
  /// What the last norm left, `[T, H]`.
  var normed: UnsafeMutablePointer<Float> { buffers.normed }

  /// Normalizes the residual stream for the first block.
  func normalize(_ norm: NormWeight) {
    context.rmsNorm(
      buffers.hidden, weight: norm.pointer, epsilon: configuration.normEpsilon,
      into: buffers.normed, rows: tokens, columns: configuration.hiddenSize)
  }

  /// Runs one block on what `normalize`, or the block before, left.
  ///
  /// - Parameters:
  ///   - layer: where the block's keys and values lie in the caches.
  ///   - next: the norm behind the block; without one the residual stream is only added to.
  ///   - endsBefore: the layer whose input is the last that is wanted.
  func run(
    _ block: DecoderBlock, index: Int, layer: Int, next: NormWeight?,
    endsBefore: Projection? = nil
  ) throws {
    context.block = index
    defer { context.block = -1 }
    show(.blockInput, index, buffers.hidden, configuration.hiddenSize)
    let prepared = try block.prepared(for: context)
    attend(block, prepared, index: index, layer: layer, endsBefore: endsBefore)
    if let endsBefore, endsBefore <= .o { return }
    context.addRMSNorm(
      residual: buffers.hidden, delta: buffers.delta, weight: block.feedForwardNorm.pointer,
      epsilon: configuration.normEpsilon, into: buffers.normed, rows: tokens,
      columns: configuration.hiddenSize)
    feedForward(prepared, index: index, endsBefore: endsBefore)
    if endsBefore != nil { return }
    if let next {
      context.addRMSNorm(
        residual: buffers.hidden, delta: buffers.delta, weight: next.pointer,
        epsilon: configuration.normEpsilon, into: buffers.normed, rows: tokens,
        columns: configuration.hiddenSize)
    } else {
      context.add(
        buffers.hidden, buffers.delta, rows: tokens, columns: configuration.hiddenSize)
    }
    show(.blockOutput, index, buffers.hidden, configuration.hiddenSize)
  }

  /// Runs one half of a block on what `normalize` left; `delta` is then what it adds.
  func runModule(behind norm: BlockNorm, _ block: DecoderBlock, index: Int, layer: Int) throws {
    let prepared = try block.prepared(for: context)
    switch norm {
    case .attention: attend(block, prepared, index: index, layer: layer)
    case .feedForward: feedForward(prepared, index: index)
    }
  }

  private func attend(
    _ block: DecoderBlock, _ prepared: PreparedBlock, index: Int, layer: Int,
    endsBefore: Projection? = nil
  ) {
    let heads = configuration.heads
    let kvHeads = configuration.kvHeads
    let dimension = configuration.headDimension
    show(.linearInput(.q), index, buffers.normed, configuration.hiddenSize)
    show(.linearInput(.k), index, buffers.normed, configuration.hiddenSize)
    show(.linearInput(.v), index, buffers.normed, configuration.hiddenSize)
    if let endsBefore, endsBefore <= .v { return }
    context.linear(
      prepared.attention, input: buffers.normed, tokens: tokens, outputs: buffers.attentionOutputs)
    show(.linearOutput(.q), index, buffers.queries, heads * dimension)
    show(.linearOutput(.k), index, buffers.keys, kvHeads * dimension)
    show(.linearOutput(.v), index, buffers.values, kvHeads * dimension)
    if let norm = block.queryNorm {
      context.headRMSNorm(
        buffers.queries, weight: norm.pointer, epsilon: configuration.normEpsilon, tokens: tokens,
        heads: heads, headDimension: dimension)
    }
    if let norm = block.keyNorm {
      context.headRMSNorm(
        buffers.keys, weight: norm.pointer, epsilon: configuration.normEpsilon, tokens: tokens,
        heads: kvHeads, headDimension: dimension)
    }
    for segment in segments {
      let queries = buffers.queries + segment.first * heads * dimension
      let keys = buffers.keys + segment.first * kvHeads * dimension
      let values = buffers.values + segment.first * kvHeads * dimension
      context.rope(
        queries, cosine: rotary.cosine, sine: rotary.sine, position: segment.position,
        tokens: segment.count, heads: heads, headDimension: dimension)
      context.rope(
        keys, cosine: rotary.cosine, sine: rotary.sine, position: segment.position,
        tokens: segment.count, heads: kvHeads, headDimension: dimension)
      segment.cache.append(
        keys: keys, values: values, tokens: segment.count, layer: layer, context: context)
    }
    look(index: index, layer: layer)
    show(.queries, index, buffers.queries, heads * dimension)
    show(.keys, index, buffers.keys, kvHeads * dimension)
    show(.values, index, buffers.values, kvHeads * dimension)
    show(.linearInput(.o), index, buffers.attended, heads * dimension)
    if endsBefore == .o { return }
    context.linear(
      prepared.output, input: buffers.attended, tokens: tokens, outputs: buffers.deltaOutput)
    show(.linearOutput(.o), index, buffers.delta, configuration.hiddenSize)
  }

  /// Attention of every segment over its own cache; those of one token each are shared out together.
  private func look(index: Int, layer: Int) {
    let heads = configuration.heads
    let views = segments.map { segment in
      var view = segment.cache.view(layer: layer)
      view.window = configuration.windows[index]
      return (position: segment.position, view: view)
    }
    guard segments.contains(where: { $0.count != 1 }) else {
      context.attention(
        queries: buffers.queries, sequences: views, heads: heads, into: buffers.attended)
      return
    }
    for (segment, seen) in zip(segments, views) {
      let place = segment.first * heads * configuration.headDimension
      context.attention(
        queries: buffers.queries + place, tokens: segment.count, position: seen.position,
        heads: heads, view: seen.view, into: buffers.attended + place)
    }
  }

  private func feedForward(
    _ prepared: PreparedBlock, index: Int, endsBefore: Projection? = nil
  ) {
    let width = configuration.intermediateSize
    show(.linearInput(.gate), index, buffers.normed, configuration.hiddenSize)
    show(.linearInput(.up), index, buffers.normed, configuration.hiddenSize)
    if endsBefore == .gate || endsBefore == .up { return }
    context.linear(
      prepared.expansion, input: buffers.normed, tokens: tokens, outputs: buffers.expansionOutputs)
    show(.linearOutput(.gate), index, buffers.gate, width)
    show(.linearOutput(.up), index, buffers.up, width)
    context.swiglu(
      gate: buffers.gate, up: buffers.up, into: buffers.gate, rows: tokens, columns: width)
    show(.linearInput(.down), index, buffers.gate, width)
    if endsBefore == .down { return }
    context.linear(
      prepared.contraction, input: buffers.gate, tokens: tokens, outputs: buffers.deltaOutput)
    show(.linearOutput(.down), index, buffers.delta, configuration.hiddenSize)
  }

  private func show(
    _ tap: ForwardTap, _ index: Int, _ values: UnsafePointer<Float>, _ columns: Int
  ) {
    guard let observer, observer.wants(tap, block: index) else { return }
    observer.observe(tap, block: index, values: values, tokens: tokens, columns: columns)
  }
}

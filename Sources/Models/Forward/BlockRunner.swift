import Operators
import Tensors

/// Consecutive tokens of one sequence inside a batch.
struct TokenSegment {
  /// Row of the first token in the batch.
  var first: Int
  var count: Int
  /// Position of the first token in its sequence.
  var position: Int
  /// Tokens of the sequence once all passes over what is read now are done; its rotation may depend on it.
  var length: Int
  var cache: any KVCache
}

/// Runs the plans of decoder blocks over a batch of tokens in the buffers of one execution context.
///
/// T tokens in the batch, H hidden size; the residual stream stays in float32.
struct BlockRunner {
  let configuration: ModelConfiguration
  let context: ExecutionContext
  let observer: (any ForwardObserver)?
  /// T.
  let tokens: Int
  let segments: [TokenSegment]
  /// Cosines and sines of each rotation of the model.
  private let rotary: RotaryRows
  let buffers: ForwardBuffers

  /// What the half or block that follows reads.
  enum Reader {
    /// The stream after a norm; without one as it is.
    case stream(NormWeight?)
    /// Nothing follows.
    case nothing
  }

  init(
    _ model: Model, context: ExecutionContext, observer: (any ForwardObserver)?,
    segments: [TokenSegment]
  ) throws {
    configuration = model.configuration
    self.context = context
    self.observer = observer
    self.segments = segments
    tokens = segments.reduce(0) { $0 + $1.count }
    rotary = try model.rotary.rows(
      segments.reduce(0) { max($0, $1.position + $1.count) }, lengths: segments.map(\.length))
    buffers = try ForwardBuffers(context, model.configuration, tokens: tokens)
  }

  /// The residual stream, `[T, H]`.
  var hidden: UnsafeMutablePointer<Float> { buffers.hidden }
  /// What the last layers add to it, `[T, H]`.
  var delta: UnsafeMutablePointer<Float> { buffers.delta }
  /// What the last norm left, `[T, H]`.
  var normed: UnsafeMutablePointer<Float> { buffers.normed }

  /// Makes of the residual stream what the first layers read.
  ///
  /// - Parameter norm: nil for layers that read it as it is.
  func normalize(_ norm: NormWeight?) {
    guard let norm else {
      buffers.normed.update(from: buffers.hidden, count: tokens * configuration.hiddenSize)
      return
    }
    context.normalize(
      buffers.hidden, by: norm, epsilon: configuration.normEpsilon, into: buffers.normed,
      rows: tokens)
  }

  /// Runs one block on what `normalize`, or the block before, left.
  ///
  /// - Parameters:
  ///   - layer: where the block's keys and values lie in the caches.
  ///   - next: what reads the stream after the block.
  ///   - endsBefore: the layer whose input is the last that is wanted.
  func run(
    _ block: DecoderBlock, index: Int, layer: Int, next: Reader, endsBefore: Projection? = nil
  ) throws {
    context.block = index
    defer { context.block = -1 }
    show(.blockInput, index, buffers.hidden, configuration.hiddenSize)
    let prepared = try block.prepared(for: context)
    try attend(block.plan, prepared, index: index, layer: layer, endsBefore: endsBefore)
    if let endsBefore, endsBefore <= prepared.attention.writerRole { return }
    add(block.plan, next: .stream(prepared.feedForwardNorm))
    try feedForward(block.plan, prepared, index: index, endsBefore: endsBefore)
    if endsBefore != nil { return }
    add(block.plan, next: next)
    show(.blockOutput, index, buffers.hidden, configuration.hiddenSize)
  }

  /// Runs one half of a block on what `normalize` left; `delta` is then what it adds.
  func run(_ half: BlockHalf, _ block: DecoderBlock, index: Int, layer: Int) throws {
    let prepared = try block.prepared(for: context)
    switch half {
    case .attention: try attend(block.plan, prepared, index: index, layer: layer)
    case .feedForward: try feedForward(block.plan, prepared, index: index)
    }
    let multiplier = block.plan.residualMultiplier
    guard multiplier != 1 else { return }
    context.multiply(buffers.delta, by: multiplier, count: tokens * configuration.hiddenSize)
  }

  /// Adds what a half yields to the residual stream, and makes of that what follows reads.
  private func add(_ plan: BlockPlan, next: Reader) {
    let width = configuration.hiddenSize
    if plan.residualMultiplier != 1 {
      context.multiply(buffers.delta, by: plan.residualMultiplier, count: tokens * width)
    }
    if case .stream(let norm?) = next, norm.kind == .rms {
      context.addRMSNorm(
        residual: buffers.hidden, delta: buffers.delta, weight: norm.pointer,
        epsilon: configuration.normEpsilon, into: buffers.normed, rows: tokens, columns: width)
      return
    }
    context.add(buffers.hidden, buffers.delta, rows: tokens, columns: width)
    if case .stream(let norm) = next { normalize(norm) }
  }

  /// What a half yields, normalized where the plan says so.
  private func close(_ half: PreparedBlock.Half, index: Int) {
    show(.linearOutput(half.writerRole), index, buffers.delta, configuration.hiddenSize)
    close(half.closingNorm)
  }

  func close(_ norm: NormWeight?) {
    guard let norm else { return }
    context.normalize(buffers.delta, by: norm, epsilon: configuration.normEpsilon, rows: tokens)
  }

  private func attend(
    _ plan: BlockPlan, _ prepared: PreparedBlock, index: Int, layer: Int,
    endsBefore: Projection? = nil
  ) throws {
    let half = prepared.attention
    let attention = plan.attention
    let heads = attention.heads
    let kvHeads = attention.kvHeads
    let dimension = attention.headDimension
    showInputs(of: half, index)
    if let endsBefore, endsBefore < half.writerRole { return }
    try context.linear(
      half.readers, input: buffers.normed, tokens: tokens, outputs: buffers.attentionOutputs)
    showOutputs(of: half, index, buffers.attentionOutputs)
    if let norm = prepared.queryNorm {
      normalize(buffers.queries, by: norm, heads: heads, dimension: dimension)
    }
    if let norm = prepared.keyNorm {
      normalize(buffers.keys, by: norm, heads: kvHeads, dimension: dimension)
    }
    for segment in segments {
      let rows = try attention.rotation.map { try rotary.of($0, length: segment.length) }
      let queries = buffers.queries + segment.first * heads * dimension
      let keys = buffers.keys + segment.first * kvHeads * dimension
      let values = buffers.values + segment.first * kvHeads * dimension
      if let rows {
        turn(queries, by: rows, segment, heads: heads, attention)
        turn(keys, by: rows, segment, heads: kvHeads, attention)
      }
      segment.cache.append(
        keys: keys, values: values, tokens: segment.count, layer: layer, context: context)
    }
    try attendCaches(attention, prepared.sinks, layer: layer)
    show(.queries, index, buffers.queries, heads * dimension)
    show(.keys, index, buffers.keys, kvHeads * dimension)
    show(.values, index, buffers.values, kvHeads * dimension)
    show(.linearInput(half.writerRole), index, buffers.attended, heads * dimension)
    if endsBefore == half.writerRole { return }
    try context.linear(
      half.writer, input: buffers.attended, tokens: tokens, outputs: buffers.deltaOutput)
    close(half, index: index)
  }

  private func turn(
    _ vectors: UnsafeMutablePointer<Float>, by rows: RotaryTable.Rows, _ segment: TokenSegment,
    heads: Int, _ attention: AttentionPlan
  ) {
    withExtendedLifetime(rows) {
      context.rope(
        vectors, cosine: rows.cosine, sine: rows.sine, position: segment.position,
        tokens: segment.count, heads: heads, headDimension: attention.headDimension,
        channels: attention.rotation?.channels)
    }
  }

  /// Queries or keys in place: head by head, or all heads of a token together.
  private func normalize(
    _ vectors: UnsafeMutablePointer<Float>, by norm: NormWeight, heads: Int, dimension: Int
  ) {
    let isOfHeads = norm.count == dimension
    context.headRMSNorm(
      vectors, weight: norm.pointer, epsilon: configuration.normEpsilon, tokens: tokens,
      heads: isOfHeads ? heads : 1, headDimension: isOfHeads ? dimension : heads * dimension)
  }

  /// Attention of every segment over its own cache; those of one token each are shared out together.
  private func attendCaches(_ attention: AttentionPlan, _ sinks: AttentionSinks?, layer: Int) throws
  {
    let heads = attention.heads
    let views = segments.map { segment in
      (
        position: segment.position,
        view: segment.cache.view(layer: layer).seen(by: attention, sinks: sinks)
      )
    }
    guard segments.contains(where: { $0.count != 1 }) else {
      try context.attention(
        queries: buffers.queries, sequences: views, heads: heads, into: buffers.attended)
      return
    }
    for (segment, seen) in zip(segments, views) {
      let place = segment.first * heads * attention.headDimension
      try context.attention(
        queries: buffers.queries + place, tokens: segment.count, position: seen.position,
        heads: heads, view: seen.view, into: buffers.attended + place)
    }
  }

  private func feedForward(
    _ plan: BlockPlan, _ prepared: PreparedBlock, index: Int, endsBefore: Projection? = nil
  ) throws {
    let half: PreparedBlock.Half
    switch prepared.feedForward {
    case .dense(let dense): half = dense
    case .mixture(let mixture):
      return try feedForward(plan, mixture, index: index, endsBefore: endsBefore)
    }
    let width = plan.intermediate
    showInputs(of: half, index)
    if let endsBefore, endsBefore < half.writerRole { return }
    let outputs = plan.feedForward.hasGate ? buffers.gatedOutputs : buffers.plainOutputs
    try context.linear(half.readers, input: buffers.normed, tokens: tokens, outputs: outputs)
    showOutputs(of: half, index, outputs)
    activate(plan.feedForward, outputs, rows: tokens, columns: width)
    show(.linearInput(half.writerRole), index, outputs[0], width)
    if endsBefore == half.writerRole { return }
    try context.linear(half.writer, input: outputs[0], tokens: tokens, outputs: buffers.deltaOutput)
    close(half, index: index)
  }

  /// What the layers between the halves of a feed-forward layer yield, into the first of `outputs`.
  func activate(
    _ plan: FeedForwardPlan, _ outputs: [UnsafeMutablePointer<Float>], rows: Int, columns: Int
  ) {
    if let gate = plan.clampedGate {
      context.activate(
        gate, outputs[0], times: outputs[1], into: outputs[0], rows: rows, columns: columns)
    } else {
      context.activate(
        plan.activation, outputs[0], times: plan.hasGate ? outputs[1] : nil, into: outputs[0],
        rows: rows, columns: columns)
    }
  }

  // MARK: The tap

  private func showInputs(of half: PreparedBlock.Half, _ index: Int) {
    guard observer != nil else { return }
    for role in half.readerRoles {
      show(.linearInput(role), index, buffers.normed, configuration.hiddenSize)
    }
  }

  private func showOutputs(
    of half: PreparedBlock.Half, _ index: Int, _ outputs: [UnsafeMutablePointer<Float>]
  ) {
    guard observer != nil else { return }
    for (place, role) in half.readerRoles.enumerated() {
      show(.linearOutput(role), index, outputs[place], half.readers[place].rows)
    }
  }

  /// - Parameter count: the rows of `values`; nil for one a token.
  func show(
    _ tap: ForwardTap, _ index: Int, _ values: UnsafePointer<Float>, _ columns: Int,
    rows count: Int? = nil
  ) {
    guard let observer, observer.wants(tap, block: index) else { return }
    observer.observe(tap, block: index, values: values, tokens: count ?? tokens, columns: columns)
  }
}

extension ExecutionContext {
  /// `[rows, hidden]`.
  func normalize(
    _ x: UnsafePointer<Float>, by norm: NormWeight, epsilon: Float,
    into out: UnsafeMutablePointer<Float>, rows: Int
  ) {
    switch norm.kind {
    case .rms:
      rmsNorm(
        x, weight: norm.pointer, epsilon: epsilon, into: out, rows: rows, columns: norm.count)
    case .layer:
      layerNorm(
        x, weight: norm.pointer, bias: norm.biasPointer, epsilon: epsilon, into: out, rows: rows,
        columns: norm.count)
    }
  }

  /// In place, `[rows, hidden]`.
  fileprivate func normalize(
    _ x: UnsafeMutablePointer<Float>, by norm: NormWeight, epsilon: Float, rows: Int
  ) {
    switch norm.kind {
    case .rms:
      headRMSNorm(
        x, weight: norm.pointer, epsilon: epsilon, tokens: rows, heads: 1,
        headDimension: norm.count)
    case .layer:
      layerNorm(
        x, weight: norm.pointer, bias: norm.biasPointer, epsilon: epsilon, into: x, rows: rows,
        columns: norm.count)
    }
  }
}

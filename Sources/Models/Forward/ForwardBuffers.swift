import Operators

/// The memory of a forward pass in an execution context, each part as long as T tokens need.
struct ForwardBuffers {
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
  /// Queries, keys and values.
  let attentionOutputs: [UnsafeMutablePointer<Float>]
  /// Of gate and up, each `[T, intermediate]`.
  let gatedOutputs: [UnsafeMutablePointer<Float>]
  /// Of up alone.
  let plainOutputs: [UnsafeMutablePointer<Float>]
  let deltaOutput: [UnsafeMutablePointer<Float>]
  private let context: ExecutionContext
  private let tokens: Int

  /// - Throws: the platform's error when memory is refused, with the bytes.
  init(_ context: ExecutionContext, _ configuration: ModelConfiguration, tokens: Int) throws {
    let queries = configuration.heads * configuration.headDimension
    // Experts may be wider than the dense layers of other blocks.
    let widest = max(
      configuration.intermediateSize, Int(configuration.particulars["expert_width"]?.first ?? 0))
    let cached = configuration.kvHeads * configuration.headDimension
    let widths = [
      configuration.hiddenSize, configuration.hiddenSize, configuration.hiddenSize, queries,
      cached, cached, queries, widest, widest,
    ]
    self.context = context
    self.tokens = tokens
    func buffer(_ slot: Int) throws -> UnsafeMutablePointer<Float> {
      try context.floats(slot: slot, count: widths[slot] * tokens)
    }
    hidden = try buffer(0)
    normed = try buffer(1)
    delta = try buffer(2)
    self.queries = try buffer(3)
    keys = try buffer(4)
    values = try buffer(5)
    attended = try buffer(6)
    gatedOutputs = [try buffer(7), try buffer(8)]
    plainOutputs = [gatedOutputs[0]]
    attentionOutputs = [self.queries, keys, values]
    deltaOutput = [delta]
  }

  /// What the router of a mixture yields, `[T, experts]`.
  func routerScores(experts: Int) throws -> UnsafeMutablePointer<Float> {
    try context.floats(slot: 9, count: experts * tokens)
  }

  /// The inputs and the outputs of one expert, each `[T, H]`.
  func expertRows(_ width: Int) throws -> (
    inputs: UnsafeMutablePointer<Float>, outputs: UnsafeMutablePointer<Float>
  ) {
    (
      try context.floats(slot: 10, count: width * tokens),
      try context.floats(slot: 11, count: width * tokens)
    )
  }
}

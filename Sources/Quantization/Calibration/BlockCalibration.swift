package import Models
package import Operators

/// What the calibration text sends into one block: the residual stream behind the blocks that are quantized already.
///
/// A method looks at the block's tensors by running it, as it was or as it is drafted so far, on every sequence.
/// Nothing moves on meanwhile, and only one sequence is held beside the stream itself.
package final class BlockCalibration {
  package let model: Model
  package let index: Int
  /// The block as it was.
  package let block: DecoderBlock
  package let context: ExecutionContext
  /// What enters the block, one a sequence, `[tokens, hidden]`.
  package let sequences: [HiddenStates]

  private let checkpoint: () throws -> Void
  private let progress: (_ what: String, _ share: Double) -> Void

  /// - Parameters:
  ///   - checkpoint: called between sequences; what it throws ends the run.
  ///   - progress: told what is being done and how much of it is done, from 0 to 1.
  package init(
    model: Model, index: Int, sequences: [HiddenStates], context: ExecutionContext,
    checkpoint: @escaping () throws -> Void = {},
    progress: @escaping (_ what: String, _ share: Double) -> Void = { _, _ in }
  ) throws {
    self.model = model
    self.index = index
    block = try model.block(index)
    self.sequences = sequences
    self.context = context
    self.checkpoint = checkpoint
    self.progress = progress
  }

  /// Tokens of all sequences.
  package var tokens: Int { sequences.reduce(0) { $0 + $1.tokens } }

  /// Waits while the job is paused.
  ///
  /// - Throws: when the job was cancelled.
  package func pause() throws { try checkpoint() }

  /// Tells how far a method has come with a part of its work.
  package func report(_ what: String, _ share: Double) { progress(what, share) }

  /// Runs `block` over every sequence and shows `observer` what it wants.
  ///
  /// - Parameter endsBefore: the layer whose input is the last that is wanted; the block runs no further.
  /// - Throws: what running and the job's checkpoint throw.
  package func run(
    _ block: DecoderBlock, for what: String, endsBefore: Projection? = nil,
    observer: any ForwardObserver
  ) throws {
    for (number, sequence) in sequences.enumerated() {
      try checkpoint()
      try model.runBlock(
        index, block, hidden: [sequence.copy()], context: context,
        options: ForwardOptions(observer: observer, endsBefore: endsBefore))
      progress(what, Double(number + 1) / Double(sequences.count))
    }
  }

  /// Second moments of the inputs of `block`'s layers, by the first projection of each input group in `groups`.
  ///
  /// - Throws: what running and the job's checkpoint throw.
  package func hessians(
    of block: DecoderBlock, groups: [Projection]
  ) throws -> [Projection: Hessian] {
    let gatherer = HessianGatherer(groups: groups, context: context)
    let names = groups.map(\.rawValue).joined(separator: ", ")
    try run(
      block, for: "moments of the inputs of \(names)", endsBefore: groups.max(),
      observer: gatherer)
    return gatherer.hessians
  }
}

/// Sums up the second moments of the inputs of one block's layers, one for layers that share their inputs.
final class HessianGatherer: ForwardObserver {
  private let groups: Set<Projection>
  private let context: ExecutionContext
  private(set) var hessians: [Projection: Hessian] = [:]

  init(groups: [Projection], context: ExecutionContext) {
    self.groups = Set(groups)
    self.context = context
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    if case .linearInput(let projection) = tap { groups.contains(projection) } else { false }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    guard case .linearInput(let projection) = tap else { return }
    hessians[projection, default: Hessian(columns: columns)].add(
      values, tokens: tokens, pool: context.pool, provider: context.provider)
  }
}

package import Models
package import Operators
import Platform

/// What the calibration text sends into one block: the residual stream after the blocks that are quantized already.
///
/// A method looks at the block's tensors by running it, as it was or as it is drafted so far, on every sequence.
/// Nothing moves on meanwhile, and only one sequence is held in addition to the stream itself. Of a layer without a block only its
/// inputs are there.
package final class BlockCalibration {
  /// A block of a model and what enters it.
  package struct Stream {
    package let model: Model
    package let index: Int
    /// The block as it was.
    package let block: DecoderBlock
    /// What enters the block, one a sequence, `[tokens, hidden]`.
    package let sequences: [HiddenStates]
  }

  private enum Source {
    case stream(Stream)
    case layer(LoneLayer)
  }

  private let source: Source
  package let context: ExecutionContext
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
    source = .stream(
      Stream(model: model, index: index, block: try model.block(index), sequences: sequences))
    self.context = context
    self.checkpoint = checkpoint
    self.progress = progress
  }

  /// The inputs of a layer without a block.
  package init(_ layer: LoneLayer, context: ExecutionContext) {
    source = .layer(layer)
    self.context = context
    checkpoint = {}
    progress = { _, _ in }
  }

  /// The block and what enters it; nil for a layer without one.
  package var stream: Stream? {
    if case .stream(let stream) = source { stream } else { nil }
  }

  /// Tokens of all sequences.
  package var tokens: Int {
    switch source {
    case .stream(let stream): stream.sequences.reduce(0) { $0 + $1.tokens }
    case .layer(let layer): layer.tokens
    }
  }

  /// Neighbours between which scale can move.
  package var scalePairs: [ScalePair] {
    switch source {
    case .stream(let stream): stream.block.plan.scalePairs
    case .layer(let layer): [layer.pair]
    }
  }

  /// The type that norms are stored in.
  package var normType: ScaleType {
    stream.flatMap { stream in ScaleType.allCases.first { $0.dtype == stream.model.storedType } }
      ?? .f32
  }

  /// The gains of a norm of the block as it was, `[hidden]`; nil for a layer without a block.
  package func gains(of norm: BlockNorm) -> [Float]? { stream?.block[norm].values }

  /// Waits while the job is paused.
  ///
  /// - Throws: when the job was cancelled.
  package func pause() throws { try checkpoint() }

  /// Tells how far a method has come with a part of its work.
  package func report(_ what: String, _ share: Double) { progress(what, share) }

  /// Runs the block as it is drafted so far over every sequence and shows `observer` what it wants.
  ///
  /// - Parameters:
  ///   - limit: tokens that are shown at most, whole sequences, at least one; nil for all.
  ///   - endsBefore: the layer whose input is the last that is wanted; the block runs no further.
  /// - Throws: what running and the job's checkpoint throw.
  package func run(
    _ draft: BlockDraft, for what: String, limit: Int? = nil, endsBefore: Projection? = nil,
    observer: any ForwardObserver
  ) throws {
    switch source {
    case .stream(let stream):
      try run(
        draft.drafted(from: stream.block), stream, for: what, limit: limit, endsBefore: endsBefore,
        observer: observer)
    case .layer(let layer):
      try layer.show(observer, limit: limit, block: draft.index) { done, all in
        try checkpoint()
        progress(what, Double(done) / Double(max(1, all)))
      }
      if let refusal = observer.refusal { throw refusal }
    }
  }

  private func run(
    _ block: DecoderBlock, _ stream: Stream, for what: String, limit: Int?,
    endsBefore: Projection?, observer: any ForwardObserver
  ) throws {
    let count = Self.count(stream.sequences.map(\.tokens), within: limit)
    for (number, sequence) in stream.sequences.prefix(count).enumerated() {
      try checkpoint()
      try stream.model.runBlock(
        stream.index, block, hidden: [try sequence.copy()], context: context,
        options: ForwardOptions(observer: observer, endsBefore: endsBefore))
      if let refusal = observer.refusal { throw refusal }
      progress(what, Double(number + 1) / Double(count))
    }
  }

  /// How many of the first sequences of these lengths have `limit` tokens together at most, but one at least; all for
  /// nil.
  static func count(_ lengths: [Int], within limit: Int?) -> Int {
    guard let limit else { return lengths.count }
    var seen = 0
    return lengths.prefix { length in
      defer { seen += length }
      return seen == 0 || seen + length <= limit
    }.count
  }

  /// Second moments of the inputs of the draft's layers, by the first projection of each input group in `groups`.
  ///
  /// - Throws: what running and the job's checkpoint throw.
  package func hessians(
    of draft: BlockDraft, groups: [Projection]
  ) throws -> [Projection: Hessian] {
    let gatherer = HessianGatherer(groups: groups, context: context)
    let names = groups.map(\.rawValue).joined(separator: ", ")
    try run(
      draft, for: "moments of the inputs of \(names)", endsBefore: groups.max(),
      observer: gatherer)
    return gatherer.hessians
  }
}

/// Sums up the second moments of the inputs of one block's layers, one for layers that share their inputs.
final class HessianGatherer: ForwardObserver {
  private let groups: Set<Projection>
  private let context: ExecutionContext
  private(set) var hessians: [Projection: Hessian] = [:]
  private(set) var refusal: (any Error)?

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
    guard case .linearInput(let projection) = tap, refusal == nil else { return }
    do {
      if hessians[projection] == nil { try HeapMemory.expect(Hessian.byteCount(columns: columns)) }
      try HeapMemory.expect(Hessian.scratchBytes(columns: columns, tokens: tokens))
    } catch {
      refusal = error
      return
    }
    hessians[projection, default: Hessian(columns: columns)].add(
      values, tokens: tokens, pool: context.pool, provider: context.provider)
  }
}

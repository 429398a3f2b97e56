import Models
import Operators
import Platform
import Tensors

/// A block of a model as the search of AWQ sees it: its inputs are what the calibration text sends into it, its modules
/// are run by the model itself.
///
/// Modules run in float32, so that losses are not blurred by the rounding of activations. What a module is shown and what
/// it yields are kept for the tokens that are looked at, one module at a time.
final class CalibratedAWQBlock: AWQBlock {
  let roles: [Projection]
  private let draft: BlockDraft
  private let calibration: BlockCalibration
  /// The block with what methods prepared, and what enters it; nil for a layer without one.
  private let stream: (block: DecoderBlock, of: BlockCalibration.Stream)?
  private let grid: (BlockDraft.Layer) throws -> Grid?
  private let sequences: [HiddenStates]
  private var gathered: [Projection: AWQInputs] = [:]
  private var module: Module?

  /// One half of the block in float32, with its inputs and outputs by sequence.
  private struct Module {
    var half: BlockHalf
    var block: DecoderBlock
    var inputs: [HiddenStates]
    var outputs: [HiddenStates]
  }

  /// - Parameters:
  ///   - tokens: how many tokens are looked at, whole sequences, at least one; 0 for all.
  ///   - grid: what a layer is rounded to; nil for one that stays as it is.
  /// - Throws: what running throws.
  init(
    _ draft: BlockDraft, _ calibration: BlockCalibration, tokens: Int,
    grid: @escaping (BlockDraft.Layer) throws -> Grid?
  ) throws {
    self.draft = draft
    self.calibration = calibration
    self.grid = grid
    roles = draft.layers.map(\.projection)
    stream = try calibration.stream.map { (try draft.drafted(from: $0.block), $0) }
    let limit = tokens == 0 ? nil : tokens
    let all = calibration.stream?.sequences ?? []
    sequences = Array(all.prefix(BlockCalibration.count(all.map(\.tokens), within: limit)))
    let gatherer = AWQInputGatherer(
      leads: Set(draft.inputGroups.map(\.lead)),
      expected: sequences.isEmpty
        ? min(calibration.tokens, limit ?? .max) : sequences.reduce(0) { $0 + $1.tokens },
      context: calibration.context)
    try draft.clock.time("moments of the inputs") {
      try calibration.run(draft, for: "inputs of all layers", limit: limit, observer: gatherer)
    }
    gathered = gatherer.inputs
  }

  /// What only a layer in a block is asked.
  private var inBlock: (block: DecoderBlock, of: BlockCalibration.Stream) {
    guard let stream else { preconditionFailure("a layer by itself has no norm in front") }
    return stream
  }

  func layer(_ projection: Projection) throws -> AWQ.Layer {
    let layer = draft[projection]
    try layer.weight.expectRoom(MemoryLayout<Float>.stride)
    return try AWQ.Layer(
      name: layer.name, rows: layer.weight.rows, columns: layer.weight.columns,
      weights: layer.weight.dequantized(), grid: grid(layer))
  }

  func gains(of norm: BlockNorm) throws -> [Float] { inBlock.block[norm].values }

  func inputs(of projection: Projection) throws -> AWQInputs? {
    gathered[draft.lead(of: projection)]
  }

  func loss(behind norm: BlockNorm, with weights: [Projection: [Float]]) throws -> Double {
    guard let half = inBlock.block.plan.half(openedBy: norm) else {
      preconditionFailure("no half of the block begins with the norm \(norm.rawValue)")
    }
    let module = try module(half)
    let candidate = try module.block.replacing(
      Dictionary(
        uniqueKeysWithValues: try weights.map { projection, values in
          let old = module.block[projection]
          return (projection, try old.replacing(weight: dense(values, old.rows, old.columns)))
        }))
    var sum = 0.0
    var count = 0
    for (input, expected) in zip(module.inputs, module.outputs) {
      try calibration.pause()
      let found = try run(half, candidate, input)
      sum +=
        calibration.context.compare(
          expected.pointer, found.pointer, count: found.tokens * found.width
        ).squaredError
      count += found.tokens * found.width
    }
    return sum / Double(max(1, count))
  }

  /// One half as a module, made ready when it is first asked for; the one before is dropped.
  private func module(_ half: BlockHalf) throws -> Module {
    if let module, module.half == half { return module }
    module = nil
    let block = try float32(half)
    let inputs = half == .attention ? sequences : try middles()
    let made = Module(
      half: half, block: block, inputs: inputs,
      outputs: try inputs.map { try run(half, block, $0) })
    module = made
    return made
  }

  /// The residual stream between the two modules.
  private func middles() throws -> [HiddenStates] {
    let block = try float32(.attention)
    return try sequences.map { sequence in
      try calibration.pause()
      let middle = try run(.attention, block, sequence)
      for place in 0..<middle.tokens * middle.width {
        middle.pointer[place] += sequence.pointer[place]
      }
      return middle
    }
  }

  private func float32(_ half: BlockHalf) throws -> DecoderBlock {
    let block = inBlock.block
    return try block.replacing(
      Dictionary(
        uniqueKeysWithValues: try block.plan.roles(of: half).map {
          ($0, try block[$0].replacing(activation: .float(type: .f32)))
        }))
  }

  private func run(
    _ half: BlockHalf, _ block: DecoderBlock, _ input: HiddenStates
  ) throws -> HiddenStates {
    let output = try HiddenStates(tokens: input.tokens, width: input.width)
    let stream = inBlock.of
    try stream.model.runHalf(
      half, stream.index, block, input: input, into: output,
      context: calibration.context, cache: .fp32)
    return output
  }

  private func dense(_ values: [Float], _ rows: Int, _ columns: Int) throws -> DenseWeight {
    try HeapMemory.expect(values.count, of: MemoryLayout<Float>.stride)
    return try DenseWeight(
      TensorView(dtype: .f32, shape: Shape(checking: [rows, columns]), copying: values))
  }
}

/// Keeps what AWQ wants of the inputs of a block's layers.
private final class AWQInputGatherer: ForwardObserver {
  private let leads: Set<Projection>
  private let expected: Int
  private let context: ExecutionContext
  private(set) var inputs: [Projection: AWQInputs] = [:]
  private(set) var refusal: (any Error)?

  init(leads: Set<Projection>, expected: Int, context: ExecutionContext) {
    self.leads = leads
    self.expected = expected
    self.context = context
  }

  func wants(_ tap: ForwardTap, block: Int) -> Bool {
    if case .linearInput(let projection) = tap { leads.contains(projection) } else { false }
  }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    guard case .linearInput(let projection) = tap, refusal == nil else { return }
    do {
      if inputs[projection] == nil {
        try HeapMemory.expect(
          AWQInputs.byteCount(
            columns: columns, expected: expected, gathersMoments: projection.writesStream))
      }
      try HeapMemory.expect(Hessian.scratchBytes(columns: columns, tokens: tokens))
    } catch {
      refusal = error
      return
    }
    // After a norm the module's output counts; after a linear layer the layer's own.
    inputs[
      projection,
      default: AWQInputs(
        columns: columns, expected: expected,
        gathersMoments: projection.writesStream)
    ].add(values, tokens: tokens, pool: context.pool, provider: context.provider)
  }
}

package import Models
package import Platform
package import Tensors

/// A rotation of the residual stream, folded into the weights: what the model computes stays, but no channel stands out.
///
/// A norm without gains commutes with a rotation, which keeps lengths; so the gains of each norm go into the layers after it,
/// and with `Q` orthogonal the embedding table becomes `E Q`, layers that read the stream `W Q`, those that write to it
/// `Q^T W` (S. Ashkboos et al., "QuaRot", arXiv 2404.00456; Z. Liu et al., "SpinQuant", arXiv 2405.16406). Nothing is left to do
/// while the model runs. Tied embeddings part, since the last norm's gains are in the head alone.
package struct ResidualRotation: Hashable, Sendable, Codable {
  package var seed: UInt64
  /// Whether each head of values is rotated as well, in v and back in o: the input of o is then spread too.
  package var turnsHeads: Bool

  package init(seed: UInt64 = 0, turnsHeads: Bool = false) {
    self.seed = seed
    self.turnsHeads = turnsHeads
  }

  /// Reads `SEED[:heads]`.
  ///
  /// - Throws: `RotationError.malformed`.
  package init(_ text: String) throws(RotationError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let seed = UInt64(parts[0]), seed <= UInt64(Int.max),
      parts.count == 1 || parts[1] == "heads"
    else { throw .malformed(text: text) }
    self.init(seed: seed, turnsHeads: parts.count == 2)
  }

  /// The rotation of all channels: signs and a Hadamard matrix, or a dense one where no order fits.
  package var rotation: KVRotation { .hadamard(seed: seed) }

  /// What is rotated by what: `residual stream: Hadamard of 256; heads: Hadamard of 32`.
  package func kind(in model: Model) -> String {
    let configuration = model.configuration
    var text = "residual stream: \(rotation.kind(dimension: configuration.hiddenSize))"
    if turnsHeads {
      text += "; heads: \(rotation.kind(dimension: configuration.headDimension))"
    }
    return text
  }

  /// The rotated model; weights that are not touched are shared with `model`.
  ///
  /// - Parameter type: what rotated weights are stored as; nil for the type each has, which rounds them again.
  /// - Throws: `RotationError` for weights that are quantized already, and for blocks whose plan does not allow it.
  package func rotated(
    _ model: Model, storedAs type: DType? = nil, pool: WorkerPool?,
    pause: () throws -> Void = {}
  ) throws -> Model {
    for (index, block) in model.blocks.enumerated() {
      if let obstacle = block.plan.rotationObstacle {
        throw RotationError.notPossible(block: index, obstacle: obstacle)
      }
    }
    guard model.finalNorm.kind == .rms, model.finalNorm.bias == nil, model.frame.positions == nil
    else {
      throw RotationError.notPossible(block: nil, obstacle: "what stands around the blocks")
    }
    let stream = rotation.prepared(dimension: model.configuration.hiddenSize)
    let heads =
      turnsHeads ? rotation.prepared(dimension: model.configuration.headDimension) : nil
    func changed(_ linear: Linear, _ change: WeightRotation) throws -> Linear {
      let weight = try change.applied(
        to: linear.weight, layer: linear.name, storedAs: type ?? Self.type(of: linear.weight),
        pool: pool)
      return try linear.replacing(
        weight: weight, bias: linear.bias.map(change.applied(toBias:)))
    }
    let table = try WeightRotation(input: stream).applied(
      to: model.embedding, layer: "embedding", storedAs: type ?? model.storedType, pool: pool)
    var blocks: [DecoderBlock] = []
    for block in model.blocks {
      try pause()
      var linears: [Projection: Linear] = [:]
      for projection in block.roles {
        linears[projection] = try changed(
          block[projection], change(of: projection, in: block, stream: stream, heads: heads))
      }
      var norms: [BlockNorm: [Float]] = [:]
      for norm in block.plan.openingNorms {
        norms[norm] = [Float](repeating: 1, count: stream.dimension)
      }
      blocks.append(try block.replacing(linears, norms: norms))
    }
    try pause()
    let head = try changed(
      model.head, WeightRotation(gains: model.finalNorm.values, input: stream))
    return try model.rewritten(
      embedding: table.view, blocks: blocks,
      finalNorm: [Float](repeating: 1, count: stream.dimension), head: head)
  }

  /// What becomes of one layer of a block.
  private func change(
    of projection: Projection, in block: DecoderBlock, stream: PreparedRotation,
    heads: PreparedRotation?
  ) -> WeightRotation {
    let (yieldsHeads, readsHeads) = (projection == .v, projection == .o)
    if let norm = block.plan.norm(readBy: projection) {
      return WeightRotation(
        gains: block[norm].values, input: stream, output: yieldsHeads ? heads : nil)
    }
    return WeightRotation(input: readsHeads ? heads : nil, output: stream)
  }

  private static func type(of weight: any LinearWeight) -> DType {
    (weight as? DenseWeight)?.view.dtype ?? .f32
  }
}

extension ResidualRotation: ModelTransform {
  package static let describes = TransformDescription(
    name: "rotate",
    summary: "Rotates the residual stream by a Hadamard matrix that is folded into the weights.",
    usage: "SEED[:heads]", example: "0",
    options: [seedOption.spec, headsOption.spec])

  private static let seedOption = OptionKey<Int>(
    "seed", "signs of the matrix", in: 0...Int.max, standard: 0)
  private static let headsOption = OptionKey<Bool>(
    "heads", "each head of values is rotated too", standard: false)

  package init(text: String) throws { try self.init(text) }

  package init(options: OptionValues) throws {
    self.init(seed: UInt64(options[Self.seedOption]), turnsHeads: options[Self.headsOption])
  }

  package var text: String { "\(seed)" + (turnsHeads ? ":heads" : "") }

  package var settings: [OptionSetting] {
    [Self.seedOption(Int(clamping: seed))] + (turnsHeads ? [Self.headsOption(true)] : [])
  }

  package func applied(
    to model: Model, pool: WorkerPool?, pause: () throws -> Void
  ) throws -> Model {
    try rotated(model, pool: pool, pause: pause)
  }
}

extension ResidualRotation: CustomStringConvertible {
  /// `rotated`, with what is not as usual after it.
  package var description: String {
    (turnsHeads ? "rotated, heads too" : "rotated") + (seed != 0 ? ", seed \(seed)" : "")
  }
}

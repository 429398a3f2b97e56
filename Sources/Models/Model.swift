package import Tensors

/// A decoder-only language model: an embedding table, decoder blocks, a norm and a head.
///
/// It never changes. Models are derived from one another by replacing layers; all that is not
/// replaced is shared, packed copies included, so that a baseline and its quantized relatives live
/// side by side.
package final class Model: Sendable {
  package let configuration: ModelConfiguration
  /// What stands around the blocks.
  package let frame: FramePlan
  package let precision: BaselinePrecision
  /// `[vocabulary, hidden]`, as stored; rows are converted as they are looked up.
  package let embedding: any LinearWeight
  /// The type the checkpoint's floats are stored in: what a changed norm is rounded to.
  package let storedType: DType
  package let blocks: [DecoderBlock]
  package let finalNorm: NormWeight
  /// With tied embeddings its weight is the embedding table.
  package let head: Linear
  /// A row for each position, added to the embedding; nil where positions are told otherwise.
  let positions: (any LinearWeight)?
  let rotary: RotaryTables

  init(
    configuration: ModelConfiguration, frame: FramePlan, precision: BaselinePrecision,
    embedding: any LinearWeight, positions: (any LinearWeight)?, storedType: DType,
    blocks: [DecoderBlock], finalNorm: NormWeight, head: Linear, rotary: RotaryTables
  ) {
    self.configuration = configuration
    self.frame = frame
    self.precision = precision
    self.embedding = embedding
    self.positions = positions
    self.storedType = storedType
    self.blocks = blocks
    self.finalNorm = finalNorm
    self.head = head
    self.rotary = rotary
  }

  /// The layer under an identity.
  package subscript(id: LinearID) -> Linear { blocks[id.block][id.projection] }

  /// All linear layers of the blocks, in the order of the forward pass.
  package var linears: [LinearID] {
    blocks.enumerated().flatMap { index, block in
      block.roles.map { LinearID(block: index, projection: $0) }
    }
  }

  /// A model with some linear layers of the blocks replaced.
  ///
  /// - Throws: `ModelError.noSuchBlock`, `.weightShape` for a layer of another size.
  package func replacing(_ linears: [LinearID: Linear]) throws -> Model {
    var changes: [Int: [Projection: Linear]] = [:]
    for (id, linear) in linears { changes[id.block, default: [:]][id.projection] = linear }
    var replaced: [Int: DecoderBlock] = [:]
    for (index, change) in changes {
      replaced[index] = try block(index).replacing(change)
    }
    return try replacing(blocks: replaced)
  }

  /// A model with some blocks replaced.
  ///
  /// - Throws: `ModelError.noSuchBlock`.
  package func replacing(blocks replaced: [Int: DecoderBlock]) throws -> Model {
    var blocks = blocks
    for (index, block) in replaced {
      _ = try self.block(index)
      blocks[index] = block
    }
    return derived(blocks: blocks, head: head, precision: precision)
  }

  /// The model computing in another precision; layers that are quantized stay as they are.
  package func with(precision: BaselinePrecision) throws -> Model {
    guard precision != self.precision else { return self }
    func changed(_ linear: Linear) throws -> Linear {
      guard case .float = linear.activation else { return linear }
      return try linear.replacing(activation: precision.activation)
    }
    return derived(
      blocks: try blocks.map { try $0.mapping(changed) }, head: try changed(head),
      precision: precision)
  }

  /// The block at `index`.
  ///
  /// - Throws: `ModelError.noSuchBlock`.
  package func block(_ index: Int) throws -> DecoderBlock {
    guard blocks.indices.contains(index) else {
      throw ModelError.noSuchBlock(index, blocks: blocks.count)
    }
    return blocks[index]
  }

  /// Bytes of the linear layers of the blocks in their formats.
  package var linearBytes: Int {
    linears.reduce(0) { $0 + self[$1].weight.byteCount }
  }

  /// Bytes of everything that is not a linear layer of a block, as stored: embedding, head where it
  /// is not the same table, norms in float32, biases.
  package var otherBytes: Int {
    let table = embedding.byteCount
    let head = configuration.tiedEmbeddings ? 0 : head.weight.byteCount
    let small = blocks.reduce(finalNorm.count) { sum, block in
      sum + block.norms.values.reduce(0) { $0 + $1.count + ($1.bias?.count ?? 0) }
        + block.linears.values.reduce(0) { $0 + ($1.bias?.count ?? 0) }
    }
    return table + head + (positions?.byteCount ?? 0) + small * MemoryLayout<Float>.stride
  }

  /// Bytes of all packed copies made so far.
  package var packedBytes: Int {
    linears.reduce(head.packedBytes) { $0 + self[$1].packedBytes }
  }

  /// The model with its embedding table and head in other formats, sizes unchanged; with tied embeddings `embedding` is
  /// the weight of both.
  ///
  /// - Throws: `ModelError.weightShape` for a table of another size.
  package func replacing(embedding: any LinearWeight, head: Linear) throws -> Model {
    for (name, weight) in [("embedding", embedding), ("head", head.weight)]
    where weight.rows != configuration.vocabularySize || weight.columns != configuration.hiddenSize
    {
      throw ModelError.weightShape(
        layer: name, expected: [configuration.vocabularySize, configuration.hiddenSize],
        found: [weight.rows, weight.columns])
    }
    return derived(embedding: embedding, head: head)
  }

  /// This model with some parts replaced.
  func derived(
    configuration: ModelConfiguration? = nil, embedding: (any LinearWeight)? = nil,
    blocks: [DecoderBlock]? = nil, finalNorm: NormWeight? = nil, head: Linear,
    precision: BaselinePrecision? = nil
  ) -> Model {
    Model(
      configuration: configuration ?? self.configuration, frame: frame,
      precision: precision ?? self.precision, embedding: embedding ?? self.embedding,
      positions: positions, storedType: storedType, blocks: blocks ?? self.blocks,
      finalNorm: finalNorm ?? self.finalNorm, head: head, rotary: rotary)
  }
}

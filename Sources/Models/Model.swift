package import Tensors

/// A decoder-only language model: an embedding table, decoder blocks, a norm and a head.
///
/// It never changes. Models are derived from one another by replacing layers; all that is not
/// replaced is shared, packed copies included, so that a baseline and its quantized relatives live
/// side by side.
package final class Model: Sendable {
  package let configuration: ModelConfiguration
  package let architecture: any Architecture.Type
  package let precision: BaselinePrecision
  /// `[vocabulary, hidden]`, as stored; rows are converted as they are looked up.
  package let embedding: any LinearWeight
  /// The type the checkpoint's floats are stored in: what a changed norm is rounded to.
  package let storedType: DType
  package let blocks: [DecoderBlock]
  package let finalNorm: NormWeight
  /// With tied embeddings its weight is the embedding table.
  package let head: Linear
  let rotary: RotaryTable

  init(
    configuration: ModelConfiguration, architecture: any Architecture.Type,
    precision: BaselinePrecision, embedding: any LinearWeight, storedType: DType,
    blocks: [DecoderBlock], finalNorm: NormWeight, head: Linear, rotary: RotaryTable
  ) {
    self.configuration = configuration
    self.architecture = architecture
    self.precision = precision
    self.embedding = embedding
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
    blocks.indices.flatMap { block in
      Projection.allCases.map { LinearID(block: block, projection: $0) }
    }
  }

  /// Where scale may move inside a block.
  package var scalePairs: [ScalePair] { architecture.scalePairs(configuration) }

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
    let blocks = try blocks.map { block in
      try block.replacing(
        Dictionary(
          uniqueKeysWithValues: Projection.allCases.map { ($0, try changed(block[$0])) }))
    }
    return derived(blocks: blocks, head: try changed(head), precision: precision)
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
      let norms = [block.attentionNorm, block.feedForwardNorm, block.queryNorm, block.keyNorm]
      return sum + norms.reduce(0) { $0 + ($1?.count ?? 0) }
        + Projection.allCases.reduce(0) { $0 + (block[$1].bias?.count ?? 0) }
    }
    return table + head + small * MemoryLayout<Float>.stride
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
    return Model(
      configuration: configuration, architecture: architecture, precision: precision,
      embedding: embedding, storedType: storedType, blocks: blocks, finalNorm: finalNorm,
      head: head, rotary: rotary)
  }

  private func derived(blocks: [DecoderBlock], head: Linear, precision: BaselinePrecision) -> Model
  {
    Model(
      configuration: configuration, architecture: architecture, precision: precision,
      embedding: embedding, storedType: storedType, blocks: blocks, finalNorm: finalNorm,
      head: head, rotary: rotary)
  }
}

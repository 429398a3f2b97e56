package import Tensors

extension Model {
  /// The model with every weight as floating-point numbers: those that are stored quantized as the numbers they stand for,
  /// in the smallest type that holds them; itself where none is.
  ///
  /// - Throws: `TensorError` for sizes that no tensor has.
  package func decoded() throws -> Model {
    var changed: [LinearID: Linear] = [:]
    for id in linears where !self[id].weight.format.isFloat {
      changed[id] = try self[id].replacing(weight: self[id].weight.exact())
    }
    let made = try changed.isEmpty ? self : replacing(changed)
    guard !embedding.format.isFloat || !head.weight.format.isFloat else { return made }
    let table = try embedding.exact()
    return try made.replacing(
      embedding: table,
      head: head.replacing(weight: head.weight === embedding ? table : head.weight.exact()))
  }

  /// The model with every weight on the residual stream given anew, and with a head of its own: tied embeddings part.
  ///
  /// - Parameter finalNorm: `[hidden]`.
  /// - Throws: `ModelError.weightShape` for parts of another size, `.noSuchBlock` for another number of blocks.
  package func rewritten(
    embedding: TensorView, blocks: [DecoderBlock], finalNorm: [Float], head: Linear
  ) throws -> Model {
    let expected = [configuration.vocabularySize, configuration.hiddenSize]
    guard embedding.shape.dimensions == expected else {
      throw ModelError.weightShape(
        layer: "embedding", expected: expected, found: embedding.shape.dimensions)
    }
    guard blocks.count == self.blocks.count else {
      throw ModelError.noSuchBlock(blocks.count, blocks: self.blocks.count)
    }
    guard head.rows == self.head.rows, head.columns == self.head.columns else {
      throw ModelError.weightShape(
        layer: self.head.name, expected: [self.head.rows, self.head.columns],
        found: [head.rows, head.columns])
    }
    var configuration = configuration
    configuration.tiedEmbeddings = false
    return derived(
      configuration: configuration, embedding: try DenseWeight(embedding), blocks: blocks,
      finalNorm: try self.finalNorm.replacing(finalNorm), head: head)
  }
}

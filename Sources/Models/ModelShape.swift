package import Tensors

/// The sizes of a decoder-only model, and what they cost in bytes and operations.
///
/// Everything the planner knows of a model; a model need not be loaded to be planned for.
package struct ModelShape: Hashable, Sendable, Codable {
  package var architecture: String
  package var blocks: Int
  package var hiddenSize: Int
  package var intermediateSize: Int
  package var heads: Int
  package var kvHeads: Int
  package var headDimension: Int
  package var vocabularySize: Int
  /// Longest sequence in tokens the model was made for.
  package var context: Int
  package var tiedEmbeddings: Bool
  /// Tokens every attention layer looks back on, 0 for all of them or where layers differ.
  package var slidingWindow: Int
  /// How many of the blocks keep a KV cache of their own (less than `blocks` where layers share one).
  package var blocksWithCache: Int
  /// The window of each block, 0 for all tokens, `[blocks]`; nil where all have `slidingWindow`.
  package var windows: [Int]?
  /// The block whose cache each block reads, `[blocks]`; nil where each keeps its own.
  package var cacheOwners: [Int]?
  /// The linear layers of one block, the last, where they are not those of the usual gated one.
  package var listedLinears: [LinearSize]?
  /// Bits of a weight over all tensors where they are stored quantized; nil for 16 bits.
  package var storedBits: Double?
  /// Parameters of the linear layers of all blocks where blocks differ.
  package var listedParameters: Int?
  /// Those a token goes through, where a mixture of experts leaves some out.
  package var activeParameters: Int?
  /// Parameters of all norms where they are not two a block and a final one, all as wide as the residual stream.
  package var listedNormParameters: Int?
  /// Parameters of biases, of a table of positions and of attention's sinks; nil for none.
  package var otherParameters: Int?

  package init(
    architecture: String, blocks: Int, hiddenSize: Int, intermediateSize: Int, heads: Int,
    kvHeads: Int, headDimension: Int, vocabularySize: Int, context: Int, tiedEmbeddings: Bool,
    slidingWindow: Int = 0, blocksWithCache: Int? = nil, windows: [Int]? = nil,
    cacheOwners: [Int]? = nil
  ) {
    self.architecture = architecture
    self.blocks = blocks
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.heads = heads
    self.kvHeads = kvHeads
    self.headDimension = headDimension
    self.vocabularySize = vocabularySize
    self.context = context
    self.tiedEmbeddings = tiedEmbeddings
    self.slidingWindow = slidingWindow
    self.windows = windows
    self.cacheOwners = cacheOwners
    self.blocksWithCache =
      blocksWithCache ?? cacheOwners.map { $0.enumerated().count { $0.offset == $0.element } }
      ?? blocks
  }

  /// The size of the layer with a role; nil where a block has none.
  package func size(of role: Projection) -> LinearSize? { linears.first { $0.role == role } }

  /// Parameters of the linear layers of all blocks: the ones weight methods quantize.
  package var blockLinearParameters: Int {
    listedParameters ?? blocks * linears.reduce(0) { $0 + $1.rows * $1.columns }
  }

  /// Those that one token goes through.
  package var activeLinearParameters: Int { activeParameters ?? blockLinearParameters }

  /// Parameters of the embedding table.
  package var embeddingParameters: Int { vocabularySize * hiddenSize }

  /// Parameters of norms, all blocks and the final one.
  package var normParameters: Int { listedNormParameters ?? (2 * blocks + 1) * hiddenSize }

  /// All parameters.
  package var parameters: Int {
    blockLinearParameters + embeddingParameters * (tiedEmbeddings ? 1 : 2) + normParameters
      + (otherParameters ?? 0)
  }

  /// Bytes of all weights when the linears of the blocks take `bitsPerWeight` (scales included), embedding and head
  /// `tableBits`, and the rest 16 bits.
  package func weightBytes(bitsPerWeight: Double, tableBits: Double = 16) -> Double {
    let others = normParameters + (otherParameters ?? 0)
    let tables = parameters - blockLinearParameters - others
    return Double(blockLinearParameters) * bitsPerWeight / 8 + Double(tables) * tableBits / 8
      + Double(others) * 2
  }

  /// Bytes of weights read to decode one token: the linears it goes through and the head; one row of the embedding.
  package func decodeWeightBytes(bitsPerWeight: Double) -> Double {
    Double(activeLinearParameters) * bitsPerWeight / 8 + Double(embeddingParameters) * 2
  }

  /// Bytes of all weights as they are stored, 16 bits each where they are not quantized.
  package var storedWeightBytes: Double {
    storedBits.map { Double(parameters) * $0 / 8 } ?? weightBytes(bitsPerWeight: 16)
  }

  /// Bytes of weights read to decode one token as they are stored.
  package var storedDecodeBytes: Double {
    storedBits.map { Double(activeLinearParameters + embeddingParameters) * $0 / 8 }
      ?? decodeWeightBytes(bitsPerWeight: 16)
  }

  /// Bytes the cache grows by with each token of one sequence:
  /// `blocks with a cache * KV heads * (bytes of a key + bytes of a value)`.
  package func kvBytesPerToken(_ format: KVFormatPair) -> Int {
    kvHeads * format.bytesPerToken(layers: blocksWithCache, headDimension: headDimension)
  }

  /// Multiply-adds times two for one token through all linears, head included.
  package var linearOperationsPerToken: Double {
    2 * Double(activeLinearParameters + embeddingParameters)
  }

  /// Multiply-adds times two of attention for one token at `depth` cached tokens.
  package func attentionOperations(depth: Double) -> Double {
    4 * Double(heads * headDimension) * tokensRead(depth: depth)
  }
}

/// The size of a linear layer.
package struct LinearSize: Hashable, Sendable, Codable {
  package var role: Projection
  /// Output channels.
  package var rows: Int
  /// Input channels.
  package var columns: Int

  package init(role: Projection, rows: Int, columns: Int) {
    self.role = role
    self.rows = rows
    self.columns = columns
  }

  /// The sizes of the layers of a block, in the order of the forward pass.
  package static func all(of plan: BlockPlan) -> [LinearSize] {
    plan.linears.map { LinearSize(role: $0.role, rows: $0.rows, columns: $0.columns) }
  }
}

package import Models

/// The blocks of cache that memory leaves next to weights and activations, all machines of a split together.
///
/// Layers with a window are counted as if they kept everything, as this program's own cache does.
package struct ServingCapacity: Hashable, Sendable, Codable {
  package var weightBytes: Double
  package var activationBytes: Double
  /// Bytes there are, and those of a block of tokens over all layers.
  package var budget: Double
  package var blockBytes: Double
  package var blockTokens: Int
  package var blocks: Int

  /// - Parameter budget: bytes of all machines of a split together.
  package init(
    model: ModelShape, form: ServedForm, budget: Double, activationBytes: Double,
    blockTokens: Int = 64
  ) {
    self.budget = budget
    self.blockTokens = blockTokens
    self.activationBytes = activationBytes
    let others =
      Double(model.parameters - model.blockLinearParameters) - Double(model.tables)
    weightBytes =
      form.linearBytes + Double(model.tables) * form.tableBits / 8 + max(0, others) * 2
    blockBytes =
      Double(blockTokens) * 2
      * Double(model.blocksWithCache * model.kvHeads * model.headDimension) * form.cacheBits / 8
    let room = budget - weightBytes - activationBytes
    blocks = blockBytes > 0 ? Int(max(0, min(room / blockBytes, 1e9))) : 0
  }

  /// Bytes left of the budget; negative where the weights do not fit.
  package var room: Double { budget - weightBytes - activationBytes }

  /// Sequences of so many tokens that fit at once, none of them sharing anything.
  package func sequences(of tokens: Int, seatBlocks: Int) -> Int {
    blocks / max(1, (tokens + blockTokens - 1) / blockTokens + seatBlocks)
  }
}

extension ModelShape {
  /// Parameters of embedding table and head, which are one where they are tied.
  fileprivate var tables: Int { embeddingParameters * (tiedEmbeddings ? 1 : 2) }
}

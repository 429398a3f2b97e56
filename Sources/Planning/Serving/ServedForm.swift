/// A form that a model is served in, as far as bytes and arithmetic go.
package struct ServedForm: Hashable, Sendable, Codable {
  /// `FP`, or the recipe.
  package var name: String
  /// Bytes of all linear layers of the blocks, scales included.
  package var linearBytes: Double
  /// Bits of a weight of embedding table and head.
  package var tableBits: Double
  /// Bits of a cached value, scales included, where a cache grows.
  package var cacheBits: Double
  /// Blocks a sequence takes beyond what grows: the latest tokens, where these are kept in full precision.
  package var seatBlocks: Int
  /// What multiplies in the linear layers, and its operations a second on the machine.
  package var unit: String
  package var rate: Double

  package init(
    name: String, linearBytes: Double, tableBits: Double = 16, cacheBits: Double = 16,
    seatBlocks: Int = 0, unit: String = "BF16", rate: Double
  ) {
    self.name = name
    self.linearBytes = linearBytes
    self.tableBits = tableBits
    self.cacheBits = cacheBits
    self.seatBlocks = seatBlocks
    self.unit = unit
    self.rate = rate
  }
}

/// How many machines hold one copy of a model, its tensors split among them, and the link between them.
package struct TensorSplit: Hashable, Sendable, Codable {
  package var ways: Int
  /// Bytes a second that each machine sends over the link.
  package var link: Double
  /// Seconds of an exchange besides its bytes.
  package var latency: Double

  package init(ways: Int = 1, link: Double = 0, latency: Double = 0) {
    self.ways = ways
    self.link = link
    self.latency = latency
  }

  /// One machine by itself.
  package static let none = TensorSplit()
}

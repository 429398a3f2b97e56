import Tensors

extension Model {
  /// Bytes of all weights in the formats they are computed with.
  package var weightBytes: Int {
    linears.reduce(otherBytes) { sum, id in
      let weight = self[id].weight
      guard weight.format.isFloat else { return sum + weight.byteCount }
      return sum + weight.rows * weight.columns * (precision == .f32 ? 4 : 2)
    }
  }
}

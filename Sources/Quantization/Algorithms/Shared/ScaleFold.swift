package import Models

/// A scale moved between two neighbours of a block, so that what the block computes stays the same.
///
/// What the source's output channels are divided by, the targets' input channels are multiplied by: AWQ (arXiv
/// 2306.00978), SmoothQuant (arXiv 2211.10438). A norm is stored in its own type and rounded there, so the scale in use is
/// the quotient of the norm before and after; linear layers are divided in float32.
package struct ScaleFold: Hashable, Sendable {
  package let pair: ScalePair
  /// What is moved out of each output channel of the source, `[channels]`.
  package let sourceScales: [Float]

  /// For a linear source, whose rows can be divided by anything.
  ///
  /// - Parameter scales: one an input channel of the targets; those that read the same channel of the source must be
  ///   equal.
  package init(_ scales: [Float], over pair: ScalePair) {
    self.pair = pair
    sourceScales = Self.gathered(scales, over: pair)
  }

  /// For a norm: divides `gains`, `[channels]`, rounds what is stored of them to `type`, and takes for scales what became of that.
  ///
  /// No gain becomes 0 or infinite; one of 0 has no scale to give.
  package init(
    _ scales: [Float], over pair: ScalePair, dividing gains: inout [Float], as type: ScaleType
  ) {
    self.pair = pair
    var moved = Self.gathered(scales, over: pair)
    precondition(gains.count == moved.count, "\(gains.count) gains for \(moved.count) scales")
    for channel in gains.indices {
      let gain = gains[channel]
      guard gain != 0 else {
        moved[channel] = 1
        continue
      }
      let rounded = Self.stored(
        (gain / moved[channel]).magnitude, sign: gain < 0 ? -1 : 1, offset: pair.offset, as: type)
      guard rounded > 0, rounded.isFinite else {
        moved[channel] = 1
        continue
      }
      gains[channel] = gain < 0 ? -rounded : rounded
      moved[channel] = gain.magnitude / rounded
    }
    sourceScales = moved
  }

  /// The magnitude of a gain as it comes back from a file that holds it in `type` without the offset.
  private static func stored(
    _ magnitude: Float, sign: Float, offset: Float, as type: ScaleType
  ) -> Float {
    guard offset != 0 else { return type.rounded(magnitude) }
    let weight = sign * magnitude - offset
    let rounded = type.rounded(weight.magnitude)
    return sign * ((weight < 0 ? -rounded : rounded) + offset)
  }

  /// What each input channel of the targets is multiplied by, `[columns]`.
  package var targetScales: [Float] {
    guard pair.isTied else { return sourceScales }
    return (0..<pair.channels * pair.repeats).map { sourceScales[pair.sourceChannel(of: $0)] }
  }

  /// Divides the rows of a linear source, `[channels, columns]`.
  package func divideRows(of weights: inout [Float]) {
    guard !sourceScales.isEmpty else { return }
    let columns = weights.count / sourceScales.count
    for (row, scale) in sourceScales.enumerated() {
      for place in row * columns..<(row + 1) * columns { weights[place] /= scale }
    }
  }

  /// Divides the source's bias, `[channels]`.
  package func divide(_ bias: inout [Float]) {
    for (channel, scale) in sourceScales.enumerated() { bias[channel] /= scale }
  }

  /// Multiplies the columns of a target, `[rows, columns]`; its bias stays.
  package func multiplyColumns(of weights: inout [Float]) {
    let scales = targetScales
    guard !scales.isEmpty else { return }
    for row in stride(from: 0, to: weights.count, by: scales.count) {
      for (channel, scale) in scales.enumerated() { weights[row + channel] *= scale }
    }
  }

  private static func gathered(_ scales: [Float], over pair: ScalePair) -> [Float] {
    precondition(
      scales.count == pair.channels * pair.repeats,
      "\(scales.count) scales for \(pair.channels) x \(pair.repeats) channels")
    guard pair.isTied else { return scales }
    var gathered = [Float](repeating: 1, count: pair.channels)
    for (channel, scale) in scales.enumerated() {
      gathered[pair.sourceChannel(of: channel)] = scale
    }
    return gathered
  }
}

import Glibc
package import Models

/// The scales AWQ tries: a power of each input channel's mean magnitude, about a geometric middle of 1.
///
/// llm-awq, auto_scale.py: `s = max(x^r, 1e-4)`, then `s / sqrt(max s * min s)`; with weights as well it is AutoAWQ's
/// duo scaling, `s = max(x^r / (w^(1 - r) + 1e-4), 1e-4)`. One departure from both: a channel without any input, or
/// without any weight, counts as the quietest of the others, where the references let its 1e-4 shift all scales.
package struct AWQScaleFormula: Sendable {
  /// Means below this are of channels without inputs.
  package static let smallestMean: Float = 1e-8
  /// The floor under a scale, and under what it is divided by.
  package static let smallestScale: Float = 1e-4

  private let inputs: [Float]
  private let weights: [Float]?

  /// - Parameters:
  ///   - inputs: mean magnitudes of the inputs, `[columns]`.
  ///   - weights: those of the weights, as `weightMeans(of:group:)` gives them, for duo scaling.
  ///   - pair: where its scale is tied, channels that read the same channel of the source get the same scale, of
  ///     their mean.
  package init(inputs: [Float], weights: [Float]?, over pair: ScalePair? = nil) {
    func prepared(_ means: [Float]) -> [Float] {
      Self.lifted(pair.map { $0.tied(means) } ?? means)
    }
    self.inputs = prepared(inputs)
    self.weights = weights.map(prepared)
  }

  /// The scales at `ratio`, `[columns]`.
  package func scales(at ratio: Double) -> [Float] {
    let power = Float(ratio)
    let rest = Float(1 - ratio)
    var scales = inputs.indices.map { channel in
      var scale = pow(inputs[channel], power)
      if let weights { scale /= pow(weights[channel], rest) + Self.smallestScale }
      return scale < Self.smallestScale ? Self.smallestScale : scale
    }
    guard let largest = scales.max(), let smallest = scales.min() else { return [] }
    let middle = (largest * smallest).squareRoot()
    for channel in scales.indices {
      scales[channel] /= middle
      if !scales[channel].isFinite { scales[channel] = 1 }
    }
    return scales
  }

  /// `means` with those of channels without inputs lifted to the smallest of the others.
  private static func lifted(_ means: [Float]) -> [Float] {
    let floor = means.reduce(Float.infinity) { $1 >= smallestMean ? min($0, $1) : $0 }
    return means.map { $0 < smallestMean ? (floor.isFinite ? floor : 1) : $0 }
  }

  /// The mean over all rows of all layers of `|w| / (largest of its group + 1e-6)`, `[columns]`.
  ///
  /// - Parameter group: channels of a group, which divide the columns.
  package static func weightMeans(of layers: [AWQ.Layer], group: Int) -> [Float] {
    guard let columns = layers.first?.columns else { return [] }
    var sums = [Double](repeating: 0, count: columns)
    for layer in layers {
      layer.weights.withUnsafeBufferPointer { weights in
        for start in stride(from: 0, to: weights.count, by: group) {
          let values = weights[start..<start + group]
          let largest = values.reduce(0) { max($0, $1.magnitude) } + 1e-6
          let first = start % columns
          for (channel, value) in values.enumerated() {
            sums[first + channel] += Double(value.magnitude / largest)
          }
        }
      }
    }
    let rows = layers.reduce(0) { $0 + $1.rows }
    return sums.map { Float($0 / Double(rows)) }
  }
}

extension ScalePair {
  /// `values`, one an input channel of the targets, with those that read the same channel of the source replaced by
  /// their mean.
  package func tied(_ values: [Float]) -> [Float] {
    guard isTied else { return values }
    var sums = [Float](repeating: 0, count: channels)
    for (channel, value) in values.enumerated() { sums[sourceChannel(of: channel)] += value }
    return values.indices.map { sums[sourceChannel(of: $0)] / Float(repeats) }
  }
}

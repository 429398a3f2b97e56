import Glibc
import Models
package import Tensors

/// The scales SmoothQuant moves from activations to weights.
///
/// Xiao et al., arXiv 2211.10438; mit-han-lab/smoothquant, smooth.py: `s = max|x|^alpha / max|w|^(1 - alpha)` for each
/// input channel, the largest weight over all layers that share the input.
package enum SmoothQuantScales {
  /// The floor under the weights' maxima and under scales, as in the reference.
  package static let floor: Float = 1e-5

  /// The largest magnitude of each input channel over all rows of all weights, `[columns]`.
  package static func weightMaxima(of weights: [any LinearWeight]) -> [Float] {
    guard let columns = weights.first?.columns else { return [] }
    var maxima = [Float](repeating: 0, count: columns)
    let slab = max(1, 65536 / max(1, columns))
    for weight in weights {
      for first in stride(from: 0, to: weight.rows, by: slab) {
        let rows = first..<min(first + slab, weight.rows)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * columns) { values in
          guard let values = values.baseAddress else { return }
          weight.dequantize(rows: rows, into: values)
          ChannelMaxima.raise(&maxima, by: values, rows: rows.count)
        }
      }
    }
    return maxima
  }

  /// The scale of each input channel, `[columns]`.
  ///
  /// - Parameters:
  ///   - inputs: the largest magnitudes of the inputs, `[columns]`.
  ///   - weights: those of the weights, `[columns]`.
  ///   - alpha: how much of the difficulty is moved to the weights, 0 to 1.
  package static func scales(inputs: [Float], weights: [Float], alpha: Double) -> [Float] {
    let power = Float(alpha)
    let rest = Float(1 - alpha)
    return zip(inputs, weights).map { input, weight in
      let scale = pow(input, power) / pow(max(weight, floor), rest)
      return scale < floor ? floor : scale
    }
  }

  /// The scales for a model: those of `scales`, but 1 for a channel that no calibration token reached, where the reference
  /// would multiply what comes later by 100,000.
  static func reached(inputs: [Float], weights: [Float], alpha: Double) -> [Float] {
    zip(inputs, scales(inputs: inputs, weights: weights, alpha: alpha)).map { input, scale in
      input > 0 && scale.isFinite ? scale : 1
    }
  }
}

extension ScalePair {
  /// `values`, one an input channel of the targets, with those that read the same channel of the source replaced by
  /// the largest of them.
  func largest(of values: [Float]) -> [Float] {
    guard isTied else { return values }
    var maxima = [Float](repeating: 0, count: channels)
    for (channel, value) in values.enumerated() {
      let source = sourceChannel(of: channel)
      maxima[source] = max(maxima[source], value)
    }
    return values.indices.map { maxima[sourceChannel(of: $0)] }
  }
}

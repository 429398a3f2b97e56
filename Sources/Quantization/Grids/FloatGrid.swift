package import Tensors

/// The grid of an 8-bit float: the scale moves the largest magnitude to the largest number of the format.
///
/// `scale = largest / 448` for E4M3, `/ 57344` for E5M2, values clamped and rounded half to even, as in
/// compressed-tensors and vLLM. A group of zeros has the scale 2^-23.
package enum FloatGrid: String, Hashable, Sendable, Codable, CaseIterable {
  case e4m3
  case e5m2

  /// The type of a code.
  package var dtype: DType {
    switch self {
    case .e4m3: .f8e4m3
    case .e5m2: .f8e5m2
    }
  }

  /// The largest number of the format.
  package var largest: Float {
    switch self {
    case .e4m3: FloatFormats.largestE4M3
    case .e5m2: FloatFormats.largestE5M2
    }
  }

  /// The scale for values in `range`, which must be finite.
  package func scale(of range: ValueRange) -> Float {
    let scale = range.largestMagnitude / largest
    return scale == 0 ? .ulpOfOne : scale
  }

  /// Writes the codes of `count` values.
  package func encode(
    _ values: UnsafePointer<Float>, count: Int, scale: Float,
    into codes: UnsafeMutablePointer<UInt8>
  ) {
    switch self {
    case .e4m3:
      for index in 0..<count { codes[index] = FloatFormats.e4m3(values[index] / scale) }
    case .e5m2:
      for index in 0..<count { codes[index] = FloatFormats.e5m2(values[index] / scale) }
    }
  }

  /// Writes the values of `count` codes.
  package func decode(
    _ codes: UnsafePointer<UInt8>, count: Int, scale: Float,
    into values: UnsafeMutablePointer<Float>
  ) {
    FloatFormats.decode(dtype, at: codes, elements: 0..<count, into: values)
    for index in 0..<count { values[index] *= scale }
  }
}

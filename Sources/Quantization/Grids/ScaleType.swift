package import Tensors

/// The type scales are stored in.
///
/// Choosing codes with float32 scales and storing FP16 ones makes every value off by up to 2^-11; here
/// scales are rounded first, and codes chosen with what is stored.
package enum ScaleType: String, Hashable, Sendable, Codable, CaseIterable {
  case f32
  case f16
  case bf16

  /// The type in a file.
  package var dtype: DType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }

  /// The smallest scale that keeps all its bits.
  package var smallestNormal: Float {
    switch self {
    case .f32, .bf16: .leastNormalMagnitude
    case .f16: 0x1p-14
    }
  }

  /// Why FP16 does not hold scales well of which `largest` is the largest, nil where it does: what BF16 is taken for then.
  static func shortfall(largest: Float) -> String? {
    if largest < ScaleType.f16.smallestNormal {
      return "BF16 scales: the largest, \(largest), is below what FP16 holds in full"
    }
    return largest >= 65504
      ? "BF16 scales: a scale is above 65504, the largest number of FP16" : nil
  }

  /// `scale`, which must be positive, rounded half to even; a scale that would vanish or overflow becomes
  /// the smallest or largest number of the type.
  package func rounded(_ scale: Float) -> Float {
    switch self {
    case .f32:
      return scale
    case .f16:
      let value = FloatFormats.float(f16: FloatFormats.f16(scale))
      return value == 0 ? 0x1p-24 : value.isFinite ? value : 65504
    case .bf16:
      let value = FloatFormats.float(bf16: FloatFormats.bf16(scale))
      return value == 0 ? 0x1p-133 : value.isFinite ? value : 0x1.fep127
    }
  }
}

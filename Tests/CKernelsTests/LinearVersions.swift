import CKernels
import Testing

/// One version of a linear kernel, as a kernel table would hold it.
struct LinearVersion: CustomTestStringConvertible, Sendable {
  typealias Fill =
    @Sendable @convention(c) (
      UnsafePointer<nk_activations>?, UnsafePointer<Float>?, Int, Int, Int
    ) -> Void
  typealias Function =
    @Sendable @convention(c) (
      UnsafePointer<nk_linear_weight>?, Int, Int, UnsafePointer<nk_activations>?,
      UnsafeMutablePointer<Float>?, Int, UnsafeMutableRawPointer?
    ) -> Void

  let weights: nk_weight_kind
  let activations: nk_activation_kind
  let provider: String
  let fill: Fill
  let function: Function

  var testDescription: String { "\(weights.name) x \(activations.name), \(provider)" }

  /// The generic version of every kernel.
  static let generic = versions("generic", nk_activations_fill_generic) {
    switch $0 {
    case .f32: nk_linear_f32_f32_generic
    case .bf16: nk_linear_bf16_bf16_generic
    case .int8BF16: nk_linear_int8_bf16_generic
    case .int4BF16: nk_linear_int4_bf16_generic
    case .int3BF16: nk_linear_int3_bf16_generic
    case .int2BF16: nk_linear_int2_bf16_generic
    case .int8INT8: nk_linear_int8_int8_generic
    case .int4INT8: nk_linear_int4_int8_generic
    case .int3INT8: nk_linear_int3_int8_generic
    case .int2INT8: nk_linear_int2_int8_generic
    case .e4m3BF16: nk_linear_e4m3_bf16_generic
    case .e5m2BF16: nk_linear_e5m2_bf16_generic
    }
  }

  /// The SIMD versions this machine can run.
  static let simd: [LinearVersion] = {
    var found: [LinearVersion] = []
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
        found += versions("avx2", nk_activations_fill_avx2) {
          switch $0 {
          case .f32: nk_linear_f32_f32_avx2
          case .bf16: nk_linear_bf16_bf16_avx2
          case .int8BF16: nk_linear_int8_bf16_avx2
          case .int4BF16: nk_linear_int4_bf16_avx2
          case .int3BF16: nk_linear_int3_bf16_avx2
          case .int2BF16: nk_linear_int2_bf16_avx2
          case .int8INT8: nk_linear_int8_int8_avx2
          case .int4INT8: nk_linear_int4_int8_avx2
          case .int3INT8: nk_linear_int3_int8_avx2
          case .int2INT8: nk_linear_int2_int8_avx2
          case .e4m3BF16: nk_linear_e4m3_bf16_avx2
          case .e5m2BF16: nk_linear_e5m2_bf16_avx2
          }
        }
      }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found += versions("avx512", nk_activations_fill_avx512) {
          switch $0 {
          case .f32: nk_linear_f32_f32_avx512
          case .bf16: nk_linear_bf16_bf16_avx512
          case .int8BF16: nk_linear_int8_bf16_avx512
          case .int4BF16: nk_linear_int4_bf16_avx512
          case .int3BF16: nk_linear_int3_bf16_avx512
          case .int2BF16: nk_linear_int2_bf16_avx512
          case .int8INT8: nk_linear_int8_int8_avx512
          case .int4INT8: nk_linear_int4_int8_avx512
          case .int3INT8: nk_linear_int3_int8_avx512
          case .int2INT8: nk_linear_int2_int8_avx512
          case .e4m3BF16: nk_linear_e4m3_bf16_avx512
          case .e5m2BF16: nk_linear_e5m2_bf16_avx512
          }
        }
      }
    #endif
    return found
  }()

  static let all = generic + simd

  /// The generic version of the same kernel.
  var twin: LinearVersion {
    LinearVersion.generic.first { $0.weights == weights && $0.activations == activations }!
  }

  private static func versions(
    _ provider: String, _ fill: @escaping Fill, _ function: (LinearPair) -> Function
  ) -> [LinearVersion] {
    LinearPair.allCases.map {
      LinearVersion(
        weights: $0.kinds.0, activations: $0.kinds.1, provider: provider, fill: fill,
        function: function($0))
    }
  }
}

/// Pairs of weights and activations that have a kernel.
private enum LinearPair: CaseIterable {
  case f32, bf16, int8BF16, int4BF16, int3BF16, int2BF16, int8INT8, int4INT8, int3INT8, int2INT8
  case e4m3BF16, e5m2BF16

  var kinds: (nk_weight_kind, nk_activation_kind) {
    switch self {
    case .f32: (NK_WEIGHT_F32, NK_ACTIVATION_F32)
    case .bf16: (NK_WEIGHT_BF16, NK_ACTIVATION_BF16)
    case .int8BF16: (NK_WEIGHT_INT8, NK_ACTIVATION_BF16)
    case .int4BF16: (NK_WEIGHT_INT4, NK_ACTIVATION_BF16)
    case .int3BF16: (NK_WEIGHT_INT3, NK_ACTIVATION_BF16)
    case .int2BF16: (NK_WEIGHT_INT2, NK_ACTIVATION_BF16)
    case .int8INT8: (NK_WEIGHT_INT8, NK_ACTIVATION_INT8)
    case .int4INT8: (NK_WEIGHT_INT4, NK_ACTIVATION_INT8)
    case .int3INT8: (NK_WEIGHT_INT3, NK_ACTIVATION_INT8)
    case .int2INT8: (NK_WEIGHT_INT2, NK_ACTIVATION_INT8)
    case .e4m3BF16: (NK_WEIGHT_E4M3, NK_ACTIVATION_BF16)
    case .e5m2BF16: (NK_WEIGHT_E5M2, NK_ACTIVATION_BF16)
    }
  }
}

extension nk_weight_kind {
  static let kinds = [
    NK_WEIGHT_F32, NK_WEIGHT_BF16, NK_WEIGHT_INT8, NK_WEIGHT_INT4, NK_WEIGHT_INT3, NK_WEIGHT_INT2,
    NK_WEIGHT_E4M3, NK_WEIGHT_E5M2,
  ]

  /// Bits of a code, or 0 for float weights.
  var bits: Int {
    switch self {
    case NK_WEIGHT_INT8, NK_WEIGHT_E4M3, NK_WEIGHT_E5M2: 8
    case NK_WEIGHT_INT4: 4
    case NK_WEIGHT_INT3: 3
    case NK_WEIGHT_INT2: 2
    default: 0
    }
  }

  var isFloat8: Bool { self == NK_WEIGHT_E4M3 || self == NK_WEIGHT_E5M2 }

  /// The zero points that weights of this kind may have.
  var zeroPoints: [nk_zero_points] {
    bits > 0 && !isFloat8
      ? [NK_ZERO_POINTS_FIXED, NK_ZERO_POINTS_INTEGER, NK_ZERO_POINTS_REAL]
      : [NK_ZERO_POINTS_FIXED]
  }

  /// The largest code that is a positive number.
  var topCode: UInt8 {
    switch self {
    case NK_WEIGHT_E4M3: 0x7e
    case NK_WEIGHT_E5M2: 0x7b
    default: UInt8(truncatingIfNeeded: (1 << bits) - 1)
    }
  }

  /// `code`, or one near it where it stands for no number.
  func number(_ code: UInt8) -> UInt8 {
    isFloat8 && code & 0x7f > topCode ? code & 0xbf : code
  }

  /// What an 8-bit float means, by the definition of its format (OCP 8-bit floating point, section 4).
  func float8(_ code: UInt8) -> Float {
    let mantissaBits = self == NK_WEIGHT_E4M3 ? 3 : 2
    let bias = self == NK_WEIGHT_E4M3 ? 7 : 15
    let exponent = Int(code & 0x7f) >> mantissaBits
    let mantissa = Double(Int(code) & (1 << mantissaBits - 1)) / Double(1 << mantissaBits)
    let magnitude =
      exponent == 0
      ? mantissa * 2.0.power(1 - bias) : (1 + mantissa) * 2.0.power(exponent - bias)
    return Float(code & 0x80 == 0 ? magnitude : -magnitude)
  }

  var name: String {
    switch self {
    case NK_WEIGHT_E4M3: "E4M3"
    case NK_WEIGHT_E5M2: "E5M2"
    default: bits > 0 ? "INT\(bits)" : self == NK_WEIGHT_F32 ? "F32" : "BF16"
    }
  }
}

extension nk_activation_kind {
  var name: String {
    switch self {
    case NK_ACTIVATION_F32: "F32"
    case NK_ACTIVATION_BF16: "BF16"
    default: "INT8"
    }
  }
}

extension Double {
  /// This number to a whole power.
  func power(_ exponent: Int) -> Double {
    exponent < 0 ? 1 / power(-exponent) : (0..<exponent).reduce(1) { product, _ in product * self }
  }
}

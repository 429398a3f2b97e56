/// How the values of a range found by calibration are coded.
package enum FixedCode: Hashable, Sendable {
  /// `scale = max|x| / 127`.
  case symmetricInt8
  /// `scale = (max - min) / 255`, codes -128...127 about a zero point.
  case asymmetricInt8
  /// `scale = max|x| / largest`, E4M3 or E5M2.
  case float8(type: DType)

  /// The largest code.
  package var largest: Float {
    switch self {
    case .symmetricInt8, .asymmetricInt8: 127
    case .float8(let type):
      type == .f8e5m2 ? FloatFormats.largestE5M2 : FloatFormats.largestE4M3
    }
  }
}

/// The scale that a range found by calibration comes to, and its zero point.
package struct FixedScale: Hashable, Sendable, Codable {
  package var scale: Float
  /// 0 for symmetric codes.
  package var zero: Int

  package init(scale: Float, zero: Int = 0) {
    self.scale = scale
    self.zero = zero
  }
}

extension ActivationRange {
  /// The smallest scale of a range; kernels take what is much smaller for nothing.
  package static let smallestScale: Float = 0x1p-100

  /// The scale of this range, as kernels find it for a range they see at run time.
  package func fixedScale(as code: FixedCode) -> FixedScale {
    guard case .asymmetricInt8 = code else {
      return FixedScale(scale: max(Self.smallestScale, largestMagnitude / code.largest))
    }
    let low = min(0, lowest)
    let scale = max(Self.smallestScale, max(0, highest) / 255 - low / 255)
    let zero = (-128 - low * (1 / scale)).rounded(.toNearestOrEven)
    return FixedScale(scale: scale, zero: Int(max(-128, min(127, zero))))
  }
}

extension ActivationFormat {
  /// How values are coded where the scale is fixed, and that scale; nil for other formats.
  package var fixed: (code: FixedCode, scale: FixedScale)? {
    switch self {
    case .int8(.fixed(let scale), let isSymmetric):
      (isSymmetric ? .symmetricInt8 : .asymmetricInt8, scale)
    case .fp8(let type, .fixed(let scale)): (.float8(type: type), scale)
    case .int8, .int8Blocks, .int16Blocks, .fp8, .float, .int8WithOutliers: nil
    }
  }
}

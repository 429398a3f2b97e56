/// How the values of a range found by calibration are coded.
package enum FixedCode: Hashable, Sendable {
  /// `scale = max|x| / 127`.
  case symmetricInt8
  /// `scale = (max - min) / 255`, codes -128...127 about a zero point.
  case asymmetricInt8
  /// `scale = max|x| / largest`, E4M3 or E5M2.
  case float8(type: DType)

  /// The largest code.
  fileprivate var largest: Float {
    switch self {
    case .symmetricInt8, .asymmetricInt8: 127
    case .float8(let type):
      type == .f8e5m2 ? FloatFormats.largestE5M2 : FloatFormats.largestE4M3
    }
  }
}

/// The scale that a range found by calibration comes to, and its zero point.
package struct FixedScale: Hashable, Sendable {
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

  /// What codes with this scale reach, from the lowest to the highest.
  package init(_ fixed: FixedScale, as code: FixedCode) {
    let scale = fixed.scale
    switch code {
    case .symmetricInt8, .float8:
      self.init(lowest: -scale * code.largest, highest: scale * code.largest)
    case .asymmetricInt8:
      self.init(
        lowest: scale * Float(-128 - fixed.zero), highest: scale * Float(127 - fixed.zero))
    }
  }

  /// The scale of this range, as kernels find it.
  ///
  /// Where the range is what some scale reaches, it is that scale, or one that reaches the same: what was stored is found
  /// again.
  package func fixedScale(as code: FixedCode) -> FixedScale {
    let plain = plainScale(as: code)
    var above = plain.scale
    var below = plain.scale
    for _ in 0..<4 {
      for scale in [above, below] where scale > 0 && scale.isFinite {
        let near = FixedScale(scale: scale, zero: plain.zero)
        if ActivationRange(near, as: code) == self { return near }
      }
      (above, below) = (above.nextUp, below.nextDown)
    }
    return plain
  }

  /// The range that is left when this one has been stored as a scale and read again.
  package func settled(as code: FixedCode) -> ActivationRange {
    ActivationRange(plainScale(as: code), as: code)
  }

  private func plainScale(as code: FixedCode) -> FixedScale {
    guard case .asymmetricInt8 = code else {
      return FixedScale(scale: max(Self.smallestScale, largestMagnitude / code.largest))
    }
    let low = min(0, lowest)
    let scale = max(Self.smallestScale, max(0, highest) / 255 - low / 255)
    let zero = (-128 - low / scale).rounded(.toNearestOrEven)
    return FixedScale(scale: scale, zero: Int(max(-128, min(127, zero))))
  }
}

extension ActivationFormat {
  /// How values are coded where the scale is fixed, and the range it was found from; nil for other formats.
  package var fixed: (code: FixedCode, range: ActivationRange)? {
    switch self {
    case .int8(.fixed(let range), let isSymmetric):
      (isSymmetric ? .symmetricInt8 : .asymmetricInt8, range)
    case .fp8(let type, .fixed(let range)): (.float8(type: type), range)
    case .int8, .fp8, .float, .int8WithOutliers: nil
    }
  }
}

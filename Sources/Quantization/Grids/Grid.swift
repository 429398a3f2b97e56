/// An integer grid: the rule by which a range of weights becomes a scale, a zero point and codes.
///
/// There is not one "round to nearest". GPTQ, AWQ, SmoothQuant and compressed-tensors each divide the same
/// range in their own way, and files written for one are read wrongly, or less exactly, as another. Every
/// grid here yields unsigned codes in `0..<2^bits` that stand for `scale * (code - zero)`; what the
/// references write as signed codes is shifted by `2^(bits - 1)`.
package struct Grid: Hashable, Sendable, Codable {
  /// Whose rule it is; with b bits, n = 2^b - 1 steps, and the range `lowest...highest` of the values.
  package enum Convention: String, Hashable, Sendable, Codable, CaseIterable {
    /// GPTQ, AutoGPTQ, GPTQModel: the range is stretched to hold 0, `scale = range / n`; symmetric mirrors
    /// it, but only when it holds a negative value. Zero is `round(-lowest / scale)`.
    case gptq
    /// llm-awq, AutoAWQ: the range is not stretched, `scale = max(range, 1e-5) / n`, so values of one sign
    /// clip. Asymmetric only.
    case awq
    /// SmoothQuant, LLM.int8(), AutoAWQ without zero point: `scale = largest / (2^(b - 1) - 1)`; the lowest
    /// code is never reached. Symmetric only.
    case absmax
    /// compressed-tensors, llm-compressor: `scale = largest / (n / 2)`, clipped before it is rounded, so a
    /// positive extreme loses half a step; asymmetric adds the zero point before rounding.
    case compressedTensors = "compressed-tensors"

    /// Whether the rule has a form with, or without, a fixed zero point.
    package func has(symmetric: Bool) -> Bool {
      switch self {
      case .gptq, .compressedTensors: true
      case .awq: !symmetric
      case .absmax: symmetric
      }
    }
  }

  package let convention: Convention
  /// Bits of a code, 2 to 8.
  package let bits: Int
  /// Whether the zero point is fixed at `2^(bits - 1)`.
  package let isSymmetric: Bool

  /// A grid of `bits` bits.
  ///
  /// - Throws: `QuantizationError.invalidOption` for bits outside 2 to 8, or a form the rule does not have.
  package init(_ convention: Convention, bits: Int, isSymmetric: Bool) throws(QuantizationError) {
    guard (2...8).contains(bits) else {
      throw .invalidOption(
        method: "\(convention) grid", key: "bits", expected: "2 to 8", found: "\(bits)")
    }
    guard convention.has(symmetric: isSymmetric) else {
      throw .invalidOption(
        method: "\(convention) grid", key: "asymmetric", expected: isSymmetric ? "true" : "false",
        found: isSymmetric ? "false" : "true")
    }
    self.convention = convention
    self.bits = bits
    self.isSymmetric = isSymmetric
  }

  private init(known convention: Convention, bits: Int, isSymmetric: Bool) {
    self.convention = convention
    self.bits = bits
    self.isSymmetric = isSymmetric
  }

  /// compressed-tensors' INT8 grid without zero point.
  static let signedByte = Grid(known: .compressedTensors, bits: 8, isSymmetric: true)
  /// compressed-tensors' INT8 grid with a zero point.
  static let shiftedByte = Grid(known: .compressedTensors, bits: 8, isSymmetric: false)

  /// The number of steps, `2^bits - 1`; also the highest code.
  package var steps: Int { 1 << bits - 1 }
  /// The middle code, `2^(bits - 1)`: the zero point of a symmetric grid.
  package var middle: Int { 1 << (bits - 1) }

  /// The scale and zero point for values in `range`, the scale rounded to `scaleType` before the zero point
  /// is found, so that codes made with it are consistent with what is stored.
  ///
  /// `range` must be finite. The scale is always positive and finite in `scaleType`.
  package func parameters(of range: ValueRange, scaleType: ScaleType = .f32) -> GridParameters {
    let n = Float(steps)
    switch convention {
    case .gptq:
      var lowest = min(range.lowest, 0)
      var highest = max(range.highest, 0)
      if isSymmetric {
        highest = max(-lowest, highest)
        // A range without negative values keeps its zero end: the upper half of it will clip.
        if lowest < 0 { lowest = -highest }
      }
      var scale = Self.step(lowest, highest, n)
      if scale == 0 {
        (lowest, highest) = (-1, 1)
        scale = 2 / n
      }
      scale = scaleType.rounded(scale)
      return .init(scale: scale, zero: isSymmetric ? UInt8(middle) : code(-lowest / scale))
    case .awq:
      let scale = scaleType.rounded(
        max(Self.step(range.lowest, range.highest, n), Self.smallestRange / n))
      return .init(scale: scale, zero: code(-range.lowest / scale))
    case .absmax:
      let largest = max(range.largestMagnitude, Self.smallestRange)
      return .init(
        scale: scaleType.rounded(largest / Float(middle - 1)), zero: UInt8(middle))
    case .compressedTensors:
      if isSymmetric {
        let scale = range.largestMagnitude / (n / 2)
        return .init(
          scale: scaleType.rounded(scale == 0 ? .ulpOfOne : scale), zero: UInt8(middle))
      }
      let lowest = min(range.lowest, 0)
      let step = Self.step(lowest, max(range.highest, 0), n)
      // A range of zeros: the reference's 0/0 becomes the signed zero point 0.
      guard step > 0 else { return .init(scale: .ulpOfOne, zero: UInt8(middle)) }
      let scale = scaleType.rounded(step)
      // The reference rounds the signed code, whose lowest is `-middle`.
      return .init(
        scale: scale, zero: code(-Float(middle) - lowest / scale, above: -Float(middle)))
    }
  }

  /// AWQ's and SmoothQuant's floor under a range or a largest magnitude.
  private static let smallestRange: Float = 1e-5

  /// One of `n` steps from `lowest` to `highest`, finite for all finite ends.
  private static func step(_ lowest: Float, _ highest: Float, _ n: Float) -> Float {
    let step = (highest - lowest) / n
    return step.isFinite ? step : highest / n - lowest / n
  }

  /// The code of `value` rounded half to even and clipped, where `lowest` has code 0.
  private func code(_ value: Float, above lowest: Float = 0) -> UInt8 {
    let rounded = value.rounded(.toNearestOrEven) - lowest
    return UInt8(max(0, min(rounded, Float(steps))))
  }
}

extension Grid: CustomStringConvertible {
  /// `gptq 4 bit symmetric`.
  package var description: String {
    "\(convention.rawValue) \(bits) bit \(isSymmetric ? "symmetric" : "asymmetric")"
  }
}

/// A scale and a zero point: codes stand for `scale * (code - zero)`.
package struct GridParameters: Hashable, Sendable {
  package var scale: Float
  package var zero: UInt8

  package init(scale: Float, zero: UInt8) {
    self.scale = scale
    self.zero = zero
  }
}

/// The ends of a set of values.
package struct ValueRange: Hashable, Sendable {
  package var lowest: Float
  package var highest: Float

  package init(lowest: Float, highest: Float) {
    self.lowest = lowest
    self.highest = highest
  }

  package var largestMagnitude: Float { max(lowest.magnitude, highest.magnitude) }

  /// The range shrunk about 0 by `factor`.
  package func scaled(by factor: Float) -> ValueRange {
    .init(lowest: lowest * factor, highest: highest * factor)
  }

  /// The smallest range that holds both.
  package func union(_ other: ValueRange) -> ValueRange {
    .init(lowest: min(lowest, other.lowest), highest: max(highest, other.highest))
  }
}

/// Loops over runs of values: ranges, codes and values back.
///
/// Eight at a time, so that they compile to vector code; codes do not depend on the width.
extension Grid {
  /// The range of `count` values, or nil when one of them is not finite.
  ///
  /// The range of no values is 0...0.
  package static func range(of values: UnsafePointer<Float>, count: Int) -> ValueRange? {
    guard count > 0 else { return .init(lowest: 0, highest: 0) }
    var lowest = Vector(repeating: values[0])
    var highest = lowest
    // Stays 0 unless some value is infinite or not a number.
    var check = Vector.zero
    var index = 0
    while index + Self.width <= count {
      let value = load(values + index)
      lowest.replace(with: value, where: value .< lowest)
      highest.replace(with: value, where: value .> highest)
      check += value * 0
      index += Self.width
    }
    var range = ValueRange(lowest: lowest.min(), highest: highest.max())
    var rest = check.sum()
    while index < count {
      let value = values[index]
      range.lowest = value < range.lowest ? value : range.lowest
      range.highest = value > range.highest ? value : range.highest
      rest += value * 0
      index += 1
    }
    return rest == 0 ? range : nil
  }

  /// Writes the codes of `count` values.
  ///
  /// What is not finite gets some code and stops nothing.
  package func encode(
    _ values: UnsafePointer<Float>, count: Int, _ parameters: GridParameters,
    into codes: UnsafeMutablePointer<UInt8>
  ) {
    let rounding = Rounding(self, parameters)
    var index = 0
    while index + Self.width <= count {
      let bits = rounding.code(Self.load(values + index))
      UnsafeMutableRawPointer(codes + index).storeBytes(
        of: SIMD8<UInt8>(truncatingIfNeeded: bits), as: SIMD8<UInt8>.self)
      index += Self.width
    }
    while index < count {
      codes[index] = encode(values[index], parameters)
      index += 1
    }
  }

  /// The code of one value.
  package func encode(_ value: Float, _ parameters: GridParameters) -> UInt8 {
    let code = Rounding(self, parameters).code(Vector(repeating: value))[0]
    return UInt8(truncatingIfNeeded: code)
  }

  /// Writes `count` values moved to the nearest point of the grid; `output` may be `values`.
  package func round(
    _ values: UnsafePointer<Float>, count: Int, _ parameters: GridParameters,
    into output: UnsafeMutablePointer<Float>
  ) {
    let rounding = Rounding(self, parameters)
    var index = 0
    while index + Self.width <= count {
      UnsafeMutableRawPointer(output + index).storeBytes(
        of: rounding.round(Self.load(values + index)), as: Vector.self)
      index += Self.width
    }
    while index < count {
      output[index] = rounding.round(Vector(repeating: values[index]))[0]
      index += 1
    }
  }

  typealias Vector = SIMD8<Float>

  static let width = Vector.scalarCount

  @inline(__always)
  static func load(_ pointer: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
  }

  /// The steps from value to code with one scale and zero point.
  struct Rounding {
    private let scale: Vector
    /// Added before rounding: the signed zero point of compressed-tensors, else 0.
    private let shift: Vector
    private let lowest: Vector
    private let highest: Vector
    /// Added to the rounded number: what makes it a code in 0..<2^bits.
    private let offset: SIMD8<UInt32>
    private let floatOffset: Vector
    private let zero: Vector

    /// Half of 2^24 more than a half: adding it moves the units of a number below 2^22 to the last bit, so
    /// the hardware rounds half to even; SSE2 has no instruction for that.
    private static var anchor: Float { 0x1.8p23 }

    @inline(__always)
    init(_ grid: Grid, _ parameters: GridParameters) {
      scale = Vector(repeating: parameters.scale)
      zero = Vector(repeating: Float(parameters.zero))
      let addsZeroFirst = grid.convention == .compressedTensors
      let base = addsZeroFirst ? grid.middle : Int(parameters.zero)
      shift = Vector(repeating: addsZeroFirst ? Float(Int(parameters.zero) - base) : 0)
      lowest = Vector(repeating: Float(-base))
      highest = Vector(repeating: Float(grid.steps - base))
      offset = SIMD8(repeating: UInt32(base))
      floatOffset = Vector(repeating: Float(base))
    }

    /// `value / scale`, clipped to the codes and rounded, without the offset.
    ///
    /// Clipping to whole numbers first gives what clipping after rounding gives.
    @inline(__always)
    private func anchored(_ value: Vector) -> Vector {
      var scaled = value / scale + shift
      scaled.replace(with: lowest, where: scaled .< lowest)
      scaled.replace(with: highest, where: scaled .> highest)
      return scaled + Self.anchor
    }

    /// The code in the low 8 bits; what lies above means nothing.
    @inline(__always)
    func code(_ value: Vector) -> SIMD8<UInt32> {
      unsafeBitCast(anchored(value), to: SIMD8<UInt32>.self) &+ offset
    }

    /// The value of the code.
    @inline(__always)
    func round(_ value: Vector) -> Vector {
      scale * ((anchored(value) - Self.anchor + floatOffset) - zero)
    }
  }
}

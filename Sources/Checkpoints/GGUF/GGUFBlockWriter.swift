package import Tensors

/// Float32 numbers turned into ggml's plain types, Q8_0 and Q4_0, byte for byte as ggml's reference does.
///
/// Q8_0: scale `max|x| / 127`, halves rounded away from zero. Q4_0: scale `m / -8`, where `m` is the number
/// of the largest magnitude with its sign. Codes come from the scale before it is rounded to 16 bits.
package enum GGUFBlockWriter {
  /// The types that can be written.
  package static let types: [GGUFTensorType] = [.f32, .f16, .bf16, .q8_0, .q4_0]

  /// Writes `values` as blocks of `type`, one of `types`, to `output`; they must be whole blocks.
  package static func encode(
    _ values: UnsafeBufferPointer<Float>, as type: GGUFTensorType,
    into output: UnsafeMutableRawPointer
  ) {
    precondition(values.count % type.blockElements == 0, "\(values.count) numbers of \(type)")
    if let plain = type.plain {
      FloatFormats.encode(values, as: plain, into: output)
      return
    }
    for block in 0..<values.count / 32 {
      let source = UnsafeBufferPointer(rebasing: values[block * 32..<(block + 1) * 32])
      let target = output + block * type.blockBytes
      switch type {
      case .q8_0: q8(source, target)
      case .q4_0: q4(source, target)
      default: preconditionFailure("\(type) is not written from float32")
      }
    }
  }

  private static func q8(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    let largest = source.reduce(0) { Swift.max($0, $1.magnitude) }
    let scale = largest / 127
    let inverse = scale == 0 ? 0 : 1 / scale
    target.storeBytes(of: FloatFormats.f16(scale), as: UInt16.self)
    for index in 0..<32 {
      let code = (source[index] * inverse).rounded(.toNearestOrAwayFromZero)
      target.storeBytes(of: clamped(code, -127, 127), toByteOffset: 2 + index, as: Int8.self)
    }
  }

  private static func q4(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    var largest: Float = 0
    for value in source where value.magnitude > largest.magnitude { largest = value }
    let scale = largest / -8
    let inverse = scale == 0 ? 0 : 1 / scale
    target.storeBytes(of: FloatFormats.f16(scale), as: UInt16.self)
    for index in 0..<16 {
      let low = UInt8(clamped(source[index] * inverse + 8.5, 0, 15))
      let high = UInt8(clamped(source[index + 16] * inverse + 8.5, 0, 15))
      target.storeBytes(of: low | high << 4, toByteOffset: 2 + index, as: UInt8.self)
    }
  }

  /// The integer part, kept inside the range; 0 for what is not a number.
  private static func clamped(_ value: Float, _ lower: Float, _ upper: Float) -> Int8 {
    value.isNaN ? 0 : Int8(Swift.max(lower, Swift.min(upper, value)))
  }
}

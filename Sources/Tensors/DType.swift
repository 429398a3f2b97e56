/// The type of one stored number; raw values are the names of safetensors.
package enum DType: String, Hashable, Sendable, Codable, CaseIterable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  /// 8-bit float of 4 exponent bits, without infinities (OCP E4M3FN).
  case f8e4m3 = "F8_E4M3"
  /// 8-bit float of 5 exponent bits (OCP E5M2).
  case f8e5m2 = "F8_E5M2"
  /// 8-bit power of two, `2^(e - 127)`: the scale of an MX block.
  case f8e8m0 = "F8_E8M0"
  /// 4-bit float (OCP E2M1), two a byte, the first in the low half.
  case f4 = "F4"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u64 = "U64"
  case u32 = "U32"
  case u16 = "U16"
  case u8 = "U8"
  case bool = "BOOL"

  /// Bits of one number.
  package var bits: Int {
    switch self {
    case .f64, .i64, .u64: 64
    case .f32, .i32, .u32: 32
    case .f16, .bf16, .i16, .u16: 16
    case .f8e4m3, .f8e5m2, .f8e8m0, .i8, .u8, .bool: 8
    case .f4: 4
    }
  }

  /// Whether it is a floating-point number, which `TensorView` can give as float32.
  package var isFloat: Bool {
    switch self {
    case .f64, .f32, .f16, .bf16, .f8e4m3, .f8e5m2, .f8e8m0, .f4: true
    case .i64, .i32, .i16, .i8, .u64, .u32, .u16, .u8, .bool: false
    }
  }

  /// Bytes of `count` numbers; nil when that is no whole number of bytes or does not fit.
  package func byteCount(of count: Int) -> Int? {
    let (total, overflow) = count.multipliedReportingOverflow(by: bits)
    guard count >= 0, !overflow, total % 8 == 0 else { return nil }
    return total / 8
  }
}

extension DType: CustomStringConvertible {
  /// The name of safetensors: `BF16`, `F8_E4M3`.
  package var description: String { rawValue }
}

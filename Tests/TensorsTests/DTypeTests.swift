import Tensors
import Testing

@Suite struct DTypeTests {
  @Test func namesAreThoseOfSafetensors() {
    for name in [
      "F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I32", "I16", "I8", "U64", "U32",
      "U16", "U8", "BOOL",
    ] {
      #expect(DType(rawValue: name)?.description == name)
    }
    #expect(DType(rawValue: "f32") == nil)
    #expect(DType(rawValue: "") == nil)
  }

  @Test func bytesOfCounts() {
    #expect(DType.f32.byteCount(of: 3) == 12)
    #expect(DType.bf16.byteCount(of: 0) == 0)
    #expect(DType.f4.byteCount(of: 4) == 2)
    #expect(DType.f4.byteCount(of: 3) == nil)
    #expect(DType.u8.byteCount(of: -8) == nil)
    #expect(DType.f64.byteCount(of: Int.max / 64 + 1) == nil)
    #expect(DType.u8.byteCount(of: Int.max) == nil)
  }

  @Test func floatsAreFloats() {
    let floats: Set<DType> = [.f64, .f32, .f16, .bf16, .f8e4m3, .f8e5m2, .f8e8m0, .f4]
    for type in DType.allCases { #expect(type.isFloat == floats.contains(type)) }
  }
}

import Checkpoints
import Tensors
import TestSupport
import Testing

@Suite struct GGUFBlockWriterTests {
  private func encode(_ numbers: [Float], _ type: GGUFTensorType) -> [UInt8] {
    let count = type.byteCount(of: numbers.count) ?? 0
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      numbers.withUnsafeBufferPointer { source in
        if let base = buffer.baseAddress { GGUFBlockWriter.encode(source, as: type, into: base) }
      }
      filled = count
    }
  }

  @Test func edges() {
    let zeros = [Float](repeating: 0, count: 32)
    #expect(encode(zeros, .q8_0) == [UInt8](repeating: 0, count: 34))
    #expect(
      encode(zeros, .q4_0) == [0, 0x80] + [UInt8](repeating: 0x88, count: 16)
        || encode(zeros, .q4_0) == [0, 0] + [UInt8](repeating: 0x88, count: 16))
    var one = zeros
    one[3] = -8
    // Scale 1: -8 is code 0, nothing is code 8.
    #expect(
      encode(one, .q4_0) == [0, 0x3c, 0x88, 0x88, 0x88, 0x80] + [UInt8](repeating: 0x88, count: 12))
    for odd: Float in [
      .nan, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ] {
      for type in [GGUFTensorType.q8_0, .q4_0] {
        #expect(encode([odd] + zeros.dropLast(), type).count == type.blockBytes)
      }
    }
  }

  @Test(
    .enabled(
      if: SharedMaterial.has("fixtures/ggml_blocks.safetensors"),
      "\(SharedMaterial.without("fixtures/ggml_blocks.safetensors"))"),
    arguments: [("q8_0", GGUFTensorType.q8_0), ("q4_0", .q4_0)])
  func bytesAreThoseOfTheReference(name: String, type: GGUFTensorType) throws {
    let path = try #require(SharedMaterial.path("fixtures/ggml_blocks.safetensors"))
    let fixture = try Checkpoint(path: path)
    let found = encode(try fixture.view("in.W").floats(), type)
    #expect(found == (try fixture.view("out.\(name).blocks").elements(as: UInt8.self)))
  }
}

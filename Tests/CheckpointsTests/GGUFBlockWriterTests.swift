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

  /// Rows of 512 numbers of the reference material, and the bytes that ggml's own quantizer makes of them.
  private static func fixture() throws -> Checkpoint {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return try Checkpoint(
      path: parts.joined(separator: "/") + "/Fixtures/ggml-blocks.safetensors")
  }

  private static let written = GGUFBlockWriter.types.filter { $0.plain == nil }

  @Test(arguments: written)
  func bytesAreThoseOfTheReference(type: GGUFTensorType) throws {
    let fixture = try Self.fixture()
    let numbers = try fixture.view("in.W").floats()
    let expected = try fixture.view("\(type)").elements(as: UInt8.self)
    #expect(encode(numbers, type) == expected)
    // What is read back is near what was written, the wider the type the nearer.
    let decoded = expected.withUnsafeBytes { bytes in
      [Float](unsafeUninitializedCapacity: numbers.count) { buffer, filled in
        if let source = bytes.baseAddress, let target = buffer.baseAddress {
          GGUFBlocks.decode(type, at: source, count: numbers.count, into: target)
        }
        filled = numbers.count
      }
    }
    let error = zip(numbers, decoded).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let size = numbers.reduce(0) { $0 + $1 * $1 }
    let bound: Float = type.codeBits <= 2 ? 0.4 : type.codeBits == 3 ? 0.25 : 0.15
    #expect((error / size).squareRoot() < bound)
  }

  /// Blocks of zeros, and of numbers that are none, fill their bytes and nothing traps.
  @Test(arguments: written)
  func oddNumbersAreWritten(type: GGUFTensorType) {
    for odd: Float in [
      0, .nan, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ] {
      let numbers = [odd] + [Float](repeating: 0, count: 255)
      #expect(encode(numbers, type).count == 256 / type.blockElements * type.blockBytes)
    }
    let zeros = [Float](repeating: 0, count: 256)
    let blocks = encode(zeros, type)
    let decoded = blocks.withUnsafeBytes { bytes in
      [Float](unsafeUninitializedCapacity: 256) { buffer, filled in
        if let source = bytes.baseAddress, let target = buffer.baseAddress {
          GGUFBlocks.decode(type, at: source, count: 256, into: target)
        }
        filled = 256
      }
    }
    #expect(decoded.allSatisfy { $0 == 0 })
  }
}

import Checkpoints
import FoundationEssentials
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct GGUFBlocksTests {
  private func decode(_ type: GGUFTensorType, _ bytes: [UInt8]) -> [Float] {
    let count = bytes.count / type.blockBytes * type.blockElements
    return bytes.withUnsafeBytes { source in
      [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        if let base = source.baseAddress, let target = buffer.baseAddress {
          GGUFBlocks.decode(type, at: base, count: count, into: target)
        }
        filled = count
      }
    }
  }

  /// 2 as a 16-bit float, and -1.
  private let two: [UInt8] = [0x00, 0x40]
  private let minusOne: [UInt8] = [0x00, 0xbc]

  @Test func fourBits() {
    // Byte i holds code i % 16 below and 15 - i % 16 above.
    let codes = (0..<16).map { UInt8($0 | (15 - $0) << 4) }
    let low = (0..<16).map { Float($0) }
    let levels = low + low.reversed()
    #expect(decode(.q4_0, two + codes) == levels.map { 2 * ($0 - 8) })
    #expect(decode(.q4_1, two + minusOne + codes) == levels.map { 2 * $0 - 1 })
  }

  @Test func fiveBits() {
    let codes = (0..<16).map { UInt8($0) }
    // The fifth bit is set for numbers 0 and 31.
    let fifths: [UInt8] = [1, 0, 0, 0x80]
    var expected = (0..<16).map { $0 } + [Int](repeating: 0, count: 16)
    expected[0] += 16
    expected[31] += 16
    #expect(decode(.q5_0, two + fifths + codes) == expected.map { Float(2 * ($0 - 16)) })
    #expect(
      decode(.q5_1, two + minusOne + fifths + codes) == expected.map { Float(2 * $0 - 1) })
  }

  @Test func eightBits() {
    let codes = (0..<32).map { UInt8(truncatingIfNeeded: $0 * 8 - 128) }
    let expected = (0..<32).map { Float($0 * 16 - 256) }
    #expect(decode(.q8_0, two + codes) == expected)
  }

  @Test func sizesAreThoseOfTheFormat() {
    #expect(GGUFTensorType.q4K.byteCount(of: 512) == 288)
    #expect(GGUFTensorType.q4_0.byteCount(of: 31) == nil)
    #expect(GGUFTensorType.f64.byteCount(of: .max) == nil)
    #expect(GGUFTensorType.q8_0.bitsPerElement == 8.5)
    for type in GGUFTensorType.allCases {
      if let plain = type.plain { #expect(plain.bits == type.blockBytes * 8) }
    }
  }

  @Test(
    .enabled(
      if: SharedMaterial.has("fixtures/ggml_blocks.safetensors"),
      "\(SharedMaterial.without("fixtures/ggml_blocks.safetensors"))"),
    arguments: [
      ("q4_0", GGUFTensorType.q4_0), ("q4_1", .q4_1), ("q5_0", .q5_0), ("q5_1", .q5_1),
      ("q8_0", .q8_0), ("q2_K", .q2K), ("q3_K", .q3K), ("q4_K", .q4K), ("q5_K", .q5K),
      ("q6_K", .q6K), ("iq4_nl", .iq4NL), ("iq4_xs", .iq4XS), ("mxfp4", .mxfp4),
    ])
  func agreesWithTheReference(name: String, type: GGUFTensorType) throws {
    let path = try #require(SharedMaterial.path("fixtures/ggml_blocks.safetensors"))
    let fixture = try Checkpoint(path: path)
    let blocks = try fixture.view("out.\(name).blocks").elements(as: UInt8.self)
    let expected = try fixture.view("out.\(name).dequant").floats()
    let found = decode(type, blocks)
    #expect(found.count == expected.count)
    // The tolerance of the fixture's manifest.
    let wrong = zip(found, expected).filter { abs($0 - $1) > 1e-9 + 1e-6 * abs($1) }
    #expect(wrong.isEmpty)
  }

  /// The blocks and values of gguf-blocks.json, which Tests/Peers/gguf_blocks.py makes with the package `gguf`.
  struct Reference: Sendable, CustomTestStringConvertible {
    var type: GGUFTensorType
    var blocks: [UInt8]
    var first: [UInt8]
    var bits: String
    var testDescription: String { "\(type)" }

    static func all() throws -> [Reference] {
      var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
      parts[parts.count - 1] = "Fixtures/gguf-blocks.json"
      let file = try MappedFile(path: parts.joined(separator: "/"))
      let json = try StrictJSON.parse(file.read(at: 0, count: file.byteCount))
      return try #require(json.array).map { entry in
        let entry = try #require(entry.object)
        let name = try #require(entry["type"]?.string)
        func data(_ key: String) throws -> [UInt8] {
          let text = try #require(entry[key]?.string)
          return Array(try #require(Data(base64Encoded: text)))
        }
        return Reference(
          type: try #require(GGUFTensorType.allCases.first { "\($0)" == name }),
          blocks: try data("blocks"), first: try data("first"),
          bits: try #require(entry["bits"]?.string))
      }
    }
  }

  @Test(arguments: try Reference.all())
  func agreesToTheBit(reference: Reference) throws {
    let floats = decode(reference.type, reference.blocks)
    let bytes = floats.flatMap { value in
      withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
    #expect(Array(bytes.prefix(reference.first.count)) == reference.first)
    let hash = bytes.reduce(UInt64(0)) { $0 &* 0x100_0000_01b3 &+ UInt64($1) &+ 1 }
    let digits = String(hash, radix: 16)
    #expect(String(repeating: "0", count: 16 - digits.count) + digits == reference.bits)
  }

  @Test func everyBlockTypeHasAReference() throws {
    let known = Set(try Reference.all().map(\.type))
    let missing = GGUFTensorType.allCases.filter { $0.blockElements > 1 && !known.contains($0) }
    #expect(missing == [.q8_1, .q8K])
  }

  /// Activations of llama.cpp: a scale, sums that decoding passes over, and bytes.
  @Test func activationTypes() {
    let codes = (0..<32).map { UInt8(truncatingIfNeeded: $0 * 8 - 128) }
    let expected = (0..<32).map { Float($0 * 16 - 256) }
    #expect(decode(.q8_1, two + minusOne + codes) == expected)
    let long = (0..<8).flatMap { _ in codes }
    let scale = withUnsafeBytes(of: Float(2).bitPattern.littleEndian) { Array($0) }
    #expect(
      decode(.q8K, scale + long + [UInt8](repeating: 7, count: 32))
        == (0..<8).flatMap { _ in expected })
  }
}

import Tensors
import Testing

@Suite struct BlockWeightTests {
  /// Rows of Q8_0 blocks with scale 1; row r, column c holds `(7 r + c) % 100`.
  private static func bytes(rows: Int, columns: Int) -> SharedBytes {
    SharedBytes(byteCount: rows * columns / 32 * 34) { target in
      for block in 0..<rows * columns / 32 {
        target[block * 34 + 1] = 0x3c
        for index in 0..<32 {
          let place = block * 32 + index
          target[block * 34 + 2 + index] = UInt8((place / columns * 7 + place % columns) % 100)
        }
      }
    }
  }

  private static func row(_ row: Int, columns: Int) -> [Float] {
    (0..<columns).map { Float((row * 7 + $0) % 100) }
  }

  @Test func decodesRows() throws {
    let weight = try BlockWeight(
      type: .q8_0, bytes: Self.bytes(rows: 5, columns: 64), rows: 5, columns: 64)
    #expect("\(weight.format)" == "Q8_0")
    #expect(weight.byteCount == 5 * 68)
    #expect(weight.bitsPerWeight == 8.5)
    #expect(weight.format.byteCount(rows: 5, columns: 64) == weight.byteCount)
    #expect(weight.dequantized() == (0..<5).flatMap { Self.row($0, columns: 64) })
    var found = [Float](repeating: -1, count: 128)
    weight.dequantize(rows: 3..<5, into: &found)
    #expect(found == Self.row(3, columns: 64) + Self.row(4, columns: 64))
  }

  @Test func rowsMayStandInAnotherOrder() throws {
    let weight = try BlockWeight(
      type: .q8_0, bytes: Self.bytes(rows: 4, columns: 32), rows: 4, columns: 32,
      storedRow: { 3 - $0 })
    #expect(weight.dequantized() == [3, 2, 1, 0].flatMap { Self.row($0, columns: 32) })
    var blocks = [UInt8](repeating: 0, count: 34)
    weight.copyBlocks(rows: 1..<2, into: &blocks)
    #expect(blocks[2...] == (0..<32).map { UInt8(14 + $0) }[...])
  }

  @Test func whatDoesNotFitIsRefused() {
    let bytes = Self.bytes(rows: 2, columns: 32)
    func words(_ type: GGUFTensorType, rows: Int, columns: Int) -> String? {
      do {
        _ = try BlockWeight(type: type, bytes: bytes, rows: rows, columns: columns)
        return nil
      } catch { return "\(error)" }
    }
    #expect(words(.q8_0, rows: 2, columns: 32) == nil)
    #expect(words(.q8_0, rows: 2, columns: 33)?.contains("multiple of 32 numbers") == true)
    #expect(words(.q4K, rows: 1, columns: 128)?.contains("multiple of 256 numbers") == true)
    #expect(words(.q8_0, rows: 3, columns: 32)?.contains("found 68 bytes") == true)
    #expect(words(.i8, rows: 2, columns: 34)?.contains("real numbers") == true)
    #expect(words(.q8_0, rows: .max, columns: 64) != nil)
  }
}

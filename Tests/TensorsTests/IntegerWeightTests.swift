import Tensors
import Testing

@Suite struct IntegerWeightTests {
  private static func format(
    _ bits: Int, _ zeroPoint: WeightFormat.ZeroPoint,
    _ granularity: WeightFormat.Granularity = .group(size: 4)
  ) -> WeightFormat {
    WeightFormat(code: .integer(bits: bits), granularity: granularity, zeroPoint: zeroPoint)
  }

  @Test(arguments: 2...8) func codesComeBack(bits: Int) throws {
    // Rows that end inside a byte, and inside a word.
    let (rows, columns) = (3, 13)
    let codes = (0..<rows * columns).map { UInt8($0 * 37 % (1 << bits)) }
    let weight = try IntegerWeight(
      format: Self.format(bits, .fixed, .channel), rows: rows, columns: columns, unpacked: codes,
      scales: [1, 2, 3])
    var found = [UInt8](repeating: 0xff, count: 2 * columns)
    weight.unpack(rows: 1..<3, into: &found)
    #expect(found == Array(codes[columns...]))
    #expect(weight.codes.count == rows * weight.rowBytes)
  }

  @Test func signedBytesStayWhereTheyLie() throws {
    let codes = (0..<24).map { UInt8(truncatingIfNeeded: $0 * 37) }
    let signed = SharedBytes(byteCount: 24) { target in
      for (index, code) in codes.enumerated() { target[index] = code ^ 0x80 }
    }
    let weight = try IntegerWeight(
      format: Self.format(8, .fixed, .channel), rows: 3, columns: 8, codes: signed,
      scales: [1, 2, 3], isSigned: true)
    var found = [UInt8](repeating: 0, count: 16)
    weight.unpack(rows: 1..<3, into: &found)
    #expect(found == Array(codes[8...]))
    let plain = try IntegerWeight(
      format: Self.format(8, .fixed, .channel), rows: 3, columns: 8, unpacked: codes,
      scales: [1, 2, 3])
    #expect(weight.unsignedCodes == plain.codes)
    #expect(weight.dequantized() == plain.dequantized())
    #expect(throws: TensorError.self, "rows that end inside a word") {
      try IntegerWeight(
        format: Self.format(8, .fixed, .channel), rows: 1, columns: 7,
        codes: SharedBytes(byteCount: 8) { _ in }, scales: [1], isSigned: true)
    }
    #expect(throws: TensorError.self, "4 bits have no signed form") {
      try IntegerWeight(
        format: Self.format(4, .fixed, .channel), rows: 1, columns: 8,
        codes: SharedBytes(byteCount: 4) { _ in }, scales: [1], isSigned: true)
    }
  }

  @Test func everyKindOfZeroPointIsTakenOff() throws {
    let codes: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7]
    func values(
      _ zeroPoint: WeightFormat.ZeroPoint, _ zeros: [UInt8] = [], _ realZeros: [Float] = []
    ) throws -> [Float] {
      try IntegerWeight(
        format: Self.format(3, zeroPoint), rows: 1, columns: 8, unpacked: codes, scales: [2, 4],
        zeros: zeros, realZeros: realZeros
      ).dequantized()
    }
    #expect(try values(.fixed) == [-8, -6, -4, -2, 0, 4, 8, 12])
    #expect(try values(.integer, [1, 7]) == [-2, 0, 2, 4, -12, -8, -4, 0])
    #expect(try values(.real, [], [0.5, -2.25]) == [-1, 1, 3, 5, 25, 29, 33, 37])
    let tensor = try IntegerWeight(
      format: Self.format(3, .real, .tensor), rows: 2, columns: 4, unpacked: codes, scales: [2],
      realZeros: [0.5])
    #expect(tensor.dequantized() == [-1, 1, 3, 5, 7, 9, 11, 13])
  }

  @Test func zeroPointsMustBeThoseOfTheFormat() {
    func make(
      _ zeroPoint: WeightFormat.ZeroPoint, _ zeros: [UInt8], _ realZeros: [Float]
    ) throws {
      _ = try IntegerWeight(
        format: Self.format(4, zeroPoint), rows: 1, columns: 8,
        unpacked: [UInt8](repeating: 0, count: 8), scales: [1, 1], zeros: zeros,
        realZeros: realZeros)
    }
    #expect(throws: Never.self) { try make(.real, [], [1, 2]) }
    for (zeroPoint, zeros, realZeros) in [
      (WeightFormat.ZeroPoint.fixed, [UInt8](), [Float(1), 2]), (.integer, [], [1, 2]),
      (.real, [1, 2], []), (.real, [], [1]), (.real, [], [1, .nan]),
      (.real, [], [1, -65536]),
    ] {
      #expect(throws: TensorError.self) { try make(zeroPoint, zeros, realZeros) }
    }
  }

  /// Codes are read where they lie, and stay there while the weight lives.
  @Test func codesNeedNoCopy() throws {
    var memory: Memory? = Memory([0x10, 0x32, 0x54, 0x76])
    weak let owner = memory
    let start = memory?.bytes.baseAddress
    let format = Self.format(4, .fixed, .channel)
    let bytes = try #require(memory.map { SharedBytes($0.bytes, owner: $0) })
    var weight: IntegerWeight? = try IntegerWeight(
      format: format, rows: 1, columns: 8, codes: consume bytes, scales: [1])
    memory = nil
    #expect(owner != nil)
    #expect(weight?.codes.withUnsafeBytes { $0.baseAddress } == start)
    #expect(weight?.dequantized() == [-8, -7, -6, -5, -4, -3, -2, -1])
    let copy = SharedBytes(byteCount: 4) { $0.copyBytes(from: [0x10, 0x32, 0x54, 0x76]) }
    #expect(weight?.codes == copy)
    weight = nil
    #expect(owner == nil)
    #expect(throws: TensorError.self) {
      try IntegerWeight(format: format, rows: 2, columns: 8, codes: copy, scales: [1, 1])
    }
  }

  private final class Memory: @unchecked Sendable {
    // Unchecked: written in `init` only.
    let bytes: UnsafeRawBufferPointer

    init(_ values: [UInt8]) {
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: values.count, alignment: 4)
      copy.copyBytes(from: values)
      bytes = UnsafeRawBufferPointer(copy)
    }

    deinit { bytes.deallocate() }
  }
}

import FoundationEssentials
import Tensors
import Testing

@Suite struct WeightFormatTests {
  private static let group = WeightFormat.Granularity.group(size: 64)

  @Test func formatsComeBackFromJSON() throws {
    for zeroPoint in [WeightFormat.ZeroPoint.fixed, .integer, .real] {
      let format = WeightFormat(
        code: .integer(bits: 4), granularity: Self.group, zeroPoint: zeroPoint)
      let text = try JSONEncoder().encode(format)
      #expect(try JSONDecoder().decode(WeightFormat.self, from: text) == format)
    }
  }

  /// What was written when zero points were whole or none.
  @Test(arguments: [true, false]) func olderFormatsAreRead(isSymmetric: Bool) throws {
    let text = """
      {"code":{"integer":{"bits":4}},"granularity":{"group":{"size":64}},"isSymmetric":\(isSymmetric)}
      """
    let format = try JSONDecoder().decode(WeightFormat.self, from: Data(text.utf8))
    #expect(
      format
        == WeightFormat(
          code: .integer(bits: 4), granularity: Self.group, isSymmetric: isSymmetric))
    #expect(format.isSymmetric == isSymmetric)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(
        WeightFormat.self, from: Data(#"{"code":{"integer":{"bits":4}}}"#.utf8))
    }
  }

  @Test func zeroPointsCountAsTheyAreStored() {
    func bytes(_ zeroPoint: WeightFormat.ZeroPoint) -> Int {
      WeightFormat(code: .integer(bits: 4), granularity: Self.group, zeroPoint: zeroPoint)
        .byteCount(rows: 3, columns: 128)
    }
    #expect(bytes(.fixed) == 3 * 64 + 6 * 2)
    #expect(bytes(.integer) == 3 * 64 + 6 * 3)
    #expect(bytes(.real) == 3 * 64 + 6 * 4)
  }

  @Test func formatsAreWrittenAsPeopleDo() {
    func text(_ zeroPoint: WeightFormat.ZeroPoint) -> String {
      "\(WeightFormat(code: .integer(bits: 4), granularity: Self.group, zeroPoint: zeroPoint))"
    }
    #expect(text(.fixed) == "W4 g64")
    #expect(text(.integer) == "W4 g64 asymmetric")
    #expect(text(.real) == "W4 g64 real zeros")
  }
}

import Testing
import Wording

@Suite struct PlainTableTests {
  @Test func numbersStandRightAndWordsLeft() {
    let lines = PlainTable.lines(
      ["method", "KL"], [["rtn", "0.5"], ["gptq", "0.0125"], ["awq", "nan"], ["fp", "-"]])
    #expect(
      lines == [
        "method  KL    ", "------  ------", "rtn        0.5", "gptq    0.0125", "awq        nan",
        "fp           -",
      ])
  }

  /// Every row ends in the same column of the terminal, whatever the cells are written in.
  @Test func columnsAreTheTerminals() {
    let names = ["모델", "cafe\u{301}", "👩‍💻", "日本語テキスト", "plain", "\u{202E}x"]
    let lines = PlainTable.lines(["name", "n"], names.map { [$0, "7"] })
    let widths = lines.map(ScalarWidth.of)
    #expect(Set(widths) == [widths[1]])
    #expect(lines.dropFirst(2).allSatisfy { $0.hasSuffix("  7") })
    // Two columns a Hangul syllable, none for a combining mark.
    #expect(PlainTable.padded("모델", to: 6) == "모델  ")
    #expect(PlainTable.padded("e\u{301}", to: 3) == "e\u{301}  ")
    #expect(PlainTable.padded("7", to: 3, isRight: true) == "  7")
    #expect(PlainTable.padded("longer", to: 3) == "longer")
  }

  @Test func rowsOfAnotherLengthDoNotStop() {
    #expect(PlainTable.lines(["a"], [["1", "2"], []]).count == 4)
  }
}

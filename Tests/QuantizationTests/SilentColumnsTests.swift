import Quantization
import Testing

/// Columns of which calibration says nothing are told by number.
@Suite struct SilentColumnsTests {
  @Test func everyColumnHeardOfIsNotTold() {
    let found = SilentColumns(sizes: [1, 0.2, 3, 0.01])
    #expect(found.dead.isEmpty && found.starved.isEmpty)
    #expect(found.words(outcome: "x") == nil)
  }

  @Test func deadAndStarvedColumnsAreTold() {
    let found = SilentColumns(sizes: [1, 0, 3, 1e-6, 2, 0])
    #expect(found.dead == [1, 5] && found.starved == [3])
    let words = found.words(outcome: "their weights are 0") ?? ""
    #expect(words.contains("2 of 6 input columns are dead columns"))
    #expect(words.contains("(1, 5): their weights are 0"))
    #expect(words.contains("1 of 6 input columns is starved") && words.hasSuffix("(3)"))
    let both = found.words(outcome: "x", starvedOutcome: "they are rounded") ?? ""
    #expect(both.hasSuffix("(3): they are rounded"))
  }

  @Test func longListsAreCut() {
    let words = SilentColumns(sizes: [Float](repeating: 0, count: 40)).words(outcome: "y") ?? ""
    #expect(words.contains("40 of 40") && words.contains("11, ...") && !words.contains("12"))
  }
}

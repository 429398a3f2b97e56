import Evaluation
import Testing

@Suite struct TextWindowsTests {
  private let ids = (0..<2000).map { Int32($0 % 100) }

  @Test func llamaCppScoresTheSecondHalf() throws {
    let text = try TextWindows(
      ids, protocol: .llamaCpp, window: nil, context: 4096, bos: 7, most: nil, text: "t")
    #expect(text.windows.count == 3)
    #expect(text.length == 512)
    #expect(text.scored == 256..<511)
    #expect(text.windows.allSatisfy { $0[0] == 7 })
    #expect(text.windows[1][1] == ids[513])
    #expect(text.begin == .eachWindow)
    #expect(text.prefix(1).begin == .eachWindow)
  }

  @Test func aModelWithoutABeginningHasNone() throws {
    let text = try TextWindows(
      ids, protocol: .llamaCpp, window: nil, context: 4096, bos: nil, most: nil, text: "t")
    #expect(text.begin == .nothing)
    #expect(text.windows[0][0] == ids[0])
  }

  @Test func thePapersScoreEveryShiftedPosition() throws {
    let text = try TextWindows(
      ids, protocol: .paper, window: nil, context: 1024, bos: 7, most: nil, text: "t")
    #expect(text.length == 1024, "cut to the model's context")
    #expect(text.windows.count == 1)
    #expect(text.scored == 0..<1023)
    #expect(text.windows[0][0] == ids[0])
    #expect(text.begin == .text)
  }

  /// BOS before each window of the papers' protocol: no token of the text is lost, and its own BOS is not taken twice.
  @Test func eachWindowCanBeginWithBOS() throws {
    let text = try TextWindows(
      [7] + ids, protocol: .paper, window: 512, context: 4096, bos: 7, begin: .eachWindow, most: 3,
      text: "t")
    #expect(text.windows.count == 3 && text.windows.allSatisfy { $0.count == 512 && $0[0] == 7 })
    #expect(text.windows.flatMap { $0.dropFirst() } == Array(ids.prefix(3 * 511)))
    #expect(text.scored == 0..<511 && text.begin == .eachWindow)
  }

  @Test(arguments: [EvaluationProtocol.paper, .llamaCpp]) func noWindowNeedBeginWithBOS(
    name: EvaluationProtocol
  ) throws {
    let text = try TextWindows(
      [7] + ids, protocol: name, window: 512, context: 4096, bos: 7, begin: .nothing, most: 2,
      text: "t")
    #expect(text.windows.flatMap(\.self) == Array(ids.prefix(1024)))
    #expect(text.begin == .nothing)
    let once = try TextWindows(
      [7] + ids, protocol: name, window: 512, context: 4096, bos: 7, begin: .text, most: 2,
      text: "t")
    #expect(once.windows.flatMap(\.self) == [7] + ids.prefix(1023))
  }

  @Test func aTokenizerWithoutBOSCannotPutIt() {
    #expect(throws: EvaluationError.noBegin) {
      _ = try TextWindows(
        ids, protocol: .paper, window: 512, context: 4096, bos: nil, begin: .eachWindow, most: 2,
        text: "t")
    }
  }

  @Test func shortTextsAreRefusedWithNumbers() {
    #expect(throws: EvaluationError.textTooShort(text: "t", tokens: 2000, needed: 2048)) {
      _ = try TextWindows(
        ids, protocol: .llamaCpp, window: 1024, context: 4096, bos: nil, most: nil, text: "t")
    }
    #expect(throws: EvaluationError.windowOutOfRange(found: 2, lowest: 4)) {
      _ = try TextWindows(
        ids, protocol: .paper, window: 2, context: 4096, bos: nil, most: nil, text: "t")
    }
  }
}

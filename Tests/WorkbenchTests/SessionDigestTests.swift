import Testing
import Workbench

/// What is told of a session: what was chosen, and what came of it.
@Suite struct SessionDigestTests {
  @Test func theSameSessionHasNoDifferences() {
    let digest = SessionDigest(PlayerTests.walk)
    #expect(digest.steps.contains { $0.words.hasPrefix("quantize: ") && $0.outcome == "finished" })
    #expect(digest.figures.map(\.name).contains("KL"))
    #expect(SessionDigest.differences(digest, digest).isEmpty)
  }

  @Test func whatDiffersIsNamed() {
    let walk = SessionDigest(PlayerTests.walk)
    let cut = SessionDigest(
      Session(
        header: PlayerTests.walk.header,
        lines: Array(PlayerTests.walk.lines.prefix(PlayerTests.walk.lines.count / 3))))
    let rows = SessionDigest.differences(walk, cut)
    #expect(rows.contains { $0[0] == "KL" && $0[2] == "-" })
    #expect(rows.allSatisfy { $0.count == 3 && $0[1] != $0[2] })
  }

  @Test func itsTextHasStepsFiguresAndTheLastScreen() {
    let text = SessionDigest.markdown(PlayerTests.walk)
    #expect(text.contains("## What was done") && text.contains("| KL | "))
    #expect(text.contains("## The end") && text.contains("VERDICT"))
  }
}

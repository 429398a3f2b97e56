import Platform
import Testing

@Suite struct ProcessorUseTests {
  private func use(_ line: String, own: Double, time: Double) throws -> ProcessorUse {
    try #require(ProcessorUse(Substring(line), ticks: 100, own: own, time: time))
  }

  /// 10 seconds of two cores: 12 s busy, of which 9 s this process, and 1 s stolen.
  @Test func othersHaveWhatThisProcessHadNot() throws {
    let start = try use("cpu 1000 0 0 5000 0 0 0 100 0 0", own: 2, time: 50)
    let end = try use("cpu 2100 50 50 5700 0 0 0 200 0 0", own: 11, time: 60)
    #expect(abs(end.others(since: start) - (12 - 9 + 1) / 10) < 1e-12)
    #expect(start.others(since: start) == 0)
  }

  @Test func aShortLineSaysNothing() {
    #expect(ProcessorUse("cpu 1 2 3", ticks: 100, own: 0, time: 0) == nil)
    #expect(ProcessorUse("intr 1 2 3 4 5 6 7 8 9", ticks: 0, own: 0, time: 0) == nil)
  }

  @Test func thisMachineTells() throws {
    let start = try #require(ProcessorUse.read())
    #expect(start.busy > 0 && start.own > 0)
    let others = try #require(ProcessorUse.read()).others(since: start)
    #expect(others >= 0 && others.isFinite)
  }
}

import Platform
import TestSupport
import Testing

/// What `serve-sim` prints on the built-in model, for people and for scripts.
@Suite struct TrafficJSONTests {
  private static let drawn = ["--count", "40", "--prompt", "60", "--generate", "20"]

  @Test func describedMachine() throws {
    let json = try Ran(
      ["serve-sim", "--machine", "H200", "--limit", "ttft=0.1", "--kv-widths", "16,4.5", "--json"]
        + Self.drawn
    ).json()
    json.expectNumbers(["rate", "meanPrompt", "requests", "simulationRate"])
    #expect(json[path: "isModelled"] == .bool(true))
    let sides = try #require(json[path: "sides"]?.array)
    #expect(sides.count == 4)
    for side in sides {
      side.expectNumbers([
        "simulated.firstToken.p99", "simulated.perToken.median", "simulated.tokenRate",
        "simulated.occupancy.p99", "simulated.preemptions", "largest.rate", "capacity.blocks",
      ])
      side.expectTexts(["form.name"])
    }
    #expect(json[path: "widths"]?.array?.count == 2)
  }

  @Test func explainsAndShowsTime() {
    let ran = Ran(
      ["serve-sim", "--machine", "H200", "--explain", "--timeline", "--try", "W4A16"]
        + Self.drawn)
    #expect(ran.code == 0, "\(ran.error)")
    for words in [
      "modelled from its limits", "linear", "FP over time:", "weights=rtn:4", "requests/s",
    ] {
      #expect(ran.out.contains(words), "\(words): \(ran.out)")
    }
  }

  @Test func aTraceIsReadAndItsFaultsAreNamed() throws {
    let folder = try TemporaryFolder()
    let head = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    let path = try folder.file("trace.csv", head + "0,30,5\n0.5,40,6\n")
    let good = Ran(["serve-sim", "--machine", "H200", "--trace", path])
    #expect(good.code == 0 && good.out.contains("2 requests"), "\(good.error)")
    try folder.file("trace.csv", head + "0,30,5\n0.5,40,999999\n")
    let bad = Ran(["serve-sim", "--machine", "H200", "--trace", path])
    #expect(bad.code == 1 && bad.error.contains("line 3: GeneratedTokens"), "\(bad.error)")
  }
}

import Platform
import TestSupport
import Testing

/// `nibble </dev/null`: the walk without a terminal.
@Suite(.serialized) struct HeadlessWalkTests {
  /// The walk follows its own advice: the recipe it runs is the first method of the target it advises.
  @Test func followsItsAdvice() throws {
    let json = try Ran(["--json", "--threads", "2"]).json()
    let target = try #require(json[path: "plan.advice.0.target"]?.string)
    let first = try #require(json[path: "plan.advice.0.methods.0"]?.string)
    let slot = target == "kv" ? "keys" : target
    #expect(json[path: "run.recipe.\(slot).method"]?.string == first)
    for other in ["weights", "activations", "keys"] where other != slot {
      #expect(json[path: "run.recipe.\(other)"]?.object == nil)
    }
    json.expectNumbers([
      "run.quantize.outputBytes", "run.evaluation.perplexity",
      "run.bench.quantized.decode.tokensPerSecond",
    ])
    #expect(json[path: "run.verdict.checks"]?.array?.count == 4)
  }
}

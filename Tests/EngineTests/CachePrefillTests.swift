import Engine
import Evaluation
import Quantization
import Testing

/// The prefill of KIVI's paper: the prompt in full precision, quantized after it, then token by token.
@Suite(.serialized) struct CachePrefillTests {
  private func report(
    _ recipe: String, _ prefill: CacheSchedule?, _ name: EvaluationProtocol = .llamaCpp
  ) throws -> EvaluationReport {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let recipe = try RecipeText.recipe(recipe)
    if !recipe.isBaseline {
      _ = try perform(
        laboratory,
        QuantizeJob(recipe: recipe, calibration: .init(), keeping: .nothing, compares: false))
    }
    return try perform(
      laboratory,
      EvaluateJob(
        options: EvaluationOptions(protocol: name, window: 256, windows: 2, prefill: prefill)))
  }

  @Test func theTwoSchedulesDifferAndSaySo() throws {
    let passes = try report("kv=kivi:2 kv.window=64", nil)
    let full = try report("kv=kivi:2 kv.window=64", .full)
    #expect(passes.schedule?.contains("in passes of 32 tokens") == true)
    #expect(full.schedule?.contains("prefill in full precision") == true)
    #expect(passes.kl.mean > 0 && full.kl.mean > 0 && passes.kl.mean != full.kl.mean)
    #expect(full.caveat == nil && full.tokens == passes.tokens)
    #expect((full.perplexity / passes.perplexity - 1).magnitude < 0.5)
  }

  /// With nothing quantized both read the same numbers, but for the order of sums.
  @Test func aCacheInFullPrecisionIsTheSameEitherWay() throws {
    let full = try report("", .full)
    #expect(full.schedule == nil)
    #expect(full.kl.mean < 1e-4)
  }

  @Test func whereAllIsScoredThereIsNothingToPrefill() throws {
    let ended = try #require(throws: Ended.self) { try report("kv=kivi:2", .full, .paper) }
    guard case .failed(_, let message)? = ended.event else {
      Issue.record("\(String(describing: ended.event))")
      return
    }
    #expect(message.contains("expected a protocol that leaves the first part of a window unscored"))
  }
}

import Engine
import Models
import Quantization
import Testing

/// Massive activations are called out before anything else, with what they do to which method.
@Suite struct MassiveActivationsTests {
  private func input(
    _ block: Int, _ projection: Projection, _ largest: Double, channel: Int = 1229,
    behind: Double = 8
  ) -> OutlierSurvey.Input {
    var input = OutlierSurvey.Input(
      block: block, projection: projection, columns: 1536,
      reach: OutlierSurvey.Reach(
        largest: largest, median: 4, topOneShare: 0.9, topEightShare: 0.95, cells: [largest],
        topChannels: [channel], topValues: [largest]),
      kurtosis: 3, atSix: OutlierSurvey.Count(columns: 1, perWindow: 1))
    input.first = OutlierSurvey.FirstTokens(
      position: 0, channel: channel, magnitude: largest, behind: behind)
    return input
  }

  private func survey(_ inputs: OutlierSurvey.Input...) -> OutlierSurvey {
    OutlierSurvey(
      model: "m", recipe: .baseline, text: "t", windows: 1, tokens: 256, inputs: inputs,
      columns: 1536 * inputs.count, ladder: [],
      proposal: .init(threshold: nil, columns: 0, gap: 1, farthest: 2))
  }

  @Test func theyAreTiedToWhatTheyDo() throws {
    let found = survey(
      input(0, .q, 12), input(11, .down, 3010), input(28, .down, 2355, channel: 678))
    let words = try #require(found.massive)
    #expect(
      words.hasPrefix(
        "Massive activations: 3010 at token 0 in 11.down, channel 1229, 753 times what the middle channel reaches; also "
          + "2355 at token 0 in 28.down."), "\(words)")
    #expect(words.contains("static scales break, a scale a token keeps the damage to that token."))
    #expect(words.contains("down has none in front: it does not reach there"))
    #expect(
      found.massiveShort
        == "massive: 3010 at token 0 in 11.down breaks static scales; folds miss it")
  }

  @Test func channelsThatReachFarEverywhereAreToldApart() throws {
    let found = survey(input(3, .q, 3000, behind: 2900))
    let words = try #require(found.massive)
    #expect(words.contains("3000 in 3.q, k, v") && words.contains("with a scale a token too."))
    #expect(!words.contains("none in front"))
  }

  @Test func whereNothingIsMassiveNothingIsSaid() {
    #expect(survey(input(0, .q, 12), input(1, .down, 500)).massive == nil)
    #expect(survey().massiveShort == nil)
  }
}

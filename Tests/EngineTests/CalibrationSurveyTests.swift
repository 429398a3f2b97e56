import Engine
import Quantization
import Testing

@Suite struct CalibrationSurveyTests {
  private func survey(_ errors: [Double]) -> CalibrationSurvey {
    CalibrationSurvey(
      recipe: .baseline, text: "text", blocks: [0], heldOut: 2, roundedError: 0.1,
      points: errors.enumerated().map { place, error in
        CalibrationSurvey.Point(
          windows: 2 << place, tokens: 512 << place, error: error, halfErrors: [error, error],
          agreement: 0.9)
      })
  }

  @Test func saysFromWhereOnMoreTextBringsNothing() {
    #expect(survey([0.1, 0.05, 0.04, 0.0399, 0.0398]).flatFrom == 8)
    #expect(survey([0.1, 0.05, 0.04, 0.0399, 0.0398]).verdict.hasPrefix("flat from 8 windows"))
  }

  @Test func saysThatTheErrorStillFalls() {
    let falling = survey([0.1, 0.05, 0.04, 0.03])
    #expect(falling.flatFrom == nil)
    #expect(
      falling.verdict == "still falling, 25 % from 8 to 16 windows: use more than 16")
  }

  @Test func aRiseIsFlatToo() {
    #expect(survey([0.1, 0.05, 0.051]).flatFrom == 4)
  }

  @Test func onePointSaysNothing() {
    #expect(survey([0.1]).flatFrom == nil)
    #expect(survey([0.1]).verdict.hasPrefix("too few"))
  }
}

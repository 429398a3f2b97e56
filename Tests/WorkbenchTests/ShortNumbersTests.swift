import Engine
import Testing
import Workbench

@Suite struct ShortNumbersTests {
  /// A line whose only number with a fraction is a rate.
  static func rate(_ value: Double) throws -> Double {
    let progress = JobProgress(phase: "", done: 1, total: 2, unit: "", secondsElapsed: value)
    let message = Message.job(event: .progressed(id: JobID(number: 1), progress: progress))
    guard case .job(.progressed(_, let kept)) = try SessionCodec.canonical(message) else {
      return .nan
    }
    return kept.secondsElapsed
  }

  static let pairs: [(Double, Double)] = [
    (0.021349, 0.02135), (-0.021349, -0.02135), (1.0 / 3, 0.3333), (9.99999, 10), (0.99996, 1),
    (123_456.7, 123_500), (1.23456e-12, 1.235e-12), (6.02214076e23, 6.022e23), (0, 0), (2.5, 2.5),
    (1.23456e-300, 1.235e-300),
    (1.7976931348623157e308, 1.797e308),
  ]

  @Test(arguments: pairs)
  func fractionsKeepFourDigits(_ pair: (Double, Double)) throws {
    let kept = try Self.rate(pair.0)
    #expect(kept == pair.1)
    #expect(try Self.rate(kept) == kept)
  }

  @Test func whatIsNotANumberSurvives() throws {
    #expect(try Self.rate(.infinity) == .infinity)
    #expect(try Self.rate(-.infinity) == -.infinity)
    #expect(try Self.rate(.nan).isNaN)
  }

  @Test func wholeNumbersAndTextsStay() throws {
    let message = Message.catalog(
      part: .models(entries: [
        ModelEntry(
          name: "v1.23456789 \"3.14159\"", path: "/a/0.123456", kind: "k",
          fileBytes: 123_456_789_012)
      ]))
    #expect(try SessionCodec.canonical(message) == message)
  }
}

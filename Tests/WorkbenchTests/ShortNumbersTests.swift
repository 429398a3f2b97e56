import Engine
import Testing
import Wording
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
    (0.021349567, 0.0213496), (-0.021349567, -0.0213496), (1.0 / 3, 0.333333), (9.9999996, 10),
    (0.9999996, 1), (1_234_567.7, 1_234_570), (1.23456789e-12, 1.23457e-12),
    (6.02214076e23, 6.02214e23), (0, 0), (2.5, 2.5), (1.23456789e-300, 1.23457e-300),
    (1.7976931348623157e308, 1.79769e308),
  ]

  @Test(arguments: pairs)
  func fractionsKeepSixDigits(_ pair: (Double, Double)) throws {
    let kept = try Self.rate(pair.0)
    #expect(kept == pair.1)
    #expect(try Self.rate(kept) == kept)
  }

  /// What is shown with three decimals was kept with three: 28.6251 read 28.630 when four digits were kept.
  @Test func whatIsShownWasKept() throws {
    #expect(try Quantity.fixed(Self.rate(28.6251), 3) == "28.625")
    // Rounding twice must not move a digit: 40.8464 is 40.8.
    #expect(try Quantity.fixed(Self.rate(40.8464), 1) == "40.8")
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

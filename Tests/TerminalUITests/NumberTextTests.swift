import TerminalUI
import Testing

@Suite struct NumberTextTests {
  @Test func fixedRoundsAndKeepsPlaces() {
    #expect(NumberText.fixed(3.14159, 2) == "3.14")
    #expect(NumberText.fixed(-0.5, 0) == "0")
    #expect(NumberText.fixed(-0.004, 2) == "0.00")
    #expect(NumberText.fixed(-12.5, 1) == "-12.5")
    #expect(NumberText.fixed(0.05, 3) == "0.050")
    #expect(NumberText.fixed(1e300, 2) == "1.00e300")
    #expect(NumberText.fixed(.nan, 2) == "–")
    #expect(NumberText.fixed(-.infinity, 2) == "-∞")
  }

  @Test(arguments: [
    (0.0142, "0.0142"), (18.5, "18.5"), (2100, "2100"), (0.99951, "1.00"), (9.996, "10.0"),
    (0, "0"), (0.000012345, "1.23e-5"), (1234567, "1.23e6"), (-0.25, "-0.250"), (999.6, "1000"),
    (9.9999e-5, "1.00e-4"), (.leastNonzeroMagnitude, "0"), (1e-280, "1.00e-280"),
  ])
  func threeDigits(value: Double, text: String) {
    #expect(NumberText.significant(value) == text)
  }

  @Test func unitsAndGroups() {
    #expect(NumberText.bytes(840) == "840 B")
    #expect(NumberText.bytes(16_100_000_000) == "16.1 GB")
    #expect(NumberText.bytes(999_999) == "1.00 MB")
    #expect(NumberText.bytes(.max) == "9.22 EB")
    #expect(NumberText.short(540) == "540")
    #expect(NumberText.short(32_768) == "32.8 k")
    #expect(NumberText.grouped(32_768) == "32 768")
    #expect(NumberText.grouped(-1_234_567) == "-1 234 567")
    #expect(NumberText.grouped(.min).hasPrefix("-9 223"))
    #expect(NumberText.percent(0.61) == "61 %")
    #expect(NumberText.percent(0.0042) == "0.4 %")
    #expect(NumberText.percent(0) == "0 %")
    #expect(NumberStyle.bytes.text(5e9) == "5 GB")
    #expect(NumberStyle.significant.text(0.1) == "0.1")
    #expect(NumberStyle.significant.text(.infinity) == "∞")
  }

  @Test(arguments: [
    (0.0042, "4.2 ms"), (0.042, "42 ms"), (0.42, "0.42 s"), (4.2, "4.2 s"), (42, "42 s"),
    (59.9, "1 m 00 s"), (185, "3 m 05 s"), (7800, "2 h 10 m"), (Double.nan, "–"),
  ])
  func durations(seconds: Double, text: String) {
    #expect(NumberText.duration(seconds: seconds) == text)
  }
}

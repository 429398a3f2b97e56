import Testing
import Wording

/// A table of values and how each of them reads through every function.
@Suite struct QuantityTests {
  private static let fixedRows: [(Double, Int, String)] = [
    (3.14159, 2, "3.14"), (0.125, 2, "0.13"), (-0.125, 2, "-0.13"), (0.5, 0, "1"), (1.5, 0, "2"),
    (2.5, 0, "3"), (-0.5, 0, "-1"), (-0.4, 0, "0"), (-0.004, 2, "0.00"), (-12.5, 1, "-12.5"),
    (0.05, 3, "0.050"), (2.675, 2, "2.68"), (1.005, 2, "1.01"), (0.285, 2, "0.29"),
    (9.999, 2, "10.00"), (0.06, 0, "0"), (123, 0, "123"), (0, 2, "0.00"), (-0.0, 1, "0.0"),
    (123_456.75, 1, "123456.8"), (1e300, 2, "1.00e300"), (99, 3, "99.000"), (1e-300, 3, "0.000"),
    (0.999999999, 3, "1.000"), (.nan, 2, "nan"), (.infinity, 2, "inf"), (-.infinity, 2, "-inf"),
  ]

  @Test(arguments: fixedRows)
  func fixed(value: Double, digits: Int, text: String) {
    #expect(Quantity.fixed(value, digits) == text)
  }

  private static let threeDigitsRows: [(Double, String)] = [
    (0.0142, "0.0142"), (18.5, "18.5"), (2100, "2100"), (2134.4, "2134"), (0.99951, "1.00"),
    (9.996, "10.0"), (99.96, "100"), (0, "0"), (-0.0, "0"), (0.000012345, "1.23e-5"),
    (1_234_567, "1.23e6"), (-0.25, "-0.250"), (999.6, "1000"), (9.9999e-5, "1.00e-4"),
    (0.125, "0.125"), (0.0001, "0.000100"), (999_999.4, "999999"), (0.1235, "0.124"),
    (.leastNonzeroMagnitude, "0"), (1e-280, "1.00e-280"), (.greatestFiniteMagnitude, "1.80e308"),
    (.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf"),
  ]

  @Test(arguments: threeDigitsRows)
  func threeDigits(value: Double, text: String) {
    #expect(Quantity.significant(value) == text)
  }

  private static let significantDigitsRows: [(Double, Int, String)] = [
    (0.125, 2, "0.13"), (0.125, 1, "0.1"), (0.15, 1, "0.2"), (125, 2, "125"), (0.00995, 2, "0.010"),
    (-1.25, 2, "-1.3"), (1e-5, 1, "1e-5"),
  ]

  @Test(arguments: significantDigitsRows)
  func significantDigits(value: Double, digits: Int, text: String) {
    #expect(Quantity.significant(value, digits) == text)
  }

  private static let bytesRows: [(Double, String)] = [
    (0, "0 B"), (840, "840 B"), (26.66, "26.7 B"), (999.4, "999 B"), (999.6, "1.00 kB"),
    (1000, "1.00 kB"), (12_345, "12.3 kB"), (999_999, "1.00 MB"), (16.1e9, "16.1 GB"),
    (4.2e12, "4.20 TB"), (-5e6, "-5.00 MB"), (9.22e18, "9.22 EB"), (.nan, "nan B"),
    (.infinity, "inf B"),
  ]

  @Test(arguments: bytesRows)
  func bytes(value: Double, text: String) { #expect(Quantity.bytes(value) == text) }

  @Test func wholeBytesReadAlike() {
    #expect(Quantity.bytes(16_100_000_000 as Int) == "16.1 GB")
    #expect(Quantity.bytes(.max as Int) == "9.22 EB")
  }

  private static let shortRows: [(Double, String)] = [
    (540, "540"), (0.5, "0.500"), (32_768, "32.8 k"), (8.03e9, "8.03 G"), (0, "0"), (.nan, "nan"),
  ]

  @Test(arguments: shortRows)
  func short(value: Double, text: String) { #expect(Quantity.short(value) == text) }

  private static let ratesRows: [(Double, String, String)] = [
    (0.43e12, "FLOP/s", "430 GFLOP/s"), (1.5e12, "FLOP/s", "1.50 TFLOP/s"), (12, "B/s", "12 B/s"),
    (25.61e9, "B/s", "25.6 GB/s"), (3e15, "OP/s", "3.00 POP/s"), (.infinity, "B/s", "inf B/s"),
  ]

  @Test(arguments: ratesRows)
  func rates(value: Double, unit: String, text: String) {
    #expect(Quantity.rate(value, unit) == text)
  }

  private static let percentRows: [(Double, String)] = [
    (0, "0 %"), (0.0042, "0.4 %"), (0.0004, "0 %"), (0.05, "5.0 %"), (0.0994, "9.9 %"),
    (0.0996, "10 %"), (0.125, "13 %"), (0.61, "61 %"), (1, "100 %"), (-0.031, "-3.1 %"),
    (-0.0004, "0 %"), (12.5, "1250 %"), (.nan, "nan %"), (-.infinity, "-inf %"),
  ]

  @Test(arguments: percentRows)
  func percent(share: Double, text: String) { #expect(Quantity.percent(share) == text) }

  private static let percentDigitsRows: [(Double, Int, String)] = [
    (0.285, 0, "29 %"), (0.125, 1, "12.5 %"), (0.00125, 2, "0.13 %"), (0.05, 0, "5 %"),
    (0.995, 0, "100 %"),
  ]

  @Test(arguments: percentDigitsRows)
  func percentDigits(share: Double, digits: Int, text: String) {
    #expect(Quantity.percent(share, digits) == text)
  }

  private static let secondsRows: [(Double, String)] = [
    (0, "0 s"), (-0.0, "0 s"), (0.0000042, "0.0042 ms"), (0.0042, "4.2 ms"), (0.042, "42 ms"),
    (0.0996, "0.10 s"), (0.125, "0.13 s"), (0.42, "0.42 s"), (4.2, "4.2 s"), (9.96, "10 s"),
    (42, "42 s"), (59.9, "1 min 00 s"), (90, "1 min 30 s"), (125, "2 min 05 s"),
    (185, "3 min 05 s"), (3599.6, "1 h 00 min"), (3900, "1 h 05 min"), (7800, "2 h 10 min"),
    (-125, "-2 min 05 s"), (1e9, "277777 h 46 min"), (1e18, "1.00e18 s"), (.nan, "nan s"),
    (.infinity, "inf s"), (-.infinity, "-inf s"),
  ]

  @Test(arguments: secondsRows)
  func seconds(value: Double, text: String) { #expect(Quantity.seconds(value) == text) }

  @Test(arguments: [(0, "0"), (999, "999"), (32_768, "32 768"), (-1_234_567, "-1 234 567")])
  func grouped(value: Int, text: String) { #expect(Quantity.grouped(value) == text) }

  @Test func theSmallestCountIsGrouped() {
    #expect(Quantity.grouped(.min) == "-9 223 372 036 854 775 808")
  }

  private static let signedRows: [(Double, Int, String)] = [
    (0.25, 2, "+0.25"), (-1.5, 2, "-1.50"), (0, 2, "0.00"), (-0.004, 2, "0.00"),
    (0.004, 2, "0.00"), (.nan, 1, "nan"), (.infinity, 1, "+inf"), (-.infinity, 1, "-inf"),
  ]

  @Test(arguments: signedRows)
  func signed(value: Double, digits: Int, text: String) {
    #expect(Quantity.signed(value, digits) == text)
  }

  @Test func signedPercent() {
    #expect(Quantity.signedPercent(0.032) == "+3.2 %")
    #expect(Quantity.signedPercent(-0.032, 2) == "-3.20 %")
    #expect(Quantity.signedPercent(0, 2) == "0.00 %")
  }

  private static let timesRows: [(Double, String)] = [
    (0.85, "0.85x"), (1, "1.00x"), (3.125, "3.13x"), (9.996, "10.0x"), (12.45, "12.5x"),
    (340.2, "340x"), (.nan, "nanx"), (.infinity, "infx"),
  ]

  @Test(arguments: timesRows)
  func times(ratio: Double, text: String) { #expect(Quantity.times(ratio) == text) }

  private static let atMostThreeRows: [(Double, String)] = [
    (8.5, "8.5"), (4.125, "4.125"), (3, "3"), (2.00049, "2"), (1.0 / 3, "0.333"), (100, "100"),
    (.nan, "nan"),
  ]

  @Test(arguments: atMostThreeRows)
  func atMostThree(value: Double, text: String) { #expect(Quantity.atMost(3, value) == text) }

  @Test func trimmingKeepsUnitsAndExponents() {
    #expect(Quantity.trimmed("5.00 GB") == "5 GB")
    #expect(Quantity.trimmed("1.50e20") == "1.50e20")
    #expect(Quantity.trimmed("500") == "500")
  }

  private static let clockRows: [(Double, String)] = [
    (0, "0:00"), (65_400, "1:05"), (-5, "0:00"), (3_600_000, "60:00"),
  ]

  @Test(arguments: clockRows)
  func clock(milliseconds: Double, text: String) {
    #expect(Quantity.clock(milliseconds: milliseconds) == text)
  }

  @Test func exponents() {
    #expect([0.0142, 1, 999, 0, .nan].map(Quantity.decimalExponent) == [-2, 0, 2, 0, 0])
  }
}

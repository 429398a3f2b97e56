import Models
import Quantization
import Testing

@Suite struct ActivationStatisticsTests {
  private static let columns = 3

  /// Two windows of six tokens and three channels, and the same numbers in a few calls or many.
  private static let windows: [[Float]] = [
    [1, -2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, -1, 1, 1],
    [0, 0, -9, 0, 0, 0, 0, 0, 0, 2, 0, 0, 4, 0, 0, 0, 0, 5],
  ]

  private func statistics(chunk: Int) -> ActivationStatistics {
    var statistics = ActivationStatistics(columns: Self.columns)
    for window in Self.windows {
      for first in stride(from: 0, to: 6, by: chunk) {
        let tokens = min(chunk, 6 - first)
        let rows = Array(window[first * Self.columns..<(first + tokens) * Self.columns])
        statistics.add(rows, tokens: tokens)
      }
      statistics.endWindow()
    }
    return statistics
  }

  @Test(arguments: [1, 2, 4, 5, 6]) func handComputed(chunk: Int) {
    let found = statistics(chunk: chunk)
    #expect(found.tokens == 12 && found.windows == 2)
    #expect(found.maxima == [4, 7, 9])
    #expect(found.windowMaxima == [[3, 7, 1], [4, 0, 9]])
    // Positions 0 to 3 of each window, then the rest.
    let peak = found.firstPeak
    #expect(peak?.position == 0 && peak?.channel == 2 && peak?.magnitude == 9)
    #expect(found.behindPeak == 7)
    #expect(found.columns(reaching: 7) == 2, "7 itself reaches 7")
    #expect(found.columns(reaching: 9.5) == 0)
    #expect(found.columnsPerWindow(reaching: 4) == 1.5)
    #expect(found.absoluteMaximum == 9)
  }

  @Test func kurtosisIsThatOfTheValues() {
    let values = Self.windows.joined().map(Double.init)
    let mean = values.reduce(0, +) / Double(values.count)
    func moment(_ power: Int) -> Double {
      values.reduce(0) { sum, value in
        sum + (0..<power).reduce(1.0) { product, _ in product * (value - mean) }
      } / Double(values.count)
    }
    let expected = moment(4) / (moment(2) * moment(2)) - 3
    #expect((statistics(chunk: 2).kurtosis - expected).magnitude < 1e-12)
  }

  @Test func constantsAndNothingHaveNoTails() {
    var constant = ActivationStatistics(columns: 2)
    constant.add([2, 2, 2, 2], tokens: 2)
    constant.endWindow()
    #expect(constant.kurtosis == 0)
    let empty = ActivationStatistics(columns: 2)
    #expect(empty.kurtosis == 0 && empty.firstPeak == nil && empty.windowMaxima.isEmpty)
    #expect(empty.columnsPerWindow(reaching: 1) == 0)
  }
}

import Operators
import Profiling
import TerminalUI
import Wording

/// What both phases reached of the machine's limits in the same seconds, in one line.
struct LimitLine: Widget {
  var prefill: LimitShare?
  var decode: LimitShare?

  /// Nil where neither was measured.
  init?(_ side: BenchReport.Side?) {
    guard let side, side.prefillLimit != nil || side.decodeLimit != nil else { return nil }
    prefill = side.prefillLimit
    decode = side.decodeLimit
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    func phase(_ name: String, _ limit: LimitShare?, rate: Bool) -> StyledText {
      guard let limit else { return "" }
      return .dim("  \(name) ") + .strong(Quantity.percent(limit.share))
        + .hint(" of \(limit.limit.label)")
        + (rate ? .hint(" (\(MachinePeaks.rate(limit.limitRate, limit.limit)))") : "")
    }
    func both(rate: Bool) -> StyledText {
      phase("prefill", prefill, rate: rate) + phase("decode", decode, rate: rate)
    }
    buffer.line(
      oneOf: [
        .dim("Of the machine's limits next to it:") + both(rate: true),
        .dim("Of limits next to it:") + both(rate: true), .dim("Of limits:") + both(rate: false),
      ],
      in: rect, look: look)
  }
}

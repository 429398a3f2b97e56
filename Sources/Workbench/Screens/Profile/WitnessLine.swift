import Profiling
import TerminalUI
import Wording

/// What another program needed for the same, in one line.
struct WitnessLine: Widget {
  var speed: WitnessSpeed

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    func phase(_ name: String, _ rate: BenchReport.Rate, _ ratio: Double) -> StyledText {
      .dim("  \(name) ") + StyledText("\(Quantity.significant(rate.tokensPerSecond))/s")
        + .hint(", ours ") + StyledText(Quantity.times(ratio), ratio >= 1 ? .good : .warn)
    }
    let phases =
      phase("prefill", speed.prefill, speed.prefillRatio)
      + phase("decode", speed.decode, speed.decodeRatio)
    let part: StyledText = speed.part == .model ? "" : .hint(" (\(speed.partWords))")
    let name: StyledText = .strong("\(speed.program) \(speed.version)")
    buffer.line(
      oneOf: [
        name + part + phases, .strong(speed.program) + part + phases,
        .strong(speed.program) + phases,
      ],
      in: rect, look: look)
  }
}

import Engine
import Evaluation
import Operators
import Profiling
import Quantization
import TerminalUI
import Wording

/// The four checks, each with its mark, its word and its evidence.
struct VerdictPanel: Widget {
  var verdict: Verdict
  var recipe: String

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("the four checks", in: rect, look: look, trailing: .hint(recipe))
    let checks = verdict.checks
    let gap = room.height >= checks.count * 4 ? 1 : 0
    let each = max(1, (room.height - gap * max(0, checks.count - 1)) / max(1, checks.count))
    for (index, check) in checks.enumerated() {
      let place = Rect(
        x: room.x, y: room.y + index * (each + gap), width: room.width, height: each
      ).intersection(room)
      draw(check, number: index + 1, in: place, &buffer, look)
    }
  }

  private func draw(
    _ check: Verdict.Check, number: Int, in rect: Rect, _ buffer: inout CellBuffer, _ look: Look
  ) {
    let (mark, role, word) = check.mark.sign(look)
    let head = StyledText("\(mark) \(word)", role)
    let columns = rect.columns([.fixed(10), .fill()], spacing: 1)
    buffer.line(head, in: columns[0], look: look)
    buffer.line(
      .strong("\(number)  \(check.question)"), in: columns[1].row(0), look: look)
    buffer.draw(
      Paragraph(StyledText(check.evidence, check.mark == .unknown ? .hint : .text)),
      in: columns[1].splitTop(1).rest.inset(left: 3), look: look)
  }
}

/// The run as a text that can be kept: recipe, figures, verdict.
struct RunReport {
  var facts: Facts
  /// The recipe of the next run, named while nothing is quantized.
  var recipe: Recipe

  /// Markdown.
  var text: String {
    var lines = [
      "# \(facts.model?.label ?? "no model"): \(facts.quantized?.words ?? "\(recipe)")",
      "",
    ]
    for (index, check) in facts.verdict.checks.enumerated() {
      lines.append("\(index + 1). \(check.question) **\(check.mark.rawValue)**: \(check.evidence)")
    }
    lines.append("")
    if let report = facts.evaluation {
      lines += [
        "## Quality", "",
        "- protocol \(report.protocol.rawValue), \(report.windows) windows of \(report.window), "
          + "\(report.tokens) tokens of \(report.text)"
          + (report.begin.map { ", \($0.words)" } ?? ""),
        "- perplexity \(Quantity.perplexity(report.baseline.perplexity)) (\(report.baseline.name)) to "
          + Quantity.perplexity(report.perplexity)
          + Quantity.margin(report.perplexityError, windows: report.windows),
        "- KL \(Quantity.significant(report.kl.mean))"
          + Quantity.margin(report.kl.error, windows: report.windows)
          + ", p99 \(Quantity.significant(report.kl.p99)), noise floor "
          + "\(Quantity.significant(report.noiseFloor.klMean, 2))",
        "- top-1 agreement \(Quantity.percent(report.topOneAgreement, 1))",
      ]
      if let figures = report.figures {
        lines += [
          "- ln ratio of perplexities \(Quantity.signed(figures.lnRatio.mean, 5))"
            + Quantity.margin(figures.lnRatio.error, windows: report.windows),
          "- flips \(figures.flips.lost) right to wrong, \(figures.flips.gained) wrong to right, p "
            + "\(Quantity.significant(figures.flips.p, 2)) (\(PairedTest.name))",
          "- probability of the right token \(Quantity.signedPercent(figures.probability.mean.mean, 2)) on average, RMS "
            + Quantity.percent(figures.probability.rms.mean, 2),
        ]
      }
      lines.append("")
    }
    if let bench = facts.bench {
      lines += [
        "## Speed", "", "| | prefill tok/s | decode tok/s | weights |", "|---|---|---|---|",
      ]
      for side in [bench.baseline, bench.quantized].compactMap({ $0 }) {
        lines.append(
          "| \(side.recipe) | \(Quantity.significant(side.prefill.tokensPerSecond)) | "
            + "\(Quantity.significant(side.decode.tokensPerSecond)) | \(Quantity.bytes(side.weightBytes)) |"
        )
      }
      lines += ["", "Kernels of decode:", ""]
      for kernel in bench.quantized.decodeKernels {
        lines.append(
          "- \(kernel.operator): \(kernel.kernel)"
            + (kernel.native ? "" : " (fallback: \(kernel.reason ?? "no reason given"))"))
      }
      lines.append("")
    }
    lines += ["## Next", ""] + facts.verdict.next.map { "- \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }
}

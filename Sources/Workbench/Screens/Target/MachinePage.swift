import Operators
import Planning
import TerminalUI
import Wording

/// What the machine can do at most, how far its slices lay apart, when that was, and whether the advice holds within it.
struct MachinePage: Widget {
  var plan: PlanReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let isMeasured = plan.peaks?.isMeasured ?? true
    let room = buffer.box(
      StyledText(isMeasured ? "this machine" : plan.machine), in: rect, look: look,
      trailing: isMeasured ? StyledText("m", .key) + .hint(" measures it again") : .hint(""))
    guard let peaks = plan.peaks else {
      return buffer.draw(
        Paragraph(.hint("This report was made before peaks were kept with it.")), in: room,
        look: look)
    }
    let isWide = room.width >= 64
    let rows = Self.rows(peaks, isWide: isWide)
    let (table, rest) = room.splitTop(min(room.height, rows.count + 1))
    var columns = [Table.Column(""), Table.Column("at most", .right)]
    if peaks.measurement != nil {
      columns.append(Table.Column(isWide ? "half of the slices" : "half in", .right))
      columns.append(Table.Column(isWide ? "undisturbed" : "slices", .right))
    }
    buffer.draw(Table(columns, rows: rows), in: table, look: look)
    var text: StyledText = .hint(Self.sentence(peaks.source ?? peaks.provenance))
    text += "\n" + Self.verdict(plan, look)
    buffer.draw(Paragraph(text), in: rest, look: look)
  }

  private static func rows(_ peaks: MachinePeaks, isWide: Bool) -> [[StyledText]] {
    MachineLimit.all.map { limit in
      var row: [StyledText] = [
        .dim(limit.label), .strong(MachinePeaks.rate(peaks[limit], limit)),
      ]
      guard let spread = peaks.measurement?[limit] else { return row }
      let range =
        "\(MachinePeaks.rate(spread.lower, limit)) to \(MachinePeaks.rate(spread.upper, limit))"
      let share = (spread.upper - spread.lower) / 2 / max(peaks[limit], 1)
      row.append(StyledText(isWide ? range : "±" + Quantity.percent(share)))
      row.append(
        .hint(
          isWide
            ? "\(Quantity.grouped(spread.undisturbed)) of \(Quantity.grouped(spread.slices))"
            : Quantity.grouped(spread.undisturbed)))
      return row
    }
  }

  private static func verdict(_ plan: PlanReport, _ look: Look) -> StyledText {
    guard let stability = plan.stability else { return "" }
    guard !stability.flips.isEmpty else {
      return .good("\(look.glyphs.pass) ")
        + StyledText("The advice is the same wherever these peaks lie within their spread, ")
        + StyledText("\(Quantity.percent(MachinePeaks.repeatability)) either way at the least.")
    }
    return stability.flips.enumerated().reduce(StyledText("")) { text, flip in
      text + (flip.offset > 0 ? "\n" : "") + .warn("\(look.glyphs.warn) ")
        + StyledText(flip.element.words)
    }
  }

  private static func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst() + "."
  }

  /// The peaks in one line, the longest that fits `width` columns.
  static func line(_ peaks: MachinePeaks, width: Int) -> String {
    let limits: [MachineLimit] = [.readBandwidth, .bf16]
    let age =
      peaks.isMeasured
      ? peaks.measurement?.ageSeconds.map { ", \(Quantity.ago($0))" } ?? ""
      : ", data sheet"
    func short(_ limit: MachineLimit) -> String {
      let rate = MachinePeaks.rate(peaks[limit], limit)
      guard let spread = peaks.measurement?[limit], peaks[limit] > 0 else { return rate }
      return rate + " ±"
        + Quantity.percent((spread.upper - spread.lower) / 2 / peaks[limit])
    }
    let lines = [
      limits.map(peaks.words).joined(separator: ", ") + age,
      limits.map(short).joined(separator: ", ") + age, limits.map(short).joined(separator: ", "),
      limits.map { MachinePeaks.rate(peaks[$0], $0) }.joined(separator: ", "),
    ]
    return lines.first { ScalarWidth.of($0) <= width } ?? ""
  }
}

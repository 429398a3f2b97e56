import Engine
import Models
import Quantization
import TerminalUI
import Wording

/// The threshold on the ladder, how many columns it takes apart, and what is planted.
struct ThresholdPanel: Widget {
  var survey: OutlierSurvey?
  /// The rung of the ladder that the threshold stands on.
  var rung: OutlierSurvey.Rung?
  /// What was planted last.
  var planting: PlantingReport?
  var view: OutlierScreen.View

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "LLM.int8() threshold", in: rect, look: look,
      trailing: .hint(survey == nil ? "" : "\(look.glyphs.arrow) with the arrows"))
    var rest = room
    if let massive = survey?.massive, let short = survey?.massiveShort {
      let mark = StyledText.warn("\(look.glyphs.warn) ")
      let line = room.splitTop(1)
      buffer.line(
        oneOf: [mark + StyledText(massive), mark + StyledText(short)], in: line.top, look: look)
      rest = line.rest
    }
    drawThreshold(in: rest, of: &buffer, look: look)
    buffer.line(
      oneOf: [planted(look, isLong: true), planted(look, isLong: false)],
      in: room.row(room.height - 1), look: look)
  }

  private func drawThreshold(in room: Rect, of buffer: inout CellBuffer, look: Look) {
    guard let survey, let rung else {
      buffer.line(
        .hint("A survey tells which inputs reach which threshold."), in: room.row(0), look: look)
      return
    }
    let share = Double(rung.count.columns) / Double(max(1, survey.columns)) * 100
    let name =
      rung.threshold == OutlierSurvey.six
      ? " (the paper's)" : rung.threshold == survey.proposal.threshold ? " (proposed)" : ""
    let head: StyledText =
      .strong("from \(Quantity.significant(rung.threshold))") + .accent(name)
      + StyledText(
        ": \(Quantity.grouped(rung.count.columns)) of \(Quantity.grouped(survey.columns)) columns"
      ) + StyledText(" (\(Quantity.fixed(share, 2)) %)")
    buffer.line(
      oneOf: [
        head
          + .hint(
            " in the text, \(Quantity.fixed(rung.count.perWindow, 1)) in a window, are multiplied apart"
          ),
        head + .hint(", \(Quantity.fixed(rung.count.perWindow, 1)) in a window"), head,
      ], in: room.row(0), look: look)
    guard room.height >= 3 else { return }
    let proposal: StyledText =
      survey.proposal.threshold.map {
        .hint("proposed for this model: ") + StyledText(Quantity.significant($0))
          + .hint(", where after norms the bulk of the columns ends; 6.0 is an absolute number")
      } ?? .hint("after norms nothing stands out: INT8 with a scale a token will do")
    buffer.line(
      oneOf: [
        proposal,
        survey.proposal.threshold.map {
          .hint("proposed: ") + StyledText(Quantity.significant($0))
        } ?? .hint("after norms nothing stands out"),
      ], in: room.row(1), look: look)
  }

  /// What is planted, and that it changed nothing.
  private func planted(_ look: Look, isLong: Bool) -> StyledText {
    let next =
      view.factor > 1
      ? "! plants \(view.channels) channels x\(view.factor)" : "! takes planted outliers out"
    guard let report = planting, let planting = report.planting else {
      return .hint("nothing planted; \(next)" + (isLong ? ", * and # change that" : ""))
    }
    let same: StyledText =
      report.logitDifference == 0
      ? .good("\(look.glyphs.pass) FP logits the same to the bit")
      : .bad(
        "\(look.glyphs.fail) FP logits differ by \(Quantity.significant(report.logitDifference))")
    let text: StyledText =
      .accent("planted: \(planting.channels) channels x\(planting.factor)  ") + same
    return isLong ? text + .hint("  \(next)") : text
  }
}

/// Inputs by channels: how far each reaches.
struct ChannelMap: Widget {
  var survey: OutlierSurvey
  var view: OutlierScreen.View
  var threshold: Double?
  var hasSmoothed: Bool

  /// Columns of labels and frame next to the cells.
  private static let margin = 9

  /// Ranges of channels that all inputs are brought to: as many as are known, or as there is room for.
  private func cells(in room: Rect) -> Int {
    let known = survey.inputs.map(\.reach.cells.count).min() ?? 1
    return max(1, min(known, room.width - Self.margin))
  }

  private func reach(_ input: OutlierSurvey.Input) -> OutlierSurvey.Reach {
    view.showsSmoothed ? input.smoothed ?? input.reach : input.reach
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let isAfter = view.showsSmoothed && hasSmoothed
    let room = buffer.box(
      StyledText(isAfter ? "channels after smoothing" : "channels of each input"), in: rect,
      look: look,
      trailing: .hint(
        hasSmoothed ? (isAfter ? "b: before" : "b: after smoothing") : ""),
      footer: .hint("largest magnitude, colours by logarithm"), isFocused: true)
    let cells = cells(in: room)
    let values = survey.inputs.flatMap { Self.pooled(reach($0).cells, to: cells) }
    let least = values.filter { $0 > 0 }.min() ?? 1e-6
    let most = max(values.max() ?? 1, least * 1.001)
    let threshold = threshold ?? least
    let low = view.colorsFromThreshold ? min(threshold, most * 0.999) : least
    buffer.draw(
      Heatmap(
        rows: survey.inputs.count, columns: cells, values: values,
        rowLabels: survey.inputs.map { "\($0.block) \(Self.short($0))" },
        scale: .logarithmic, domain: low...most, numbers: .significant,
        cursor: Heatmap.Place(row: view.row, column: -1)), in: room, look: look)
  }

  /// The largest of each of `count` equal ranges.
  private static func pooled(_ values: [Double], to count: Int) -> [Double] {
    (0..<count).map { cell in
      let first = cell * values.count / count
      let last = max(first + 1, (cell + 1) * values.count / count)
      return values[first..<min(last, values.count)].max() ?? .nan
    }
  }

  /// The layers that read an input, in a few letters.
  static func short(_ input: OutlierSurvey.Input) -> String {
    let names = input.layers.split(separator: ", ")
    guard names.count > 1 else { return input.layers }
    return names.allSatisfy { $0.count == 1 }
      ? names.joined() : names.map { String($0.prefix(1)) }.joined(separator: ",")
  }
}

/// The input under the cursor in words, figures and bars.
struct ChannelDetail: Widget {
  var survey: OutlierSurvey
  var row: Int
  var showsSmoothed: Bool
  var threshold: Double?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let row = row.clamped(0, survey.inputs.count - 1)
    let input = survey.inputs[row]
    let room = buffer.box(
      StyledText("block \(input.block), input of \(input.layers)"), in: rect, look: look,
      trailing: .hint("\(input.columns) channels"))
    let sentence = Paragraph(Self.sentence(input))
    let head = min(sentence.height(forWidth: room.width), max(2, room.height / 3))
    let (top, rest) = room.splitTop(head + 1)
    buffer.draw(sentence, in: Rect(x: top.x, y: top.y, width: top.width, height: head), look: look)
    let lines = facts(input)
    let bars = max(0, rest.height - lines.count - 1)
    let (table, chart) = rest.splitTop(rest.height - bars)
    for (index, line) in lines.enumerated() {
      buffer.line(oneOf: line, in: table.row(index), look: look)
    }
    guard bars >= 3 else { return }
    let shown = showsSmoothed ? input.smoothed ?? input.reach : input.reach
    buffer.line(.dim("farthest channels"), in: chart.row(0), look: look)
    let threshold = threshold ?? .infinity
    buffer.draw(
      BarChart(
        zip(shown.topChannels, shown.topValues).map { channel, value in
          BarChart.Bar(
            StyledText("\(channel)"), value: value, text: StyledText(Quantity.significant(value)),
            role: value >= threshold ? .warn : .accent)
        }, limit: threshold.isFinite ? threshold : nil), in: chart.inset(top: 1), look: look)
  }

  /// What the range means for 8 bits.
  static func sentence(_ input: OutlierSurvey.Input) -> StyledText {
    let reach = input.reach
    guard reach.largest > 0, let first = reach.topChannels.first else {
      return "All of its inputs are 0."
    }
    let steps = 127 / reach.ratio
    let left =
      steps >= 1
      ? "\(Quantity.significant(steps, 2)) of 127 steps" : "less than one step of 127"
    let worst: StyledText =
      reach.ratio > 20 ? .bad(left) : reach.ratio > 6 ? .warn(left) : .good(left)
    return StyledText("Channel \(first) reaches ")
      + .strong("\(Quantity.significant(reach.ratio)) times")
      + " what the middle one does: one INT8 scale for all leaves that one " + worst + "."
  }

  /// A figure with its name, and with a remark where there is room.
  private func facts(_ input: OutlierSurvey.Input) -> [[StyledText]] {
    func line(_ name: String, _ value: String, _ hint: String = "", _ role: Role = .text)
      -> [StyledText]
    {
      let short: StyledText = .dim(name.padded(to: 13)) + StyledText(value, role)
      return [short + .hint(hint), short]
    }
    let reach = input.reach
    var lines = [
      line(
        "largest", Quantity.significant(reach.largest),
        ", middle \(Quantity.significant(reach.median))"),
      line(
        "top channel", Quantity.percent(reach.topOneShare),
        " of the range, top 8 \(Quantity.percent(reach.topEightShare))"),
      line("kurtosis", Quantity.significant(input.kurtosis), ", a bell has 0"),
      line("from 6.0", "\(input.atSix.columns) columns"),
    ]
    if let count = input.atProposed, let threshold = survey.proposal.threshold {
      lines.append(
        line("from \(Quantity.significant(threshold))", "\(count.columns) columns", ", proposed"))
    }
    if let token = input.first {
      lines.append(
        line(
          "first tokens", "\(Quantity.significant(token.ratio)) x the rest",
          ", channel \(token.channel)", token.ratio > 2 ? .warn : .text))
    }
    if let smoothed = input.smoothed {
      lines.append(
        line(
          "smoothed", "\(Quantity.significant(smoothed.ratio)) times",
          " the middle, was \(Quantity.significant(reach.ratio))", .good))
    }
    return lines
  }
}

extension String {
  /// With blanks after it, one at least.
  fileprivate func padded(to width: Int) -> String {
    PlainTable.padded(self + " ", to: width)
  }
}

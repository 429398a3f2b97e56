import Engine
import TerminalUI
import Wording

/// Whether the calibration text is long enough, as points arrive: the picture, the figures, the answer in words.
struct SurveyPanel: Widget {
  var survey: CalibrationSurvey?
  var job: TrackedJob?
  /// Milliseconds since the program started.
  var now: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let rows = rect.rows([.fixed(7), .fill()])
    let upper = rows[0].columns(job == nil ? [.fill()] : [.fill(weight: 1), .fill(weight: 1)])
    if let job { JobPanel(job: job, now: now).draw(in: upper[0], of: &buffer, look: look) }
    drawAnswer(in: upper[upper.count - 1], of: &buffer, look: look)
    let lower = rows[1].columns([.fill(), .fixed(rect.width >= 96 ? 44 : 36)])
    drawPlot(in: lower[0], of: &buffer, look: look)
    drawTable(in: lower[1], of: &buffer, look: look)
  }

  private func drawAnswer(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("is the text long enough?", in: rect, look: look)
    guard let survey else {
      buffer.draw(
        Paragraph(
          .hint(
            "Two blocks are quantized with more and more windows of the text, each time measured on "
              + "windows that none of them has seen.")), in: room, look: look)
      return
    }
    let isFlat = survey.flatFrom != nil
    let text: StyledText =
      survey.points.count < 2
      ? StyledText("Too few points yet to say anything.")
      : (isFlat ? .good("\(look.glyphs.pass) ") : .warn("\(look.glyphs.warn) "))
        + StyledText("The error is \(survey.verdict).")
    var lines = text
    if let last = survey.points.last {
      lines +=
        "\n"
        + .hint("Halves of \(last.windows) windows agree on ")
        + StyledText(share(last.agreement)) + .hint(" of the codes.")
    }
    buffer.draw(Paragraph(lines), in: room, look: look)
  }

  private func drawPlot(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "error by windows used", in: rect, look: look,
      trailing: .hint(
        survey.map { "blocks " + $0.blocks.map(String.init).joined(separator: " and ") } ?? ""))
    guard let survey, let first = survey.points.first, let last = survey.points.last else {
      buffer.draw(Paragraph(.hint("The first point comes soon.")), in: room, look: look)
      return
    }
    func line(_ value: (CalibrationSurvey.Point) -> Double?) -> [Plot.Point] {
      survey.points.compactMap { point in
        value(point).map { Plot.Point(x: Double(point.windows), y: $0) }
      }
    }
    var rounded = [
      Plot.Point(x: Double(first.windows), y: survey.roundedError),
      Plot.Point(x: Double(max(last.windows, first.windows + 1)), y: survey.roundedError),
    ]
    rounded[0].label = "rounding"
    let isWide = room.width >= 50
    buffer.draw(
      Plot(
        [
          Plot.Series(
            isWide ? "all windows" : "all", points: line(\.error), form: .linePoints, role: .series1
          ),
          Plot.Series(
            isWide ? "either half of them" : "halves", points: line(\.halfErrors.first),
            role: .series3),
          Plot.Series("", points: line(\.halfErrors.last), role: .series3),
          Plot.Series("", points: rounded, role: .series2),
        ],
        x: Plot.Axis("", .logarithmic, ticks: survey.points.map { Double($0.windows) }),
        y: Plot.Axis("rel. error", .logarithmic)), in: room, look: look)
  }

  private func drawTable(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "points", in: rect, look: look,
      trailing: .hint(survey.map { "\($0.heldOut) windows held out" } ?? ""))
    let points = survey?.points ?? []
    let rows = points.map { point -> [StyledText] in
      [
        StyledText("\(point.windows)"), .strong(Quantity.significant(point.error)),
        .dim(point.halfErrors.first.map { Quantity.significant($0) } ?? ""),
        StyledText(share(point.agreement)),
      ]
    }
    let (table, note) = room.splitTop(max(rows.count + 1, 2))
    buffer.draw(
      Table(
        [
          Table.Column("win", .right), Table.Column("error", .right),
          Table.Column("half", .right, isOptional: true), Table.Column("agree", .right),
        ], rows: rows, placeholder: .hint("none yet")), in: table, look: look)
    guard let survey, !points.isEmpty else { return }
    buffer.draw(
      Paragraph(
        .hint("half: the worse of two halves. Rounding to nearest, without any text: ")
          + StyledText(Quantity.significant(survey.roundedError))
          + .hint(". Recipe: \(survey.recipe), on \(survey.text).")), in: note.inset(top: 1),
      look: look)
  }

  private func share(_ part: Double) -> String { Quantity.percent(part, 1) }
}

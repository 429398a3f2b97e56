import Engine
import Operators
import Profiling
import TerminalUI
import Wording

extension BatchScreen.View.Figure {
  /// What is shown, for the title of a box.
  var title: String {
    switch self {
    case .decode: "decode, all sequences"
    case .sequence: "decode, one sequence"
    case .limit: "decode, share of the limit"
    case .prefill: "prefill, all prompts"
    }
  }

  var unit: String { self == .limit ? "of what the limits allow" : "tokens a second" }

  /// The number of a point; nil where it was not measured.
  func value(_ point: BatchReport.Point) -> Double? {
    switch self {
    case .decode: point.decode.tokensPerSecond
    case .sequence: point.tokensPerSequence
    case .limit: point.limitShare
    case .prefill: point.prefill?.tokensPerSecond
    }
  }

  func text(_ value: Double) -> String {
    self == .limit ? Quantity.percent(value) : Quantity.significant(value)
  }

  /// What decides the fastest form.
  var measure: BatchFigure { self == .prefill ? .prefill : .decode }
}

extension BatchReport {
  /// The batches that are measured so far, ascending.
  var measured: [Int] { batches.filter { batch in points.contains { $0.batch == batch } } }
}

extension GlyphSet {
  /// A dot of the line of limits.
  fileprivate var limitDot: Unicode.Scalar { kind == .ascii ? "." : "·" }
  /// Where one form overtakes another; no mark of a series.
  fileprivate var overtaking: Unicode.Scalar { kind == .ascii ? "X" : cross }
}

/// Forms down, batches across.
struct BatchTable: Widget {
  var report: BatchReport
  var figure: BatchScreen.View.Figure
  /// The point under the cursor.
  var chosen: BatchReport.Point?
  var isFocused: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText("\(figure.title): \(figure.unit)"), in: rect, look: look,
      trailing: .hint("* the fastest form"), isFocused: isFocused)
    let batches = report.measured
    let cells = report.forms.map { form in
      batches.map { batch in cell(form.name, batch) }
    }
    let widths = batches.indices.map { column in
      cells.reduce(2) { max($0, $1[column].width) } + 2
    }
    let names = report.forms.reduce(5) { max($0, $1.name.count) } + 4
    let shown = Self.window(
      widths, around: batches.firstIndex { $0 == chosen?.batch } ?? 0, in: room.width - names)
    let isCut = shown.count < batches.count
    let columns =
      [Table.Column(isCut ? "batch \(look.glyphs.ellipsis)" : "batch")]
      + shown.map { Table.Column("\(batches[$0]) ", .right) }
    let rows = report.forms.enumerated().map { index, form -> [StyledText] in
      let isChosen = form.name == chosen?.form
      let mark = String(look.glyphs.seriesMarks[index % look.glyphs.seriesMarks.count])
      let name =
        StyledText(isChosen ? "\(look.glyphs.pointer)" : " ", .accent)
        + StyledText(mark + " ", .series(index)) + StyledText(form.name, isChosen ? .strong : .text)
      return [name] + shown.map { cells[index][$0] }
    }
    buffer.draw(Table(columns, rows: rows), in: room, look: look)
  }

  private func cell(_ form: String, _ batch: Int) -> StyledText {
    guard let point = report.point(form, batch: batch), let value = figure.value(point) else {
      return .hint("– ")
    }
    let isBest = report.best(batch: batch, of: figure.measure) == form
    let text = figure.text(value) + (isBest ? "*" : " ")
    if chosen?.form == form, chosen?.batch == batch { return StyledText(text, .cursor) }
    return StyledText(text, isBest ? .good : .text)
  }

  /// The columns that fit, with the chosen one among them.
  private static func window(_ widths: [Int], around chosen: Int, in room: Int) -> Range<Int> {
    guard widths.indices.contains(chosen) else { return 0..<0 }
    var range = chosen..<chosen + 1
    var used = widths[chosen]
    while true {
      if range.lowerBound > 0, used + widths[range.lowerBound - 1] <= room {
        used += widths[range.lowerBound - 1]
        range = range.lowerBound - 1..<range.upperBound
      } else if range.upperBound < widths.count, used + widths[range.upperBound] <= room {
        used += widths[range.upperBound]
        range = range.lowerBound..<range.upperBound + 1
      } else {
        return range
      }
    }
  }
}

/// One line a form over batches, the crossovers named, and the limit of the chosen form.
struct BatchPicture: Widget {
  var report: BatchReport
  var figure: BatchScreen.View.Figure
  /// The point under the cursor.
  var chosen: BatchReport.Point?
  /// The form under the cursor.
  var form: String?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let hasLimit = figure == .decode || figure == .sequence
    let room = buffer.box(
      "\(figure.title), over batch", in: rect, look: look,
      footer: .hint(
        [
          figure == .limit ? "" : "\(look.glyphs.overtaking) overtakes",
          hasLimit && chosen != nil ? "\(look.glyphs.limitDot) what the limits allow" : "",
        ].filter { !$0.isEmpty }.joined(separator: "   ")))
    var series = report.forms.enumerated().map { index, form in
      Plot.Series(
        form.name,
        points: report.points(of: form.name).compactMap { point in
          figure.value(point).map { value in
            Plot.Point(
              x: Double(point.batch), y: value,
              isSelected: point.batch == chosen?.batch && form.name == chosen?.form)
          }
        }, form: .linePoints, role: .series(index))
    }
    if figure != .limit { series.append(crossings(isWide: rect.width >= 72, look)) }
    if hasLimit, let chosen { series.append(limit(of: chosen.form, look)) }
    let batches = report.measured.map(Double.init)
    buffer.draw(
      Plot(
        series,
        x: Plot.Axis(
          "", .logarithmic,
          range: batches.count > 1 ? (batches[0] * 0.9)...(batches[batches.count - 1] * 1.12) : nil,
          ticks: batches),
        y: Plot.Axis(
          figure == .limit ? "share" : "tok/s", figure == .limit ? .linear : .logarithmic,
          numbers: figure == .limit ? .percent : .short)), in: room, look: look)
  }

  /// What the limits allow the chosen form, as dots between the batches.
  private func limit(of form: String, _ look: Look) -> Plot.Series {
    let ends = report.points(of: form).map { point in
      (
        x: Double(point.batch),
        y: figure == .sequence
          ? point.limitTokensPerSecond / Double(max(1, point.batch)) : point.limitTokensPerSecond
      )
    }
    let dots = zip(ends, ends.dropFirst()).flatMap { here, next in
      (0..<6).map { step in
        let share = Double(step) / 6
        return Plot.Point(
          x: Self.between(here.x, next.x, share), y: Self.between(here.y, next.y, share))
      }
    }
    let last = ends.last.map { [Plot.Point(x: $0.x, y: $0.y)] } ?? []
    return Plot.Series(
      "", points: dots + last, form: .points, role: .dim, mark: look.glyphs.limitDot)
  }

  /// Where one form overtakes another; those of the chosen form are named first.
  private func crossings(isWide: Bool, _ look: Look) -> Plot.Series {
    let all = report.crossovers(of: figure.measure).sorted {
      ($0.first == form || $0.second == form) && !($1.first == form || $1.second == form)
    }
    let points = all.flatMap { crossover in
      crossover.changes.compactMap { change -> Plot.Point? in
        let other = change.faster == crossover.first ? crossover.second : crossover.first
        guard let low = report.point(change.faster, batch: change.from),
          let high = report.point(change.faster, batch: change.to),
          let before = figure.value(low), let after = figure.value(high), before > 0, after > 0,
          change.to > change.from
        else { return nil }
        let batch = BatchCrossover.batch(change.batch)
        let share =
          Self.logarithm(change.batch / Double(change.from))
          / Self.logarithm(Double(change.to) / Double(change.from))
        return Plot.Point(
          x: change.batch, y: Self.between(before, after, share),
          label: isWide
            ? "\(change.faster) > \(other) from \(batch)" : "\(change.faster) from \(batch)")
      }
    }
    return Plot.Series("", points: points, form: .points, role: .warn, mark: look.glyphs.overtaking)
  }

  /// Between two numbers on a logarithmic scale.
  private static func between(_ low: Double, _ high: Double, _ share: Double) -> Double {
    Scale(.logarithmic, from: min(low, high), to: max(low, high))
      .value(at: low <= high ? share : 1 - share)
  }

  /// Logarithm to some base, for ratios of logarithms: the place on a scale from 1 to 1024.
  private static func logarithm(_ value: Double) -> Double {
    Scale(.logarithmic, from: 1, to: 1024).place(value) ?? 0
  }
}

/// What one step of the chosen form reads and multiplies, and what binds it.
struct BatchDetail: Widget {
  var report: BatchReport
  var point: BatchReport.Point?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard let point else {
      _ = buffer.box("a step", in: rect, look: look)
      return
    }
    let room = buffer.box(
      StyledText("\(point.form) at batch \(point.batch)"), in: rect, look: look)
    for (index, line) in Self.lines(point, report).prefix(room.height).enumerated() {
      buffer.line(oneOf: line, in: room.row(index), look: look)
    }
  }

  /// The most telling line first, each in wordings from the fullest to the shortest.
  private static func lines(_ point: BatchReport.Point, _ report: BatchReport) -> [[StyledText]] {
    let isMemory = point.bound == .memory
    let peak = report.peaks[isMemory ? .readBandwidth : point.unit]
    let unit = isMemory ? "B/s" : "op/s"
    let reached = rate(isMemory ? point.bandwidth : point.rate, unit)
    let cache = Quantity.percent(point.bytes > 0 ? point.cacheBytes / point.bytes : 0)
    let step = Quantity.seconds(point.stepSeconds)
    let own = Quantity.significant(point.tokensPerSequence)
    func named(_ name: String, _ texts: String...) -> [StyledText] {
      texts.map { .dim(PlainTable.padded(name, to: 11)) + StyledText($0) }
    }
    return [
      [
        .dim("bound by   ") + .strong(isMemory ? "memory" : "\(point.unit.label) arithmetic")
          + .hint("  \(Quantity.percent(point.limitShare)) of the limit"),
        .dim("bound by   ") + .strong(isMemory ? "memory" : "\(point.unit.label)")
          + .hint(" \(Quantity.percent(point.limitShare))"),
      ],
      named(
        "intensity", "\(Quantity.significant(point.intensity, 3)) operations a byte",
        "\(Quantity.significant(point.intensity, 3)) op/B"),
      named(
        "reached", "\(reached) of \(rate(peak, unit))",
        "\(reached), \(Quantity.percent((isMemory ? point.bandwidth : point.rate) / max(1, peak)))",
        reached),
      named(
        "reads", "\(Quantity.bytes(point.bytes)) a step, \(cache) of it cache",
        "\(Quantity.bytes(point.bytes)), \(cache) cache"),
      named(
        "a step", "\(step), \(own) tokens/s a sequence", "\(step), \(own) tok/s each",
        "\(step), \(own)/s each"),
      named(
        "of it",
        "\(Quantity.percent(point.linearShare)) linear, \(Quantity.percent(point.attentionShare)) attention",
        "\(Quantity.percent(point.linearShare)) linear"),
      named("kernel", point.kernel),
      named(
        "rounds",
        "\(Quantity.significant(point.decode.lowest)) to \(Quantity.significant(point.decode.highest)) tokens/s",
        "\(Quantity.significant(point.decode.lowest)) to \(Quantity.significant(point.decode.highest))"
      ),
    ] + (point.fallback.map { [named("but", $0)] } ?? [])
  }

  /// `18.2 GB/s`, `431 Gop/s`.
  private static func rate(_ value: Double, _ unit: String) -> String {
    Quantity.rate(value, unit)
  }
}

/// Where the chosen form overtakes others or is overtaken, in sentences where there is room.
struct BatchCrossings: Widget {
  var report: BatchReport
  var figure: BatchScreen.View.Figure
  /// The form that it is about.
  var form: String?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard rect.height >= 3 else { return }
    let figure = figure.measure
    let name = form ?? ""
    let room = buffer.box(
      StyledText(figure == .prefill ? "\(name) in prefill" : "\(name) and the others"), in: rect,
      look: look)
    let own = report.crossovers(of: figure).filter { $0.first == name || $0.second == name }
    let bend = report.bounds.first { $0.hasPrefix(name + " ") }.map { [StyledText($0, .dim)] } ?? []
    let brief = own.map { StyledText($0.short) }
    let long = own.map { StyledText($0.sentence) }
    let reasons = zip(own, long).flatMap { crossover, sentence -> [StyledText] in
      [sentence] + (report.reason(crossover).map { [StyledText($0, .dim)] } ?? []) + [""]
    }
    var wordings: [[StyledText]] = []
    if figure == .decode {
      wordings = [reasons + bend, spaced(long) + [""] + bend, long + bend]
    }
    wordings += [spaced(long), long, brief]
    let width = max(1, room.width)
    let wrapped = wordings.map { lines in lines.flatMap { TextLayout.wrap($0, to: width) } }
    let shown = wrapped.first { $0.count <= room.height } ?? wrapped[wrapped.count - 1]
    for (row, line) in shown.prefix(room.height).enumerated() {
      buffer.line(line, in: room.row(row), look: look)
    }
  }

  private func spaced(_ lines: [StyledText]) -> [StyledText] {
    Array(lines.map { [$0] }.joined(separator: [""]))
  }
}

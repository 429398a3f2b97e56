import Engine
import Planning
import Serving
import TerminalUI
import Wording

extension TrafficScreen.View.Figure {
  /// What is shown, for the title of a box.
  var title: String {
    switch self {
    case .occupancy: "cache held, over time"
    case .running: "sequences at once, over time"
    case .waiting: "requests that wait, over time"
    case .firstToken: "first token, over time"
    }
  }

  var axis: Plot.Axis {
    switch self {
    case .occupancy: Plot.Axis("share", .linear, numbers: .percent)
    case .running: Plot.Axis("sequences", .linear, numbers: .short)
    case .waiting: Plot.Axis("requests", .linear, numbers: .short)
    case .firstToken: Plot.Axis("seconds", .linear)
    }
  }

  /// The number of a moment; nil where nobody got a first token.
  func value(_ moment: ServingReport.Moment) -> Double? {
    switch self {
    case .occupancy: moment.occupancy
    case .running: moment.running
    case .waiting: moment.waiting
    case .firstToken: moment.firstToken
    }
  }
}

extension TrafficReport.Side {
  /// The form in few letters: a recipe of one word without the place it is for, where that is seen at once.
  fileprivate var short: String {
    if form.name == "FP baseline" { return "FP" }
    for place in ["weights=", "activations="] where form.name.hasPrefix(place) {
      return String(form.name.dropFirst(place.count))
    }
    return form.name
  }
}

/// One line a form over time.
struct TrafficPicture: Widget {
  var report: TrafficReport
  var figure: TrafficScreen.View.Figure

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(StyledText(figure.title), in: rect, look: look)
    let series = report.sides.enumerated().map { index, side in
      Plot.Series(
        side.form.name,
        points: Self.calmed(
          side.simulated.moments.compactMap { moment in
            figure.value(moment).map { Plot.Point(x: moment.time, y: $0) }
          }), form: .line, role: .series(index))
    }
    buffer.draw(Plot(series, x: Plot.Axis("s", .linear), y: figure.axis), in: room, look: look)
  }

  /// Points of a line at most: more of them make a thicket.
  private static let mostPoints = 32

  /// Neighbours as their mean, until there are few enough.
  private static func calmed(_ points: [Plot.Point]) -> [Plot.Point] {
    let group = (points.count + mostPoints - 1) / mostPoints
    guard group > 1 else { return points }
    return stride(from: 0, to: points.count, by: group).map { first in
      let part = points[first..<min(first + group, points.count)]
      return Plot.Point(
        x: part.reduce(0) { $0 + $1.x } / Double(part.count),
        y: part.reduce(0) { $0 + $1.y } / Double(part.count))
    }
  }
}

/// Forms down: how long requests wait, and how many are served.
struct TrafficTable: Widget {
  var report: TrafficReport
  var selected: Int
  var isFocused: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "median and 99th percentile", in: rect, look: look,
      trailing: .hint(report.isModelled ? "modelled" : "steps timed here"), isFocused: isFocused)
    let hasRate = !report.promise.isEmpty
    let columns =
      [
        Table.Column("form", widest: 24), Table.Column("first token", .right),
        Table.Column("a token", .right), Table.Column("tok/s", .right),
      ] + (hasRate ? [Table.Column("rate kept", .right)] : [])
      + [
        Table.Column("cache", .right, isOptional: true),
        Table.Column("at once", .right, isOptional: true),
        Table.Column("given up", .right, isOptional: true),
      ]
    let rows = report.sides.enumerated().map { index, side -> [StyledText] in
      let run = side.simulated
      let mark = String(look.glyphs.seriesMarks[index % look.glyphs.seriesMarks.count])
      return [
        StyledText(mark + " ", .series(index)) + StyledText(side.short),
        StyledText(pair(run.firstToken)), StyledText(pair(run.perToken)),
        StyledText(Quantity.significant(run.tokenRate)),
      ] + (hasRate ? [StyledText(rate(side.largest))] : [])
        + [
          StyledText(Quantity.percent(run.occupancy.p99)),
          StyledText(Quantity.significant(run.running.p99)),
          StyledText(Quantity.grouped(run.preemptions)),
        ]
    }
    buffer.draw(Table(columns, rows: rows, selected: selected), in: room, look: look)
  }

  private func pair(_ spread: ServingReport.Spread) -> String {
    "\(Quantity.seconds(spread.median)), \(Quantity.seconds(spread.p99))"
  }

  private func rate(_ found: RateSearch.Found?) -> String {
    guard let found else { return "–" }
    return found.rate > 0 ? Quantity.significant(found.rate) + "/s" : "none"
  }
}

/// What one form takes of the memory, and where its times come from.
struct TrafficDetail: Widget {
  var report: TrafficReport
  var side: TrafficReport.Side

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(StyledText(side.form.name), in: rect, look: look)
    let run = side.simulated
    let tokens = Double(side.capacity.blocks * side.capacity.blockTokens)
    var facts: [(String, String)] = [
      ("requests", "\(Quantity.grouped(run.finished)) of \(Quantity.grouped(run.requests))"),
      ("come", Quantity.significant(report.rate) + "/s"),
      ("a prompt", "\(Quantity.significant(report.meanPrompt)) tokens"),
      ("generated", "\(Quantity.significant(report.meanGenerated)) tokens"),
      ("weights", Quantity.bytes(side.capacity.weightBytes)),
      ("cache", "\(Quantity.short(tokens)) tokens"),
      ("busy", Quantity.percent(run.busy)),
      ("whole", Quantity.seconds(run.whole.median) + ", " + Quantity.seconds(run.whole.p99)),
    ]
    if run.cachedShare > 0 { facts.append(("prompts cached", Quantity.percent(run.cachedShare))) }
    if run.refused > 0 { facts.append(("refused", Quantity.grouped(run.refused))) }
    if let fit = side.fit {
      facts.append(("fit off by", Quantity.percent(fit.medianError) + ", median"))
    }
    for (line, (name, value)) in facts.enumerated() where line < room.height {
      buffer.line(
        StyledText(PlainTable.padded(name, to: 15), .hint) + StyledText(value), in: room.row(line),
        look: look)
    }
  }
}

import Engine
import Models
import Quantization
import TerminalUI
import Wording

/// The details of a cell: values before and after, scales, where along the inputs the error lies, what was searched.
struct CellDetailPanel: Widget {
  var detail: CellDetail
  var map: ErrorMap
  var figures: CellFigures

  private enum Kind {
    case layer, cache, channels
  }

  private var kind: Kind {
    if map.target == .kvCache { return .cache }
    return map.columns.allSatisfy { Projection(rawValue: $0) != nil } ? .layer : .channels
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let mark = figures.mark
    let room = buffer.box(
      StyledText(detail.title), in: rect, look: look,
      trailing: mark.plain.isEmpty ? .hint("Backspace to the map") : mark,
      footer: .hint("arrows: another cell"), isFocused: true)
    let facts = TextLayout.wrap(
      StyledText(detail.facts.joined(separator: "; "), .dim), to: max(1, room.width))
    let head = figures.lines(width: room.width) + facts
    let (top, body) = room.splitTop(min(head.count, max(1, room.height / 4)))
    for (row, line) in head.enumerated() { buffer.line(line, in: top.row(row), look: look) }
    let below = body.inset(top: body.height >= 14 ? 1 : 0)
    if room.width < 64 {
      let stack = values + errors + searched + scales + outliers
      SectionStack(sections: stack).draw(in: below, of: &buffer, look: look)
      return
    }
    let columns = below.columns([.fill(), .fill()], spacing: 3)
    SectionStack(sections: values + searched).draw(in: columns[0], of: &buffer, look: look)
    SectionStack(sections: errors + scales + outliers).draw(
      in: columns[1], of: &buffer, look: look)
  }

  // MARK: Pieces

  private var values: [SectionStack.Section] {
    if detail.after.isEmpty {
      return [histogram("all channels by largest magnitude", detail.before, .series1)]
    }
    return [
      histogram("before", detail.before, .series1), histogram("after", detail.after, .series2),
    ]
  }

  private func histogram(_ name: String, _ counts: [Int], _ role: Role) -> SectionStack.Section {
    SectionStack.Section(
      title: [
        .strong(name) + .hint(", counts by logarithm"), .strong(name) + .hint(", log counts"),
      ],
      rows: 2...10
    ) { rect, buffer, look in
      buffer.draw(
        Histogram(
          counts: counts.map { Double(max(0, $0)) }, low: detail.lowest, high: detail.highest,
          role: role, isLogarithmic: true), in: rect, look: look)
    }
  }

  private var scales: [SectionStack.Section] {
    let title =
      switch kind {
      case .layer: "scales by output channel"
      case .cache: "largest magnitude by channel"
      case .channels: "channels of this cell"
      }
    return strip(title, detail.scales)
      + strip("scales by group of inputs", detail.groupScales ?? [])
  }

  private func strip(_ name: String, _ values: [Double]) -> [SectionStack.Section] {
    let finite = values.filter(\.isFinite)
    guard let least = finite.min(), let largest = finite.max() else { return [] }
    let range = "\(Quantity.significant(least, 2)) to \(Quantity.significant(largest, 2))"
    return [
      SectionStack.Section(
        title: [.strong(name) + .hint(", \(range)"), .strong(name)], rows: 1...4
      ) { rect, buffer, look in
        buffer.draw(Self.wide(values, rect, .series3), in: rect, look: look)
      }
    ]
  }

  /// A sparkline whose columns are as wide as fits, so that few values fill the room too.
  private static func wide(_ values: [Double], _ rect: Rect, _ role: Role) -> Sparkline {
    let times = values.isEmpty ? 1 : max(1, min(8, rect.width / values.count))
    return Sparkline(values.flatMap { Array(repeating: $0, count: times) }, role: role)
  }

  private var errors: [SectionStack.Section] {
    guard let ratios = detail.columnErrors, !ratios.isEmpty else { return [] }
    let pushed = detail.pushedColumns ?? []
    let mean = ratios.reduce(0, +) / Double(ratios.count)
    // A method with a sum of its own is one that pushes the errors of a column onto others.
    let start = figures.cell?.values[.rawLoss] == nil ? "most in " : "errors pushed to "
    return [
      SectionStack.Section(
        title: [
          .strong("error by input channel") + .hint(", 1 = what rounding to nearest leaves"),
          .strong("error by input") + .hint(", 1 = rounding"), .strong("error by input"),
        ], rows: 3...9
      ) { rect, buffer, look in
        let (bars, note) = rect.splitBottom(rect.height >= 4 ? 2 : 1)
        let high = ratios.filter(\.isFinite).max()
        var loud = Self.wide(ratios.map { $0 >= 2 ? $0 : .nan }, bars, .warn)
        loud.highest = high
        buffer.draw(Self.wide(ratios, bars, .series4), in: bars, look: look)
        buffer.draw(loud, in: bars, look: look)
        let room = note.width * note.height - start.count
        let words: StyledText =
          pushed.isEmpty
          ? .hint("mean \(Quantity.significant(mean, 2)); no channel holds twice as much")
          : .hint(start) + .warn(Self.names(pushed, in: room))
        buffer.draw(Paragraph(words), in: note, look: look)
      }
    ]
  }

  /// As many channels with their ratios as about `width` characters hold.
  private static func names(_ channels: [CellDetail.Outlier], in width: Int) -> String {
    var text = ""
    for channel in channels {
      let next = "\(channel.channel) (\(Quantity.significant(channel.ratio, 2)) ×)"
      // What wraps loses up to a name's width a line.
      guard text.isEmpty || text.count + next.count + 2 <= width - 12 else { break }
      text += (text.isEmpty ? "" : ", ") + next
    }
    return text
  }

  private var outliers: [SectionStack.Section] {
    let channels = detail.outliers
    return [
      SectionStack.Section(
        title: channels.isEmpty
          ? [.hint("no outlier columns among the inputs"), .hint("no outlier columns")]
          : [
            .strong("outlier columns") + .hint(", largest input over the median's"),
            .strong("outlier columns"),
          ], rows: channels.isEmpty ? 0...0 : 1...2
      ) { rect, buffer, look in
        let names = Self.names(channels, in: rect.width * rect.height + 10)
        buffer.draw(Paragraph(.warn(names)), in: rect, look: look)
      }
    ]
  }

  private var searched: [SectionStack.Section] {
    guard let curve = detail.curve, curve.positions.count == curve.losses.count,
      curve.losses.indices.contains(curve.best)
    else { return [] }
    return [
      SectionStack.Section(
        title: [
          .strong("search: \(curve.title)") + .hint(", loss by \(curve.axis)"),
          .strong("search: \(curve.title)"),
        ], rows: 5...14
      ) { rect, buffer, look in
        let (plot, note) = rect.splitBottom(1)
        SearchPlot(curve: curve).draw(in: plot, of: &buffer, look: look)
        buffer.line(oneOf: Self.words(curve), in: note, look: look)
      }
    ]
  }

  /// What was taken, and what it gained over the first position.
  private static func words(_ curve: SearchCurve) -> [StyledText] {
    let place: StyledText =
      .hint("taken: ")
      + .strong("\(curve.axis) \(Quantity.significant(curve.positions[curve.best], 2))")
    guard let first = curve.losses.first, first > 0 else { return [place] }
    let gain = 1 - curve.losses[curve.best] / first
    let start = Quantity.significant(curve.positions[0], 2)
    return [
      place + .hint(", loss \(Quantity.percent(gain)) lower than at \(start)"),
      place + .hint(", loss -\(Quantity.percent(gain))"), place,
    ]
  }
}

/// The losses that a search met, the one that was taken marked.
struct SearchPlot: Widget {
  var curve: SearchCurve

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let points = zip(curve.positions, curve.losses).map { Plot.Point(x: $0, y: $1) }
    var best = points[curve.best]
    best.isSelected = true
    best.label = Quantity.significant(best.x, 2)
    buffer.draw(
      Plot(
        [
          Plot.Series("", points: points, form: .line, role: .series1),
          Plot.Series("", points: [best], form: .points, role: .accent),
        ], x: Plot.Axis(curve.axis, ticks: [points[0].x, best.x, points[points.count - 1].x]),
        y: Plot.Axis("")), in: rect, look: look)
  }
}

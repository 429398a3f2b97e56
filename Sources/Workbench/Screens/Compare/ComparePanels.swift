import Engine
import Evaluation
import TerminalUI

/// The runs as a table, with a warning when their protocols do not compare.
struct RunTable: Widget {
  var runs: [RunRecord]
  var view: CompareScreen.View

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let differ = EvaluationConditions.differenceWords(runs.compactMap(\.conditions))
    let room = buffer.box(
      "runs", in: rect, look: look,
      trailing: differ.map {
        .warn("\(look.glyphs.warn) \($0): KL and perplexity do not compare")
      }
        ?? .hint(
          view.filter.isEmpty ? "\(runs.count) run\(runs.count == 1 ? "" : "s")" : "/\(view.filter)"
        ), isFocused: true)
    let order: Table.Order = view.isDescending ? .descending : .ascending
    let (body, foot) = room.splitBottom(note == nil ? 0 : 1)
    if let note { buffer.line(.dim("note  ") + StyledText(note), in: foot, look: look) }
    let models = Set(runs.map(\.model))
    let rare: [RunFigure] = room.width >= 150 ? [] : [.lnRatio, .worst]
    let minor: [RunFigure] = room.width >= 112 ? rare : rare + [.prefillRate, .agreement]
    let least: [RunFigure] = room.width >= 90 ? [] : [.cacheBytes]
    let figures = RunFigure.allCases.filter { figure in
      figure == view.order || !(minor + least).contains(figure)
    }
    var columns = [Table.Column(""), Table.Column("recipe", widest: 44)]
    columns += figures.map { figure in
      Table.Column(figure.title, .right, order: figure == view.order ? order : nil)
    }
    columns += [Table.Column("checks")]
    if models.count > 1 { columns.insert(Table.Column("model", widest: 24), at: 1) }
    let front = frontier
    if room.width >= 130 { columns += [Table.Column("protocol"), Table.Column("run")] }
    let rows = runs.map { run -> [StyledText] in
      var row: [StyledText] = [
        view.marked.contains(run.id)
          ? .accent(String(look.glyphs.record))
          : front.contains(run.id) ? .good(String(look.glyphs.pass)) : "",
        StyledText(run.label, run.isBaselineRow ? .dim : .text),
      ]
      if models.count > 1 { row.insert(.dim(run.model), at: 1) }
      row += figures.map { figure in
        figure.value(run).map {
          StyledText(
            figure.text($0) + (room.width >= 150 ? figure.margin(run) : ""),
            figure == view.order ? .strong : .text)
        }
          ?? .hint("–")
      }
      row.append(Self.checks(run, look))
      row.append(
        .dim(run.conditions?.words ?? ""))
      row.append(.dim(run.id))
      return row
    }
    buffer.draw(
      Table(
        columns, rows: rows, selected: rows.isEmpty ? nil : view.selected,
        placeholder: .hint("Nothing matches.")), in: body, look: look)
  }

  /// What is said of the run under the cursor.
  private var note: String? {
    runs.indices.contains(view.selected) ? runs[view.selected].note : nil
  }

  /// The runs that no other measured alike beats in KL and bytes.
  private var frontier: Set<String> {
    var members: Set<String> = []
    for alike in Dictionary(grouping: runs, by: { [$0.model, $0.conditions?.words ?? ""] })
      .values
    where alike[0].evaluation != nil {
      let points = alike.compactMap { run in
        RunFigure.weightBytes.value(run).flatMap { bytes in
          RunFigure.divergence.value(run).map { (run.id, bytes, $0) }
        }
      }
      let front = Frontier.members(points.map { ($0.1, $0.2) })
      members.formUnion(zip(points, front).filter(\.1).map(\.0.0))
    }
    return members
  }

  /// The marks of the four checks.
  static func checks(_ run: RunRecord, _ look: Look) -> StyledText {
    guard let verdict = run.verdict else { return .hint("–") }
    return verdict.checks.reduce(StyledText([])) { text, check in
      let (mark, role, _) = check.mark.sign(look)
      return text + StyledText(String(mark), role)
    }
  }
}

/// Quality against cost, one mark a run.
struct RunScatter: Widget {
  var runs: [RunRecord]
  /// How the quality of the chosen run was measured, nil for all: runs that were measured otherwise are left out.
  var conditions: EvaluationConditions?
  /// What lies across.
  var across: RunFigure
  var selected: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText("KL against \(across.title)"), in: rect, look: look,
      trailing: .hint(
        (across.isBetterWhenLarger ? "best: bottom right" : "best: bottom left")
          + ", frontier joined"),
      footer: .hint(". other axis"))
    let points = runs.enumerated().compactMap { index, run -> Plot.Point? in
      guard conditions == nil || run.conditions == conditions,
        let x = across.value(run), let y = RunFigure.divergence.value(run), y > 0
      else { return nil }
      return Plot.Point(
        x: x, y: y, label: run.label, isSelected: index == selected,
        yError: run.evaluation?.kl.error ?? 0)
    }
    let front = zip(
      points,
      Frontier.members(points.map { (across.isBetterWhenLarger ? -$0.x : $0.x, $0.y) })
    ).filter(\.1).map(\.0).sorted { $0.x < $1.x }
    guard !points.isEmpty else {
      buffer.draw(
        Paragraph(.hint("No run has both figures yet: measure quality and speed, then save.")),
        in: room, look: look)
      return
    }
    buffer.draw(
      Plot(
        [
          Plot.Series("", points: Self.unnamed(front), form: .line, role: .dim),
          baseline(points.map(\.y)),
          Plot.Series("", points: points, form: .points, role: .series1),
        ],
        x: Plot.Axis(across.title, numbers: across == .decodeRate ? .significant : .bytes),
        y: Plot.Axis("KL to the baseline", .logarithmic)), in: room, look: look)
  }
}

extension RunScatter {
  /// Where the baseline stands across: it has no KL to itself, so that it is a line.
  private func baseline(_ heights: [Double]) -> Plot.Series {
    let row = runs.first { run in
      run.isBaselineRow && (conditions == nil || run.conditions == conditions)
    }
    guard let row, let place = across.value(row), let low = heights.min(), let high = heights.max()
    else {
      return Plot.Series("", points: [], form: .line, role: .track)
    }
    return Plot.Series(
      "",
      points: [
        Plot.Point(x: place, y: low / 2), Plot.Point(x: place, y: high, label: " \(row.label) "),
        Plot.Point(x: place, y: high * 2),
      ], form: .line, role: .track)
  }

  /// Points whose names are drawn once already.
  fileprivate static func unnamed(_ points: [Plot.Point]) -> [Plot.Point] {
    points.map { Plot.Point(x: $0.x, y: $0.y) }
  }
}

/// Two runs side by side, figure by figure.
struct PairPanel: Widget {
  var first: RunRecord
  var second: RunRecord

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "side by side", in: rect, look: look, trailing: .hint("Space unmarks"))
    let columns: [Table.Column] = [
      Table.Column(""), Table.Column("A \(first.words)", .right, widest: 40),
      Table.Column("B \(second.words)", .right, widest: 40), Table.Column("B for A", .right),
    ]
    var rows = RunFigure.allCases.map { figure -> [StyledText] in
      let a = figure.value(first)
      let b = figure.value(second)
      var change: StyledText = .hint("–")
      if let a, let b, !figure.isQuality || isRankedTogether {
        change = .change(a, b, higherIsBetter: figure.isBetterWhenLarger, look: look)
      }
      return [
        .dim(figure.title), a.map { StyledText(figure.text($0)) } ?? .hint("–"),
        b.map { StyledText(figure.text($0)) } ?? .hint("–"), change,
      ]
    }
    rows += askedRows
    rows.append([
      .dim("checks"), RunTable.checks(first, look), RunTable.checks(second, look), "",
    ])
    let (table, note) = room.splitTop(rows.count + 1)
    if !isRankedTogether {
      return drawApart(columns, rows, in: table, note, of: &buffer, look: look)
    }
    buffer.draw(Table(columns, rows: rows), in: table, look: look)
    buffer.line(
      .hint("A is run \(first.id), B is run \(second.id); a change under 3 % is left grey"),
      in: note, look: look)
  }

  /// Recall and tasks, where either run was asked; a test that its baseline fails says so in place of a tick.
  private var askedRows: [[StyledText]] {
    func cell(_ share: WilsonShare?, _ weakness: String?) -> StyledText {
      guard let share else { return .hint("–") }
      let text = StyledText("\(share.right) of \(share.of)")
      return weakness == nil ? text : text + .hint(" no power")
    }
    var rows: [[StyledText]] = []
    if first.recall != nil || second.recall != nil {
      let sides = [first.recall, second.recall]
      rows.append(
        [.dim("recall")] + sides.map { cell($0?.quantizedShare, $0?.weakness) } + [.hint("–")])
    }
    let scores = [first, second].map { run in
      run.tasks?.scores.first { $0.name != TaskReport.Score.byLength }
    }
    if scores.contains(where: { $0 != nil }) {
      let isSame = first.tasks?.task == second.tasks?.task
      rows.append(
        [.dim("tasks")] + scores.map { cell($0?.quantized, $0?.weakness) }
          + [.hint(isSame ? "–" : "other tasks")])
    }
    return rows
  }

  /// Whether the quality of both was measured alike.
  private var isRankedTogether: Bool {
    guard let a = first.conditions, let b = second.conditions else { return true }
    return a == b
  }

  private func drawApart(
    _ columns: [Table.Column], _ rows: [[StyledText]], in table: Rect, _ note: Rect,
    of buffer: inout CellBuffer, look: Look
  ) {
    buffer.draw(Table(columns, rows: rows), in: table, look: look)
    let both = [first, second].compactMap(\.conditions)
    let kinds = EvaluationConditions.differences(both)
    let parts = both.map { side in
      kinds.map { side.parts[$0] ?? "" }.map { $0.isEmpty ? "the usual" : $0 }
        .joined(separator: ", ")
    }
    let (a, b) = (parts.first ?? "", parts.last ?? "")
    buffer.line(
      oneOf: [
        .warn("\(look.glyphs.warn) A by \(a), B by \(b): their quality does not compare"),
        .warn("\(look.glyphs.warn) not measured alike: their quality does not compare"),
      ], in: note, look: look)
  }
}

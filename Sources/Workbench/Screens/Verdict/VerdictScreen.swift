import Engine
import Evaluation
import Planning
package import TerminalUI
import Wording

/// The four checks with the numbers behind them, what to try next, and the way out: save, export, report.
package enum VerdictScreen: Screen {
  package static let id = Place.verdict
  package static let title = "Verdict"
  package static let question =
    "Four checks, pass, warn or fail: is this the right method, and what should be tried next?"

  /// Where the cursors are, and what is shown below the checks.
  package struct View: Remembered {
    package enum Pane: Hashable, Sendable {
      case export, checks
    }

    package var pane = Pane.export
    package var selected = 0
    package var check = 0
    /// Pictures, instead of what to try next and where to write to.
    package var showsPictures = false

    package init() {}
  }

  /// Where the model is written to, and how.
  package struct Choice: Remembered {
    package var path = "quantized"
    package var format = "compressed-tensors"
    /// The path of an importance matrix that weighs the rounding to blocks; nil for none.
    package var importance: String?

    package init() {}
  }

  package static let shortcut = Shortcut("8")
  package static let isInWalk = true

  package static func isDone(_ state: State) -> Bool { state.facts.saved != nil }

  package static let bindings: [Binding] = [
    Binding(
      "s", name: "save run", help: "Save recipe and reports as a run of the workspace.",
      isHint: true,
      unless: \.lacksQuantized
    ) { state in state.start(SaveJob(limits: state.limits)) },
    Binding(
      "w", name: "write model", help: "Write the quantized model in the chosen format.",
      isHint: true,
      unless: { $0.lacksQuantized ?? exportProblem($0) }
    ) { state in
      state.start(
        ExportJob(
          path: state.choices[VerdictScreen.self].path,
          format: state.choices[VerdictScreen.self].format,
          importance: state.choices[VerdictScreen.self].importance,
          calibration: state.choices.calibration))
    },
    Binding(
      "Y", name: "write report", help: "Write the page of this run as Markdown and as HTML.",
      isHint: true
    ) { state in
      let page = page(state)
      return [
        .exportText(name: "report.html", text: page.html),
        .exportText(name: "report.md", text: page.markdown),
      ]
    },
    Binding("y", name: "copy report", help: "Put the report on the clipboard.") { state in
      [.copy(text: page(state).markdown)]
    },
    Binding(
      "v", name: "pictures", help: "Where the errors are and what else was tried, or what is next.",
      isHint: true
    ) { state in
      state[VerdictScreen.self].showsPictures.toggle()
      return []
    },
    Binding(
      "e", "space", name: "type a value", help: "Type the path to write to.",
      unless: { cannotType($0[VerdictScreen.self].selected, $0) }
    ) { state in typeValue(state[VerdictScreen.self].selected, &state) },
  ]

  /// The page of what is measured so far.
  static func page(_ state: State) -> Page {
    RunPage(run(state), others: state.catalog.runs).page
  }

  /// What is measured so far as a run that is not saved.
  static func run(_ state: State) -> RunRecord {
    let facts = state.facts
    var run = RunRecord(
      id: facts.saved?.id ?? "", model: facts.model?.label ?? "no model",
      recipe: facts.quantized?.recipe ?? state.choices.recipe, quantize: facts.quantized,
      evaluation: facts.evaluation, bench: facts.bench, workload: facts.workload,
      verdict: facts.verdict(state.limits), file: facts.quantized?.file, recall: facts.recall,
      tasks: facts.tasks)
    run.choice = facts[ChooseJob.self]
    return run
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    state[VerdictScreen.self].pane =
      state[VerdictScreen.self].pane == .export ? .checks : .export
  }

  /// Why the chosen format cannot hold what was quantized; nil where it can, or nobody knows.
  static func exportProblem(_ state: State) -> String? {
    guard let price = state.facts.assessment, price.recipe == state.facts.quantized?.recipe else {
      return nil
    }
    let format = state.choices[VerdictScreen.self].format
    let outlook = price.exports?.first { $0.format == format.prefix { $0 != ":" } }
    return outlook?.words.map { "\(format) cannot hold this: \($0)" }
  }

  package static func step(_ state: State) -> Step? {
    let facts = state.facts
    if facts.quantized == nil {
      return facts.holdsCandidate
        ? .go("compare layers", to: Place.heatmap) : .go("quantize first", to: Place.calibrate)
    }
    if facts.evaluation == nil { return .go("measure quality", to: Place.quality) }
    if facts.bench == nil {
      return .go("measure speed", to: Place.profile)
    }
    if facts.saved == nil {
      return Step("save the run") { state in state.start(SaveJob(limits: state.limits)) }
    }
    return .go("compare runs", to: Place.compare)
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard state[VerdictScreen.self].pane == .checks else {
      return moveForm(motion, \.selected, &state)
    }
    state[VerdictScreen.self].check = motion.moved(state[VerdictScreen.self].check, count: 4)
    return []
  }

  package static func settings(_ state: State) -> [Setting] {
    let formats = state.catalog.exportFormats
    let index = formats.firstIndex { $0.name == state.choices[VerdictScreen.self].format }
    return [
      Setting(
        "format", .choice(StyledText(state.choices[VerdictScreen.self].format)),
        help: index.map { formats[$0].summary } ?? "The format of the files that are written.",
        step: { state, direction in
          guard !formats.isEmpty else { return [] }
          let next = ((index ?? 0) + direction + formats.count) % formats.count
          state.choices[VerdictScreen.self].format = formats[next].name
          return []
        }),
      Setting(
        "folder", .text(state.choices[VerdictScreen.self].path, caret: nil),
        help: "The folder to write to; it must not exist yet, or be empty.",
        editable: state.choices[VerdictScreen.self].path,
        take: { state, text in
          let path = text.trimmed
          guard !path.isEmpty else { return .refused(expected: "the path of a folder") }
          state.choices[VerdictScreen.self].path = path
          return .taken([])
        }),
      Setting(
        "imatrix", .text(state.choices[VerdictScreen.self].importance ?? "none", caret: nil),
        help:
          "The path of an importance matrix (GGUF) that weighs errors where blocks are searched, gguf:Q4_K and its like; "
          + "empty for none.",
        editable: state.choices[VerdictScreen.self].importance ?? "",
        take: { state, text in
          let path = text.trimmed
          state.choices[VerdictScreen.self].importance = path.isEmpty ? nil : path
          return .taken([])
        }),
    ]
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let verdict = state.facts.verdict(state.limits)
    let view = state[VerdictScreen.self]
    let decision = DecisionPanel(decision: verdict.decision, about: about(state))
    let isReading = view.pane == .checks
    let checks = VerdictPanel(
      verdict: verdict, recipe: state.recipeWords, selected: isReading ? view.check : nil)
    let head = rect.height < 16 ? 0 : decision.height(forWidth: rect.width)
    let most = max(8, rect.height - head - (rect.height < 24 ? 5 : 8))
    let rows = rect.rows([
      .fixed(head), .fixed(min(most, checks.height(forWidth: rect.width))), .fill(),
    ])
    if rows[0].height > 2 { decision.draw(in: rows[0], of: &buffer, look: look) }
    checks.draw(in: rows[1], of: &buffer, look: look)
    if view.showsPictures, !isReading {
      drawPictures(state, in: rows[2], of: &buffer, look: look)
      return
    }
    let parts = rows[2].rows([.fixed(rows[2].height >= 24 ? 9 : rows[2].height), .fill()])
    if parts[1].height > 8, !isReading {
      drawPictures(state, in: parts[1], of: &buffer, look: look)
    }
    let lower = parts[0].columns([.fill(weight: 3), .fill(weight: 2)])
    if isReading, verdict.checks.indices.contains(view.check) {
      let check = verdict.checks[view.check]
      let room = buffer.box("check \(view.check + 1) in full", in: rows[2], look: look)
      buffer.draw(Paragraph(StyledText(check.evidence)), in: room, look: look)
      return
    }
    let next = buffer.box("what to try next", in: lower[0], look: look)
    var text = StyledText([])
    for (index, line) in verdict.next.enumerated() {
      if index > 0 { text += "\n" }
      text += .accent("\(look.glyphs.pointer) ") + StyledText(line)
    }
    buffer.draw(Paragraph(text), in: next, look: look)
    drawExport(state, in: lower[1], of: &buffer, look: look)
  }

  /// What the decision holds for, as far as it is known.
  private static func about(_ state: State) -> String {
    let facts = state.facts
    return [
      facts.model?.label, facts.plan?.machine,
      facts.evaluation?.conditions.words,
    ].compactMap(\.self).joined(separator: "  ")
  }

  private static func drawPictures(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let columns = rect.columns([.fill(weight: 2), .fill(weight: 3)])
    HurtPanel(layers: state.facts.quantized?.layers ?? []).draw(
      in: columns[0], of: &buffer, look: look)
    let own = run(state)
    let runs = [own] + state.catalog.runs.filter { $0.model == own.model && $0.id != own.id }
    RunScatter(
      runs: runs, conditions: own.conditions, across: .weightBytes, selected: 0
    ).draw(in: columns[1], of: &buffer, look: look)
  }

  private static func drawExport(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let room = buffer.box(
      "take it with you", in: rect, look: look,
      isFocused: true)
    let (form, lines) = room.splitTop(2)
    buffer.draw(
      Form(settings(state).map(\.field), selected: state[VerdictScreen.self].selected), in: form,
      look: look)
    var facts: [StyledText] = [
      .press("w", "writes the model  ") + .press("Y", "the page"),
      state.facts.saved.map { .good("\(look.glyphs.pass) saved as run \($0.id)") }
        ?? .press("s", "saves the run for Compare"),
    ]
    if let exported = state.facts.exported {
      facts.append(
        .good("\(look.glyphs.pass) \(Quantity.bytes(exported.bytes)) in \(exported.path)"))
    }
    for (index, fact) in facts.enumerated() {
      buffer.line(fact, in: lines.row(index + 1), look: look)
    }
    guard let problem = exportProblem(state) else { return }
    buffer.draw(
      Paragraph(.bad("\(look.glyphs.fail) ") + .hint(problem)),
      in: lines.splitTop(facts.count + 1).rest, look: look)
  }
}

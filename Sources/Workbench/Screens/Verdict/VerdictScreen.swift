import Engine
package import TerminalUI
import Wording

/// The four checks with the numbers behind them, what to try next, and the way out: save, export, report.
package enum VerdictScreen: Screen {
  package static let id = Place.verdict
  package static let title = "Verdict"
  package static let question =
    "Four checks, pass, warn or fail: is this the right method, and what should be tried next?"

  /// Where the cursor is.
  package struct View: Remembered {
    package var selected = 0

    package init() {}
  }

  /// Where the model is written to, and how.
  package struct Choice: Remembered {
    package var path = "quantized"
    package var format = "compressed-tensors"

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
    ) { state in state.start(SaveJob()) },
    Binding(
      "o", name: "write model", help: "Write the quantized model in the chosen format.",
      isHint: true,
      unless: { $0.lacksQuantized ?? exportProblem($0) }
    ) { state in
      state.start(
        ExportJob(
          path: state.choices[VerdictScreen.self].path,
          format: state.choices[VerdictScreen.self].format))
    },
    Binding("w", name: "write report", help: "Write all of this as a text file.", isHint: true) {
      state in
      [
        .exportText(
          name: "report.md", text: RunReport(facts: state.facts, recipe: state.choices.recipe).text)
      ]
    },
    Binding("c", name: "copy report", help: "Put the report on the clipboard.") { state in
      [.copy(text: RunReport(facts: state.facts, recipe: state.choices.recipe).text)]
    },
    Binding(
      "e", "space", name: "type a value", help: "Type the path to write to.",
      unless: { cannotType($0[VerdictScreen.self].selected, $0) }
    ) { state in typeValue(state[VerdictScreen.self].selected, &state) },
  ]

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
    if facts.bench == nil { return .go("measure speed", to: Place.profile) }
    if facts.saved == nil { return Step("save the run") { state in state.start(SaveJob()) } }
    return .go("compare runs", to: Place.compare)
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    moveForm(motion, \.selected, &state)
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
    ]
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let verdict = state.facts.verdict
    let rows = rect.rows([.fill(weight: 5, min: 8), .fill(weight: 3, min: 6)])
    VerdictPanel(verdict: verdict, recipe: state.recipeWords).draw(
      in: rows[0], of: &buffer, look: look)
    let lower = rows[1].columns([.fill(weight: 3), .fill(weight: 2)])
    let next = buffer.box("what to try next", in: lower[0], look: look)
    var text = StyledText([])
    for (index, line) in verdict.next.enumerated() {
      if index > 0 { text += "\n" }
      text += .accent("\(look.glyphs.pointer) ") + StyledText(line)
    }
    buffer.draw(Paragraph(text), in: next, look: look)
    drawExport(state, in: lower[1], of: &buffer, look: look)
  }

  private static func drawExport(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let room = buffer.box("take it with you", in: rect, look: look, isFocused: true)
    let (form, lines) = room.splitTop(2)
    buffer.draw(
      Form(settings(state).map(\.field), selected: state[VerdictScreen.self].selected), in: form,
      look: look)
    var facts: [StyledText] = [
      .press("o", "writes the model  ") + .press("w", "the report"),
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

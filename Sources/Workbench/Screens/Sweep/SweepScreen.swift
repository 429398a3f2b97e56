import Engine
package import TerminalUI
import Wording

/// A sweep that runs elsewhere: how far its tasks have come, what came of them, and what those that failed said last.
package enum SweepScreen: Screen {
  package static let id = "sweep"
  package static let title = "Sweep"
  package static let question = "How far has a sweep come, and what did the tasks that failed say?"

  /// Where the cursor is and what is listed.
  package struct View: Filtered {
    package var selected = 0
    package var filter = ""
    /// Whether only tasks that failed are listed.
    package var showsFailed = false

    package init() {}
  }

  package static let shortcut = Shortcut(
    "R", name: "sweep", help: "Open a sweep: its progress task by task, and what failed.")

  package static let bindings: [Binding] = [
    Binding(
      "o", name: "open a path", help: "Type the path of the folder of a sweep.", isHint: true
    ) { state in state.editPath(prompts(state).first) },
    Binding(
      "v", name: "other view", help: "List all tasks, or only those that failed.", isHint: true,
      unless: { report($0) == nil ? "No sweep is open yet: o opens one" : nil }
    ) { state in
      state[SweepScreen.self].showsFailed.toggle()
      state[SweepScreen.self].selected = 0
      return []
    },
    filterBinding,
  ]

  /// The path of a sweep; Compare asks for it too.
  package static func prompts(_ state: State) -> [Setting] {
    [
      Setting(
        "Folder of a sweep", .text("", caret: nil),
        help: "The folder that nibble sweep plan wrote.", editable: report(state)?.path ?? "",
        take: { state, text in
          let path = text.trimmed
          guard !path.isEmpty else { return .refused(expected: "the folder of a sweep") }
          return .taken(state.start(SweepJob(path: path)))
        })
    ]
  }

  static func report(_ state: State) -> SweepReport? { state.facts[SweepJob.self] }

  /// The rows that are listed.
  static func rows(_ state: State) -> [SweepReport.Row] {
    let view = state[SweepScreen.self]
    return (report(state)?.rows ?? []).filter { row in
      (!view.showsFailed || row.failure != nil)
        && "\(row.model) \(row.recipeName) \(row.measure)".satisfies(filter: view.filter)
    }
  }

  package static func step(_ state: State) -> Step? {
    guard let report = report(state) else {
      return Step("open a sweep") { state in state.editPath(prompts(state).first) }
    }
    if !report.isWhole {
      return Step("look again") { state in state.start(SweepJob(path: report.path)) }
    }
    return .go("compare what came of it", to: Place.compare)
  }

  package static func appeared(_ state: inout State) -> [Effect] { look(&state) }

  /// Milliseconds between two looks at a sweep that grows.
  private static let lookMilliseconds = 2000

  package static func ticked(_ state: inout State) -> [Effect] {
    guard let last = state.jobs.latest(SweepJob.self), last.status.isOver,
      state.now - last.since >= lookMilliseconds
    else { return [] }
    return look(&state)
  }

  /// Looks again at a sweep that is not whole.
  private static func look(_ state: inout State) -> [Effect] {
    guard let report = report(state), !report.isWhole, state.readOnly == nil else { return [] }
    return state.start(SweepJob(path: report.path))
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state[SweepScreen.self].selected = motion.moved(
      state[SweepScreen.self].selected, count: rows(state).count)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    guard let report = report(state) else {
      return buffer.draw(
        EmptyState(
          "No sweep is open",
          [
            "A sweep is a plan of many measurements, one task each, that run in processes of their own or on a cluster: "
              + "'nibble sweep plan', then 'nibble sweep run' or 'nibble sweep slurm'. Here its tasks are watched while they "
              + "run, and on Compare what came of them stands among the runs.", "",
            .press("o", "opens the folder of a sweep"),
          ]), in: rect, look: look)
    }
    let view = state[SweepScreen.self]
    let listed = rows(state)
    let chosen = listed.indices.contains(view.selected) ? listed[view.selected] : nil
    let parts = rect.rows([.fixed(4), .fill(), .fixed(chosen?.failure == nil ? 4 : 8)])
    SweepProgress(report: report).draw(in: parts[0], of: &buffer, look: look)
    SweepTaskTable(rows: listed, report: report, view: view).draw(
      in: parts[1], of: &buffer, look: look)
    SweepDetail(row: chosen).draw(in: parts[2], of: &buffer, look: look)
  }
}

package import Engine
import Evaluation
import Profiling
package import TerminalUI

/// All runs of the workspace: a table that sorts, a scatter of quality against cost, two runs side by side.
package enum CompareScreen: Screen {
  package static let id = Place.compare
  package static let title = "Compare"
  package static let question = "Which of the runs is the best trade of quality, bytes and speed?"

  /// Sorting, cursor, and the runs set side by side.
  package struct View: Filtered {
    package var selected = 0
    package var filter = ""
    package var order = RunFigure.divergence
    package var isDescending = false
    /// What the scatter has across.
    package var across = RunFigure.weightBytes
    /// At most two run ids.
    package var marked: [String] = []

    package init() {}
  }

  package static let shortcut = Shortcut("9")
  package static let isInWalk = true

  package static let bindings: [Binding] = [
    Binding(">", name: "sort by", help: "Sort by the next column.", isHint: true) { state in
      state[CompareScreen.self].order = state[CompareScreen.self].order.next
      return []
    },
    Binding("<", name: "reverse", help: "Turn the order of the table round.") { state in
      state[CompareScreen.self].isDescending.toggle()
      return []
    },
    Binding(".", name: "axis", help: "Bytes, speed or cache across the scatter.", isHint: true) {
      state in
      let axes: [RunFigure] = [.weightBytes, .decodeRate, .cacheBytes]
      let index = axes.firstIndex(of: state[CompareScreen.self].across) ?? 0
      state[CompareScreen.self].across = axes[(index + 1) % axes.count]
      return []
    },
    Binding(
      "space", name: "side by side", help: "Mark the run; two marked runs stand side by side.",
      isHint: true,
      unless: { runs($0).isEmpty ? "There is no run yet: s on Verdict (8) saves one" : nil }
    ) {
      state in
      let runs = runs(state)
      guard runs.indices.contains(state[CompareScreen.self].selected) else { return [] }
      mark(runs[state[CompareScreen.self].selected].id, &state)
      return []
    },
    Binding(
      "e", name: "rename", help: "Name the run; empty for its recipe's own words.",
      unless: { noRun($0) }
    ) { state in
      state.edit(prompts(state).first)
      return []
    },
    Binding(
      "E", name: "note", help: "Write a note on the run.", isHint: true, unless: { noRun($0) }
    ) { state in
      state.edit(prompts(state).last)
      return []
    },
    Binding(
      "x", "delete", name: "delete", help: "Delete the run, its receipt and its page.",
      unless: { noRun($0) }
    ) { state in
      guard let run = chosen(state) else { return [] }
      state.overlay = .confirm(
        Confirmation(.deleteRun(id: run.id), title: "\(run.id): \(run.label)"))
      return []
    },
    Binding(
      "o", name: "open a path",
      help: "Open the folder of a sweep: what came of its tasks stands among the runs."
    ) { state in
      state.show(SweepScreen.id)
      return state.editPath(SweepScreen.prompts(state).first)
    },
    filterBinding,
  ]

  package static func appeared(_ state: inout State) -> [Effect] { SweepScreen.appeared(&state) }
  package static func ticked(_ state: inout State) -> [Effect] { SweepScreen.ticked(&state) }

  private static func noRun(_ state: State) -> String? {
    guard chosen(state) == nil else { return nil }
    let (runs, selected) = (runs(state), state[CompareScreen.self].selected)
    guard runs.indices.contains(selected), runs[selected].isTaskRow else {
      return "There is no run yet: s on Verdict (8) saves one"
    }
    return "This row is a task of a sweep, and no run of the workspace"
  }

  /// The run under the cursor.
  private static func chosen(_ state: State) -> RunRecord? {
    let runs = runs(state)
    let selected = state[CompareScreen.self].selected
    guard runs.indices.contains(selected) else { return nil }
    return runs[selected].isBaselineRow || runs[selected].isTaskRow ? nil : runs[selected]
  }

  /// The name of the run under the cursor, and what is said of it.
  package static func prompts(_ state: State) -> [Setting] {
    guard let run = chosen(state) else { return [] }
    func prompt(
      _ label: String, _ text: String, help: String,
      _ edit: @escaping @Sendable (String) -> EditRunJob.Edit
    ) -> Setting {
      Setting(
        label, .text(text, caret: nil), help: help, editable: text,
        take: { state, text in
          .taken(state.start(EditRunJob(run: run.id, edit: edit(text.trimmed))))
        })
    }
    return [
      prompt("Name of the run", run.title ?? "", help: "What the table calls it.") { .title($0) },
      prompt("Note", run.note ?? "", help: "What is to be remembered of it.") { .note($0) },
    ]
  }

  private static func mark(_ id: String, _ state: inout State) {
    if let index = state[CompareScreen.self].marked.firstIndex(of: id) {
      state[CompareScreen.self].marked.remove(at: index)
    } else {
      state[CompareScreen.self].marked.append(id)
      if state[CompareScreen.self].marked.count > 2 {
        state[CompareScreen.self].marked.removeFirst()
      }
    }
  }

  /// Runs of the workspace, those of the sweep that is open, and the baselines of both.
  private static func all(_ state: State) -> [RunRecord] {
    let runs = state.catalog.runs + RunRecord.tasks(of: state.facts[SweepJob.self])
    return runs + RunRecord.baselines(of: runs)
  }

  /// The runs that the filter lets through, sorted.
  package static func runs(_ state: State) -> [RunRecord] {
    let view = state[CompareScreen.self]
    let found = all(state).filter {
      "\($0.id) \($0.model) \($0.label) \($0.note ?? "")".satisfies(filter: view.filter)
    }
    // Figures of quality that were not taken alike are not ranked together: the largest group comes first.
    var groups: [String: Int] = [:]
    if view.order.isQuality {
      for run in found { groups[run.conditions?.words ?? "", default: 0] += 1 }
    }
    let ranks = Dictionary(
      uniqueKeysWithValues: groups.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        .enumerated().map { ($0.element.key, $0.offset) })
    func key(_ run: RunRecord) -> (Int, Int, Double, String) {
      let value = view.order.value(run)
      let usable = value.map { $0.isFinite } ?? false
      let signed = (usable ? value ?? 0 : 0) * (view.isDescending ? -1 : 1)
      let group = ranks[run.conditions?.words ?? ""] ?? 0
      return (usable ? 0 : 1, group, signed, run.id)
    }
    return found.map { (key($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
  }

  package static func step(_ state: State) -> Step? {
    guard !all(state).isEmpty else { return .go("make a first run", to: Place.model) }
    return Step("try another method") { state in
      state[MethodScreen.self] = MethodScreen.View()
      state.show(Place.method)
      return []
    }
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state[CompareScreen.self].selected = motion.moved(
      state[CompareScreen.self].selected, count: runs(state).count)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    guard !all(state).isEmpty else {
      buffer.draw(
        EmptyState(
          "No runs yet",
          [
            "A run is a recipe with its measured quality and speed. Save one on the Verdict screen "
              + "(s), and it stands here next to all the others.", "",
            .press("Enter", "starts with the model"),
          ]), in: rect, look: look)
      return
    }
    let runs = runs(state)
    let table = min(runs.count + 4, max(7, rect.height / 2))
    let rows = rect.rows([.fixed(table), .fill()])
    RunTable(runs: runs, view: state[CompareScreen.self]).draw(in: rows[0], of: &buffer, look: look)
    let conditions =
      runs.indices.contains(state[CompareScreen.self].selected)
      ? runs[state[CompareScreen.self].selected].conditions : nil
    let scatter = RunScatter(
      runs: runs, conditions: conditions, across: state[CompareScreen.self].across,
      selected: state[CompareScreen.self].selected)
    let pair = state[CompareScreen.self].marked.compactMap { id in
      all(state).first { $0.id == id }
    }
    if pair.count == 2 {
      let isWide = rows[1].width >= 120
      let columns = rows[1].columns(isWide ? [.fill(), .fill()] : [.fill()])
      PairPanel(first: pair[0], second: pair[1]).draw(in: columns[0], of: &buffer, look: look)
      if isWide {
        scatter.draw(in: columns[1], of: &buffer, look: look)
      }
    } else {
      scatter.draw(in: rows[1], of: &buffer, look: look)
    }
  }
}

import Engine
import Evaluation
import Profiling
package import TerminalUI

/// All runs of the workspace: a table that sorts, a scatter of quality against cost, two runs side by side.
package enum CompareScreen: Screen {
  package static let id = "compare"
  package static let title = "Compare"
  package static let question = "Which of the runs is the best trade of quality, bytes and speed?"

  /// Sorting, cursor, and the runs set side by side.
  package struct View: Hashable, Sendable {
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

  package static let bindings: [Binding] = [
    Binding("o", name: "sort by", help: "Sort by the next column.", isHint: true) { state in
      state.compare.order = state.compare.order.next
      return []
    },
    Binding("v", name: "reverse", help: "Turn the order of the table round.") { state in
      state.compare.isDescending.toggle()
      return []
    },
    Binding("a", name: "axis", help: "Bytes, speed or cache across the scatter.", isHint: true) {
      state in
      let axes: [RunFigure] = [.weightBytes, .decodeRate, .cacheBytes]
      let index = axes.firstIndex(of: state.compare.across) ?? 0
      state.compare.across = axes[(index + 1) % axes.count]
      return []
    },
    Binding(
      "space", name: "side by side", help: "Mark the run; two marked runs stand side by side.",
      isHint: true
    ) {
      state in
      let runs = runs(state)
      guard runs.indices.contains(state.compare.selected) else { return [] }
      mark(runs[state.compare.selected].id, &state)
      return []
    },
    FilterEdit.binding(.runs),
  ]

  private static func mark(_ id: String, _ state: inout State) {
    if let index = state.compare.marked.firstIndex(of: id) {
      state.compare.marked.remove(at: index)
    } else {
      state.compare.marked.append(id)
      if state.compare.marked.count > 2 { state.compare.marked.removeFirst() }
    }
  }

  /// The runs that the filter lets through, sorted.
  static func runs(_ state: State) -> [RunRecord] {
    let view = state.compare
    let found = state.catalog.runs.filter {
      "\($0.id) \($0.model) \($0.recipe)".satisfies(filter: view.filter)
    }
    func key(_ run: RunRecord) -> (Int, Double, String) {
      let value = view.order.value(run)
      let usable = value.map { $0.isFinite } ?? false
      let signed = (usable ? value ?? 0 : 0) * (view.isDescending ? -1 : 1)
      return (usable ? 0 : 1, signed, run.id)
    }
    return found.map { (key($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
  }

  package static func step(_ state: State) -> Step? {
    guard !state.catalog.runs.isEmpty else { return .go("make a first run", to: ModelScreen.id) }
    return Step("try another method") { state in
      state.method = MethodScreen.View()
      return state.show(MethodScreen.id)
    }
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state.compare.selected = motion.moved(state.compare.selected, count: runs(state).count)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    guard !state.catalog.runs.isEmpty else {
      buffer.draw(
        EmptyState(
          "No runs yet",
          [
            "A run is a recipe with its measured quality and speed. Save one on the Verdict screen "
              + "(s), and it stands here beside all the others.", "",
            .press("Enter", "starts with the model"),
          ]), in: rect, look: look)
      return
    }
    let runs = runs(state)
    let table = min(runs.count + 4, max(7, rect.height / 2))
    let rows = rect.rows([.fixed(table), .fill()])
    RunTable(state: state, runs: runs).draw(in: rows[0], of: &buffer, look: look)
    let pair = state.compare.marked.compactMap { id in state.catalog.runs.first { $0.id == id } }
    if pair.count == 2 {
      let isWide = rows[1].width >= 120
      let columns = rows[1].columns(isWide ? [.fill(), .fill()] : [.fill()])
      PairPanel(first: pair[0], second: pair[1]).draw(in: columns[0], of: &buffer, look: look)
      if isWide {
        RunScatter(state: state, runs: runs).draw(in: columns[1], of: &buffer, look: look)
      }
    } else {
      RunScatter(state: state, runs: runs).draw(in: rows[1], of: &buffer, look: look)
    }
  }
}

/// A number by which runs are compared.
package enum RunFigure: String, Hashable, Sendable, CaseIterable {
  case weightBytes, cacheBytes, perplexity, divergence, agreement, prefillRate, decodeRate

  var next: RunFigure {
    let all = Self.allCases
    return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
  }

  /// A column head.
  var title: String {
    switch self {
    case .weightBytes: "weights"
    case .cacheBytes: "KV/token"
    case .perplexity: "perplexity"
    case .divergence: "KL"
    case .agreement: "top-1"
    case .prefillRate: "prefill/s"
    case .decodeRate: "decode/s"
    }
  }

  var isBetterWhenLarger: Bool {
    self == .agreement || self == .prefillRate || self == .decodeRate
  }

  /// The figure of a run; nil when it was not measured.
  func value(_ run: RunRecord) -> Double? {
    switch self {
    case .weightBytes:
      (run.bench?.quantized.weightBytes ?? run.evaluation?.weightBytes ?? run.quantize?.outputBytes)
        .map(Double.init)
    case .cacheBytes:
      (run.bench?.quantized.kvBytesPerToken ?? run.evaluation?.kvBytesPerToken
        ?? run.quantize?.kvBytesPerToken).map(Double.init)
    case .perplexity: run.evaluation?.perplexity
    case .divergence: run.evaluation?.kl.mean
    case .agreement: run.evaluation?.topOneAgreement
    case .prefillRate: run.bench?.quantized.prefill.tokensPerSecond
    case .decodeRate: run.bench?.quantized.decode.tokensPerSecond
    }
  }

  func text(_ value: Double) -> String {
    switch self {
    case .weightBytes, .cacheBytes: NumberText.short(value) + "B"
    case .perplexity: NumberText.fixed(value, 3)
    case .divergence: NumberText.significant(value)
    case .agreement: "\(NumberText.fixed(value * 100, 1)) %"
    case .prefillRate, .decodeRate: NumberText.significant(value)
    }
  }
}

package import Engine
import Models
import Quantization
package import TerminalUI

/// Where the error lies: blocks by projections, heads or channels, with what is behind each cell.
package enum HeatmapScreen: Screen {
  package static let id = "heatmap"
  package static let title = "Heatmap"
  package static let question =
    "Where does quantizing hurt, and how much better is the model with a cell back in FP?"

  /// Which map, metric and cell are looked at, and which cells are put back to FP.
  package struct View: Hashable, Sendable {
    package var map = 0
    package var metric = 0
    package var scale = HeatScale.logarithmic
    package var row = 0
    package var column = 0
    package var isOpen = false
    /// Cells put back to FP, of the map that is shown.
    package var restored: Set<CellAddress> = []

    package init() {}
  }

  package static let bindings: [Binding] = [
    Binding("m", name: "metric", help: "Show the next metric.", isHint: true) { state in
      let count = max(1, map(state)?.metrics.count ?? 1)
      state.heatmap.metric = (state.heatmap.metric + 1) % count
      return []
    },
    Binding("s", name: "scale", help: "Colours by value, by logarithm, or by rank.", isHint: true) {
      state in
      let all = HeatScale.allCases
      let index = all.firstIndex(of: state.heatmap.scale) ?? 0
      state.heatmap.scale = all[(index + 1) % all.count]
      return []
    },
    Binding(
      "v", name: "next map", help: "Weights, activations, keys, values: the next map.",
      isHint: true,
      when: { maps($0).count > 1 }
    ) { state in
      let next = (state.heatmap.map + 1) % max(1, maps(state).count)
      let scale = state.heatmap.scale
      state.heatmap = View()
      state.heatmap.map = next
      state.heatmap.scale = scale
      return []
    },
    Binding(
      "f", "space", name: "cell to FP", help: "Put the cell back to FP, or quantize it again.",
      isHint: true
    ) {
      state in
      toggle([CellAddress(row: state.heatmap.row, column: state.heatmap.column)], &state)
    },
    Binding("y", name: "row to FP", help: "Put the whole row (a block) back to FP, or not.") {
      state in
      let columns = map(state)?.columns.count ?? 0
      return toggle(
        (0..<columns).map { CellAddress(row: state.heatmap.row, column: $0) }, &state)
    },
    Binding("c", name: "column to FP", help: "Put the whole column back to FP, or not.") { state in
      let rows = map(state)?.rows.count ?? 0
      return toggle(
        (0..<rows).map { CellAddress(row: $0, column: state.heatmap.column) }, &state)
    },
    Binding(
      "i", name: "measure KL", help: "Measure the KL with the marked cells back in FP.",
      isHint: true,
      when: { !$0.heatmap.restored.isEmpty }
    ) { state in
      let cells = state.heatmap.restored.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
      return state.start(
        .restoreCells(map: state.heatmap.map, cells: cells, windows: windows))
    },
    Binding(
      "a", name: "KL of each alone",
      help: "Measure the KL of each cell alone quantized. Takes a while."
    ) {
      state in state.start(.sensitivity(windows: windows))
    },
    Binding("b", name: "close", help: "Close what is behind the cell.", when: { $0.heatmap.isOpen })
    {
      state in
      state.heatmap.isOpen = false
      return []
    },
  ]

  /// Windows of text that a quick KL is taken over.
  private static let windows = 4

  private static func toggle(_ cells: [CellAddress], _ state: inout State) -> [Effect] {
    guard map(state) != nil else { return [] }
    if cells.allSatisfy({ state.heatmap.restored.contains($0) }) {
      state.heatmap.restored.subtract(cells)
    } else {
      state.heatmap.restored.formUnion(cells)
    }
    return []
  }

  /// The maps there are, the KL of each cell alone put in where it was measured.
  static func maps(_ state: State) -> [ErrorMap] {
    var maps = state.facts.quantized?.maps ?? []
    guard let extra = state.facts.sensitivity,
      let index = maps.firstIndex(where: {
        $0.target == extra.target && $0.rows == extra.rows && $0.columns == extra.columns
      })
    else { return maps }
    for (row, cells) in extra.cells.enumerated() where row < maps[index].cells.count {
      for (column, cell) in cells.enumerated() where column < maps[index].cells[row].count {
        maps[index].cells[row][column].values.merge(cell.values) { _, new in new }
      }
    }
    for metric in extra.metrics where !maps[index].metrics.contains(metric) {
      maps[index].metrics.append(metric)
    }
    return maps
  }

  /// The map that is shown.
  static func map(_ state: State) -> ErrorMap? {
    let maps = maps(state)
    return maps.indices.contains(state.heatmap.map) ? maps[state.heatmap.map] : maps.first
  }

  static func metric(_ state: State) -> ErrorMap.Metric {
    guard let metrics = map(state)?.metrics, !metrics.isEmpty else { return .relativeError }
    return metrics[min(max(0, state.heatmap.metric), metrics.count - 1)]
  }

  package static func step(_ state: State) -> Step? {
    guard let map = map(state) else {
      return .go("quantize first", to: CalibrateScreen.id)
    }
    let view = state.heatmap
    guard !view.isOpen || !isDetailShown(state) else {
      return .go("measure quality", to: QualityScreen.id)
    }
    return Step("look into \(name(view.row, view.column, map))") { state in
      state.heatmap.isOpen = true
      guard !isDetailShown(state) else { return [] }
      return state.start(
        .inspectCell(map: state.heatmap.map, row: state.heatmap.row, column: state.heatmap.column))
    }
  }

  /// Whether what is behind the cursor's cell is known.
  static func isDetailShown(_ state: State) -> Bool {
    guard let cell = state.facts.cell else { return false }
    let view = state.heatmap
    return cell.map == view.map && cell.row == view.row && cell.column == view.column
  }

  /// `5.down`.
  static func name(_ row: Int, _ column: Int, _ map: ErrorMap) -> String {
    let first = map.rows.indices.contains(row) ? map.rows[row] : "?"
    let second = map.columns.indices.contains(column) ? map.columns[column] : "?"
    return "\(first).\(second)"
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard let map = map(state) else { return [] }
    if motion.horizontal != 0 {
      let column = state.heatmap.column + motion.horizontal
      state.heatmap.column = column.clamped(0, max(0, map.columns.count - 1))
    } else {
      state.heatmap.row = motion.moved(state.heatmap.row, count: map.rows.count)
    }
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    guard let map = map(state) else {
      drawEmpty(state, in: rect, of: &buffer, look: look)
      return
    }
    let right = rect.width >= 150 ? 64 : rect.width >= 96 ? 46 : rect.width * 9 / 20
    let columns = rect.columns([.fill(), .fixed(right)])
    MapPanel(state: state, map: map).draw(in: columns[0], of: &buffer, look: look)
    CellPanel(state: state, map: map).draw(in: columns[1], of: &buffer, look: look)
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    buffer.draw(
      EmptyState(
        "Nothing is quantized yet",
        [
          "Here the error of every layer, head and channel stands as a map, so that you see where "
            + "it hurts and what to protect.", "",
          state.choices.recipe.isBaseline
            ? .press("3", "chooses a method")
            : .press("Enter", "goes to Calibrate, where it starts"),
        ]), in: rect, look: look)
  }
}

extension ErrorMap.Metric {
  /// The metric's name with its unit.
  var words: String {
    switch self {
    case .relativeError: "relative output error"
    case .sqnr: "SQNR in dB"
    case .cosine: "cosine of outputs"
    case .aloneKL: "KL when alone quantized"
    case .absoluteMaximum: "largest activation"
    case .rawLoss: "GPTQ's own sum"
    }
  }

  /// The metric in a word or two.
  var shortWords: String {
    switch self {
    case .relativeError: "rel. error"
    case .sqnr: "SQNR dB"
    case .cosine: "cosine"
    case .aloneKL: "KL alone"
    case .absoluteMaximum: "largest"
    case .rawLoss: "raw sum"
    }
  }

  /// What it means, in a few words.
  var meaning: String {
    switch self {
    case .relativeError: "share of the output's energy that is lost; lower is better"
    case .sqnr: "signal over quantization noise; higher is better, 20 dB is 1 %"
    case .cosine: "1 when outputs point the same way; higher is better"
    case .aloneKL: "how far next-token probabilities move by this cell alone"
    case .absoluteMaximum: "outliers stretch the range that 8 bits must cover"
    case .rawLoss: "what GPTQ prints as its error; says nothing across layers"
    }
  }

  /// A value of the metric.
  func text(_ value: Double) -> String {
    switch self {
    case .sqnr: NumberText.fixed(value, 1)
    case .cosine: NumberText.fixed(value, 5)
    default: NumberText.significant(value)
    }
  }

  /// Whether large values are the bad ones.
  var isWorseWhenLarger: Bool { self != .sqnr && self != .cosine }
}

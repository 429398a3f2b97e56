package import Engine
import Models
package import Quantization
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
        RestoreJob(map: state.heatmap.map, cells: cells, windows: windows))
    },
    Binding(
      "e", name: "keep in FP",
      help: "Keep the marked cells in FP: an exception for each goes into the recipe.",
      isHint: true, when: { canKeep($0) }
    ) { state in keep(&state) },
    Binding(
      "a", name: "KL of each alone",
      help: "Measure the KL of each cell alone quantized. Takes a while."
    ) {
      state in state.start(SensitivityJob(windows: windows))
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

  /// Whether the marked cells are layers, which a recipe can leave in FP.
  static func canKeep(_ state: State) -> Bool {
    guard let map = map(state), !state.heatmap.restored.isEmpty else { return false }
    return map.columns.allSatisfy { Projection(rawValue: $0) != nil }
  }

  /// Makes exceptions of the marked cells, so that the next run leaves them in FP.
  private static func keep(_ state: inout State) -> [Effect] {
    guard let map = map(state) else { return [] }
    let new = exceptions(for: state.heatmap.restored, in: map)
    // Without a recipe for the next run it is that of the map.
    if state.choices.recipe.isBaseline, let shown = state.facts.quantized?.recipe {
      state.choices.recipe = shown
    }
    state.choices.recipe.exceptions.removeAll { new.contains($0) }
    state.choices.recipe.exceptions += new
    let names = names(of: state.heatmap.restored, in: map)
    let list = names.count > 3 ? "\(names.count) exceptions" : names.joined(separator: ", ")
    state.say(
      .done,
      "Kept in FP by the recipe: \(list). Quantize again (4, Enter), then write it")
    return state.reassess()
  }

  /// Exceptions that leave cells in FP, as few as say it: a whole column or row is one.
  package static func exceptions(
    for cells: Set<CellAddress>, in map: ErrorMap
  ) -> [LayerException] {
    var left = cells
    var found: [LayerException] = []
    for (column, name) in map.columns.enumerated() {
      let whole = map.rows.indices.map { CellAddress(row: $0, column: column) }
      guard let projection = Projection(rawValue: name), !whole.isEmpty,
        left.isSuperset(of: whole)
      else { continue }
      left.subtract(whole)
      found.append(LayerException(blocks: nil, projection: projection, treatment: .fp))
    }
    for row in map.rows.indices {
      let whole = map.columns.indices.map { CellAddress(row: row, column: $0) }
      // What a column holds already need not be said again.
      guard cells.isSuperset(of: whole), left.contains(where: { $0.row == row }) else { continue }
      left.subtract(whole)
      found.append(LayerException(blocks: row...row, projection: nil, treatment: .fp))
    }
    for cell in left.sorted(by: { ($0.row, $0.column) < ($1.row, $1.column) }) {
      guard map.columns.indices.contains(cell.column), map.rows.indices.contains(cell.row),
        let projection = Projection(rawValue: map.columns[cell.column])
      else { continue }
      found.append(LayerException(LinearID(block: cell.row, projection: projection), .fp))
    }
    return found
  }

  /// Whether the recipe of the map left a layer in FP.
  static func isProtected(_ row: Int, _ column: String, _ state: State) -> Bool {
    guard let recipe = state.facts.quantized?.recipe, !recipe.exceptions.isEmpty,
      let projection = Projection(rawValue: column)
    else { return false }
    return recipe.treatment(of: LinearID(block: row, projection: projection)) == .fp
  }

  /// The names of cells: `5.down`, `*.v` for a whole column, `5.*` for a whole row.
  static func names(of cells: Set<CellAddress>, in map: ErrorMap) -> [String] {
    let exceptions = exceptions(for: cells, in: map)
    guard exceptions.isEmpty else {
      return exceptions.map { String($0.description.prefix { $0 != "=" }) }
    }
    return cells.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
      .map { name($0.row, $0.column, map) }
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
        CellJob(map: state.heatmap.map, row: state.heatmap.row, column: state.heatmap.column))
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
    if state.heatmap.isOpen, isDetailShown(state), let detail = state.facts.cell {
      let panel = CellDetailPanel(
        detail: detail, map: map, figures: CellFigures(state: state, map: map))
      // What is behind the cell needs the room of the map, unless there is much.
      guard rect.width >= 150 else { return panel.draw(in: rect, of: &buffer, look: look) }
      let columns = rect.columns([.fill(weight: 2), .fill(weight: 3)])
      MapPanel(state: state, map: map).draw(in: columns[0], of: &buffer, look: look)
      panel.draw(in: columns[1], of: &buffer, look: look)
      return
    }
    let right = rect.width >= 150 ? 64 : rect.width >= 96 ? 46 : rect.width * 19 / 40
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
    case .rawLoss: "GPTQ's sum"
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

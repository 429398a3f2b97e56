package import Engine
import Models
import Quantization
package import TerminalUI

/// Where the error lies: blocks by projections, heads or channels, with the details of each cell.
package enum HeatmapScreen: Screen {
  package static let id = Place.heatmap
  package static let title = "Heatmap"
  package static let question =
    "Where does quantizing hurt, and how much better is the model with a cell back in FP?"

  /// Which map, metric and cell are looked at, and which cells are put back to FP.
  package struct View: Remembered {
    package var map = 0
    package var metric = 0
    package var scale = HeatScale.logarithmic
    package var row = 0
    package var column = 0
    package var isOpen = false
    /// The block whose experts are looked at; nil for the map of all blocks.
    package var block: Int?
    /// Cells put back to FP, of the map that is shown.
    package var restored: Set<CellAddress> = []

    package init() {}
  }

  package static let shortcut = Shortcut("5")
  package static let isInWalk = true

  package static func isDone(_ state: State) -> Bool { state.facts.quantized != nil }

  package static let bindings: [Binding] = [
    Binding(".", name: "metric", help: "Show the next metric.", isHint: true, unless: noMap) {
      state in
      let count = max(1, map(state)?.metrics.count ?? 1)
      state[HeatmapScreen.self].metric = (state[HeatmapScreen.self].metric + 1) % count
      return []
    },
    Binding(
      "c", name: "colours", help: "Colours by value, by logarithm, or by rank.", isHint: true,
      unless: noMap
    ) { state in
      let all = HeatScale.allCases
      let index = all.firstIndex(of: state[HeatmapScreen.self].scale) ?? 0
      state[HeatmapScreen.self].scale = all[(index + 1) % all.count]
      return []
    },
    Binding(
      "v", name: "next map", help: "Weights, activations, keys, values: the next map.",
      isHint: true,
      unless: { noMap($0) ?? (maps($0).count > 1 ? nil : "There is one map only") }
    ) { state in
      let next = (state[HeatmapScreen.self].map + 1) % max(1, maps(state).count)
      let scale = state[HeatmapScreen.self].scale
      state[HeatmapScreen.self] = View()
      state[HeatmapScreen.self].map = next
      state[HeatmapScreen.self].scale = scale
      return []
    },
    Binding(
      "f", "space", name: "cell back",
      help: "Put the cell back to FP, or to what the base has, or take it as it was quantized.",
      isHint: true, unless: noMap
    ) {
      state in
      let view = state[HeatmapScreen.self]
      return toggle(shown(state)?.addresses(view.row, view.column) ?? [], &state)
    },
    Binding(
      "-", name: "row back", help: "Put the whole row (a block) back to FP or the base, or not.",
      unless: noMap
    ) { state in
      guard let shown = shown(state) else { return [] }
      let row = state[HeatmapScreen.self].row
      return toggle(shown.map.columns.indices.flatMap { shown.addresses(row, $0) }, &state)
    },
    Binding(
      "|", name: "column back", help: "Put the whole column back to FP or the base, or not.",
      unless: noMap
    ) { state in
      guard let shown = shown(state) else { return [] }
      let column = state[HeatmapScreen.self].column
      return toggle(shown.map.rows.indices.flatMap { shown.addresses($0, column) }, &state)
    },
    Binding(
      "m", name: "measure KL", help: "Measure the KL with the marked cells back in FP.",
      isHint: true,
      unless: unmarked
    ) { state in
      let cells = state[HeatmapScreen.self].restored.sorted {
        ($0.row, $0.column) < ($1.row, $1.column)
      }
      return state.start(
        RestoreJob(map: state[HeatmapScreen.self].map, cells: cells, windows: windows))
    },
    Binding(
      "u", name: "keep in FP",
      help: "Keep the marked cells in FP: an exception for each goes into the recipe.",
      isHint: true, unless: cannotKeep
    ) { state in keep(&state) },
    Binding(
      "i", name: "KL of each alone",
      help: "Measure the KL of each cell alone quantized. Takes a while.", unless: noMap
    ) {
      state in state.start(SensitivityJob(windows: windows))
    },
    Binding(
      "backspace", name: "back",
      help: "Close the details of the cell, or the experts of the block.",
      unless: {
        $0[HeatmapScreen.self].isOpen || $0[HeatmapScreen.self].block != nil
          ? nil : "No cell is open: Enter looks into the one chosen"
      }
    ) { state in back(&state) },
  ]

  /// Closes what is open: details first, then the experts of a block.
  private static func back(_ state: inout State) -> [Effect] {
    let view = state[HeatmapScreen.self]
    guard !view.isOpen else {
      state[HeatmapScreen.self].isOpen = false
      return []
    }
    guard let block = view.block, let inside = shown(state) else { return [] }
    let role =
      inside.map.columns.indices.contains(view.column) ? inside.map.columns[view.column] : ""
    state[HeatmapScreen.self].block = nil
    state[HeatmapScreen.self].row = block
    state[HeatmapScreen.self].column = shown(state)?.map.columns.firstIndex(of: role) ?? 0
    return []
  }

  /// Looks at the experts of a block, the worst of the chosen role first.
  private static func openExperts(_ state: inout State) -> [Effect] {
    let view = state[HeatmapScreen.self]
    guard let outside = shown(state), outside.map.columns.indices.contains(view.column) else {
      return []
    }
    let role = outside.map.columns[view.column]
    state[HeatmapScreen.self].block = view.row
    state[HeatmapScreen.self].isOpen = false
    guard let inside = shown(state) else { return [] }
    let column = inside.map.columns.firstIndex(of: role) ?? 0
    state[HeatmapScreen.self].column = column
    state[HeatmapScreen.self].row = inside.worstRow(column, by: metric(state))
    return []
  }

  /// Windows of text that a quick KL is taken over.
  private static let windows = 4

  package static func mark(_ state: inout State) {
    let view = state[HeatmapScreen.self]
    guard noMap(state) == nil, let cells = shown(state)?.addresses(view.row, view.column) else {
      return
    }
    state[HeatmapScreen.self].restored.formUnion(cells)
  }

  private static func toggle(_ cells: [CellAddress], _ state: inout State) -> [Effect] {
    guard map(state) != nil else { return [] }
    if cells.allSatisfy({ state[HeatmapScreen.self].restored.contains($0) }) {
      state[HeatmapScreen.self].restored.subtract(cells)
    } else {
      state[HeatmapScreen.self].restored.formUnion(cells)
    }
    return []
  }

  @Sendable private static func noMap(_ state: State) -> String? {
    guard map(state) == nil else { return nil }
    if let reason = state.lacksQuantized { return reason }
    return state.facts.holdsCandidate && state.facts.quantized == nil
      ? "Layers are not compared yet: Enter does it" : "This run has no map"
  }

  @Sendable private static func unmarked(_ state: State) -> String? {
    if let reason = noMap(state) { return reason }
    return state[HeatmapScreen.self].restored.isEmpty
      ? "No cell is marked: f marks one, - a row, | a column" : nil
  }

  /// Why the marked cells cannot be kept in FP: they must be layers, which a recipe can leave alone.
  @Sendable private static func cannotKeep(_ state: State) -> String? {
    if let reason = unmarked(state) { return reason }
    if state.facts.quantized?.file != nil {
      return "A file stays as it is: open its base (1) and quantize by a recipe of your own"
    }
    let isOfLayers = map(state)?.columns.allSatisfy { Projection(rawValue: $0) != nil } ?? false
    return isOfLayers
      ? nil : "A recipe keeps whole layers in FP; these cells are none: v shows them"
  }

  /// A new run has other maps: the cursor begins anew.
  package static func heard(_ event: JobEvent, of job: TrackedJob, _ state: inout State) {
    guard case .finished = event, job.isOf(QuantizeJob.self) || job.isOf(LayersJob.self) else {
      return
    }
    state[HeatmapScreen.self] = View()
  }

  /// Makes exceptions of the marked cells, so that the next run leaves them in FP.
  private static func keep(_ state: inout State) -> [Effect] {
    guard let map = map(state) else { return [] }
    let new = map.exceptions(for: state[HeatmapScreen.self].restored)
    // Without a recipe for the next run it is that of the map.
    if state.choices.recipe.isBaseline, let shown = state.facts.quantized?.recipe {
      state.choices.recipe = shown
    }
    state.choices.recipe.exceptions.removeAll { new.contains($0) }
    state.choices.recipe.exceptions += new
    let names = map.names(of: state[HeatmapScreen.self].restored)
    let list = names.count > 3 ? "\(names.count) exceptions" : names.joined(separator: ", ")
    state.say(
      .done,
      "Kept in FP by the recipe: \(list). Quantize again (4, Enter), then write it")
    return state.reassess()
  }

  /// Whether the recipe of the map left a layer in FP.
  static func isProtected(_ cell: CellAddress, _ map: ErrorMap, _ state: State) -> Bool {
    guard let recipe = state.facts.quantized?.recipe, !recipe.exceptions.isEmpty,
      map.columns.indices.contains(cell.column),
      let projection = Projection(rawValue: map.columns[cell.column])
    else { return false }
    return recipe.treatment(of: LinearID(block: cell.row, projection: projection)) == .fp
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

  /// What is drawn of the map.
  static func shown(_ state: State) -> ShownMap? {
    map(state).map { ShownMap($0, block: state[HeatmapScreen.self].block) }
  }

  /// The map that is looked at, with a column for each expert.
  static func map(_ state: State) -> ErrorMap? {
    let maps = maps(state)
    return maps.indices.contains(state[HeatmapScreen.self].map)
      ? maps[state[HeatmapScreen.self].map] : maps.first
  }

  static func metric(_ state: State) -> ErrorMap.Metric {
    guard let metrics = map(state)?.metrics, !metrics.isEmpty else { return .relativeError }
    return metrics[min(max(0, state[HeatmapScreen.self].metric), metrics.count - 1)]
  }

  package static func step(_ state: State) -> Step? {
    guard let shown = shown(state) else {
      guard state.facts.holdsCandidate else {
        return .go("quantize first", to: Place.calibrate)
      }
      guard state.jobs.active == nil else { return nil }
      return Step("compare layers") { state in
        state.start(LayersJob(calibration: state.choices.calibration))
      }
    }
    let view = state[HeatmapScreen.self]
    guard !view.isOpen || !isDetailShown(state) else {
      return .go("measure quality", to: Place.quality)
    }
    if shown.holdsExperts(view.row, view.column) {
      return Step("experts of \(shown.map.name(view.row, view.column))") { state in
        openExperts(&state)
      }
    }
    return Step("look into \(shown.name(view.row, view.column))") { state in
      state[HeatmapScreen.self].isOpen = true
      guard !isDetailShown(state), let cell = shown.address(view.row, view.column) else {
        return []
      }
      return state.start(
        CellJob(map: state[HeatmapScreen.self].map, row: cell.row, column: cell.column))
    }
  }

  /// Whether the details of the cursor's cell are known.
  static func isDetailShown(_ state: State) -> Bool {
    let view = state[HeatmapScreen.self]
    guard let cell = state.facts.cell, let address = shown(state)?.address(view.row, view.column)
    else { return false }
    return cell.map == view.map && cell.row == address.row && cell.column == address.column
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard let map = shown(state)?.map else { return [] }
    if motion.horizontal != 0 {
      let column = state[HeatmapScreen.self].column + motion.horizontal
      state[HeatmapScreen.self].column = column.clamped(0, max(0, map.columns.count - 1))
    } else {
      state[HeatmapScreen.self].row = motion.moved(
        state[HeatmapScreen.self].row, count: map.rows.count)
    }
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    guard let shown = shown(state) else {
      drawEmpty(state, in: rect, of: &buffer, look: look)
      return
    }
    if state[HeatmapScreen.self].isOpen, isDetailShown(state), let detail = state.facts.cell {
      let panel = CellDetailPanel(
        detail: detail, map: shown.whole, figures: figures(state, shown))
      // The details of the cell need the room of the map, unless there is much.
      guard rect.width >= 150 else { return panel.draw(in: rect, of: &buffer, look: look) }
      let columns = rect.columns([.fill(weight: 2), .fill(weight: 3)])
      drawMap(state, shown, in: columns[0], of: &buffer, look: look)
      panel.draw(in: columns[1], of: &buffer, look: look)
      return
    }
    let right = rect.width >= 150 ? 64 : rect.width >= 96 ? 46 : rect.width * 19 / 40
    let columns = rect.columns([.fill(), .fixed(right)])
    drawMap(state, shown, in: columns[0], of: &buffer, look: look)
    let advice = state.facts.quantized.flatMap { report in
      state.facts.model.flatMap { ProtectionAdvice(shown.whole, of: report, shape: $0.shape) }
    }
    CellPanel(
      map: shown.whole, view: state[HeatmapScreen.self], figures: figures(state, shown),
      protection: ProtectionPanel(
        map: shown.map, metric: shown.map.metrics.contains(.aloneKL) ? .aloneKL : metric(state),
        advice: advice, isCandidate: state.facts.holdsCandidate),
      measured: state.facts.restored, modelBytes: state.facts.quantized?.outputBytes ?? 0,
      canKeep: cannotKeep(state) == nil
    ).draw(in: columns[1], of: &buffer, look: look)
  }

  private static func figures(_ state: State, _ shown: ShownMap) -> CellFigures {
    let view = state[HeatmapScreen.self]
    let cells = shown.addresses(view.row, view.column)
    return CellFigures(
      map: shown.map, name: shown.name(view.row, view.column), row: view.row, column: view.column,
      isRestored: !cells.isEmpty && cells.allSatisfy(view.restored.contains),
      isProtected: !cells.isEmpty && cells.allSatisfy { isProtected($0, shown.whole, state) },
      isCandidate: state.facts.holdsCandidate)
  }

  private static func drawMap(
    _ state: State, _ shown: ShownMap, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let view = state[HeatmapScreen.self]
    let inFP = shown.places { cell in
      view.restored.contains(cell) || isProtected(cell, shown.whole, state)
    }
    MapPanel(
      map: shown.map, metric: metric(state), view: view, count: maps(state).count, inFP: inFP
    ).draw(in: rect, of: &buffer, look: look)
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if let base = state.facts.model?.against {
      let isRunning = state.jobs.active?.isOf(LayersJob.self) == true
      let lines: [StyledText] = [
        "Here stands what sets each layer of \(state.facts.model?.name ?? "") apart from that of \(base.name): the error of "
          + "its weights, and of its output on the calibration text.", "",
        isRunning
          ? .hint("Layers appear when all are compared.") : .press("Enter", "compares all layers"),
      ]
      return buffer.draw(
        EmptyState(isRunning ? "Comparing" : "Not compared yet", lines), in: rect, look: look)
    }
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

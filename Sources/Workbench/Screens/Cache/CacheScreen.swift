import Engine
package import Evaluation
import Models
import Quantization
package import TerminalUI

/// KV caches side by side: bytes, quality at depth, and where in the model a quantized cache hurts.
package enum CacheScreen: Screen {
  package static let id = "caches"
  package static let title = "Caches"
  package static let question = "What does a smaller KV cache cost, and which heads pay for it?"

  /// What lies below the table.
  package enum Pane: String, Hashable, Sendable, CaseIterable {
    case picture, depths, map
  }

  /// Where the cursors are.
  package struct View: Remembered {
    /// The row of the table.
    package var row = 0
    package var pane = Pane.picture
    /// What the map shows.
    package var side = CacheErrorMap.Side.keys
    /// The cell of the map.
    package var layer = 0
    package var head = 0

    package init() {}
  }

  /// How the caches are measured.
  package struct Choice: Remembered {
    /// What fills a quantized cache to the depth.
    package var prefill = CacheSchedule.passes

    package init() {}
  }

  package static let shortcut = Shortcut(
    "K", name: "caches",
    help: "Compare KV caches: bytes, quality at depth, and which heads lose most.")

  package static let bindings: [Binding] = [
    Binding(
      "m", name: "measure",
      help: "Decode through every cache, the FP16 cache alongside on the same tokens.",
      isHint: true, unless: \.cannotMeasure
    ) { state in measure(&state) },
    Binding(
      "v", name: "other view",
      help: "Show KL over bytes, quality by depth, or the errors of each layer and KV head.",
      isHint: true, unless: { uncompared($0) }
    ) { state in
      let panes = Pane.allCases
      let next = (panes.firstIndex(of: state[CacheScreen.self].pane) ?? 0) + 1
      state[CacheScreen.self].pane = panes[next % panes.count]
      return []
    },
    Binding(
      ",", name: "K, V or both",
      help: "Show errors of the output with keys, values or both quantized, or of the scores.",
      isHint: true, unless: { uncompared($0) ?? noMap($0) }
    ) { state in
      let sides = sides
      let next = (sides.firstIndex(of: state[CacheScreen.self].side) ?? 0) + 1
      state[CacheScreen.self].side = sides[next % sides.count]
      return []
    },
    Binding(
      ".", name: "other cache", help: "Show the map of the next cache.",
      unless: { uncompared($0) ?? noMap($0) }
    ) { state in
      let count = state.facts.caches?.rows.count ?? 0
      state[CacheScreen.self].row = count > 0 ? (row(state) + 1) % count : 0
      return []
    },
    Binding(
      "e", name: "type a value",
      help: "Type what fills a quantized cache: passes that read it as they go, or full precision."
    ) { state in
      state.edit(prompts(state).first)
      return []
    },
    Binding(
      "u", name: "use", help: "Take the chosen cache into the recipe.", isHint: true,
      unless: { uncompared($0) }
    ) { state in use(&state) },
  ]

  package static func prompts(_ state: State) -> [Setting] {
    let prefill = state.choices[CacheScreen.self].prefill.rawValue
    return [
      Setting(
        "prefill", .text(prefill, caret: nil),
        help:
          "What fills a quantized cache to the depth: passes that read it as they go, or full precision, quantized after "
          + "it, as in KIVI's paper. The next measurement is made so.",
        editable: prefill,
        take: { state, text in
          guard let schedule = CacheSchedule(rawValue: text.trimmed) else {
            return .refused(expected: "passes or full")
          }
          state.choices[CacheScreen.self].prefill = schedule
          return .taken([])
        })
    ]
  }

  /// The order of the map's sides.
  private static let sides: [CacheErrorMap.Side] = [.keys, .values, .both, .scores]

  /// The newest job of this screen.
  static func job(_ state: State) -> TrackedJob? {
    state.jobs.latest(CachesJob.self)
  }

  private static func uncompared(_ state: State) -> String? {
    chosen(state) == nil ? "No cache is measured yet: m compares them" : nil
  }

  private static func noMap(_ state: State) -> String? {
    state[CacheScreen.self].pane == .map ? nil : "Only on the map of layers and heads: v shows it"
  }

  /// The row under the cursor.
  static func row(_ state: State) -> Int {
    state[CacheScreen.self].row.clamped(0, max(0, (state.facts.caches?.rows.count ?? 1) - 1))
  }

  /// The cache under the cursor.
  static func chosen(_ state: State) -> CacheReport.Row? {
    guard let rows = state.facts.caches?.rows, !rows.isEmpty else { return nil }
    return rows[row(state)]
  }

  /// Every method as it stands, TurboQuant's unbiased form next to its plain one, and the recipe's own cache.
  private static func measure(_ state: inout State) -> [Effect] {
    var caches = state.catalog.methods.filter { $0.target == .kvCache }.flatMap { description in
      var choices = [MethodChoice(method: description.name)]
      if description.options.contains(where: { $0.key == "form" }) {
        choices.append(
          MethodChoice(method: description.name, options: ["form": .choice("prod")]))
      }
      return choices.map { Recipe(keys: $0, values: $0) }
    }
    let own = Recipe(keys: state.choices.recipe.keys, values: state.choices.recipe.values)
    if !own.isBaseline, !caches.contains(own) { caches.append(own) }
    return state.start(
      CachesJob(
        options: CacheOptions(
          caches: caches, windows: 4, generate: 32, recallDocuments: 4,
          prefill: state.choices[CacheScreen.self].prefill == .full ? .full : nil)))
  }

  private static func use(_ state: inout State) -> [Effect] {
    guard let row = chosen(state) else { return [] }
    state.choices.recipe.keys = row.recipe.keys
    state.choices.recipe.values = row.recipe.values
    state.say(.done, "The recipe has the cache \(row.name) now")
    return state.reassess()
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    guard state.jobs.active == nil else { return nil }
    guard state.facts.caches != nil else {
      return Step("compare caches") { state in measure(&state) }
    }
    guard state[CacheScreen.self].pane == .map else {
      return Step("errors by layer and head") { state in
        state[CacheScreen.self].pane = .map
        return []
      }
    }
    return MethodScreen.step("choose a method", for: .kvCache)
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard state[CacheScreen.self].pane == .map, let map = chosen(state)?.map else {
      state[CacheScreen.self].row = motion.moved(
        row(state), count: state.facts.caches?.rows.count ?? 0, page: 4)
      return []
    }
    let heads = map.scores.first?.count ?? 0
    if motion.horizontal != 0 {
      state[CacheScreen.self].head = (state[CacheScreen.self].head + motion.horizontal).clamped(
        0, max(0, heads - 1))
    } else {
      state[CacheScreen.self].layer = motion.moved(
        state[CacheScreen.self].layer, count: map.scores.count, page: 4)
    }
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let job = job(state).flatMap { $0.status.isOver ? nil : $0 }
    let top = job != nil ? 7 : rect.height >= 26 ? 6 : 5
    let parts = rect.rows([.fixed(top), .fill()])
    if let job {
      JobPanel(job: job, now: state.now).draw(in: parts[0], of: &buffer, look: look)
    } else {
      CacheAnswer(report: state.facts.caches, row: chosen(state)).draw(
        in: parts[0], of: &buffer, look: look)
    }
    guard let report = state.facts.caches, !report.rows.isEmpty else {
      return drawEmpty(state, in: parts[1], of: &buffer, look: look)
    }
    let isWide = rect.width >= 96
    let view = state[CacheScreen.self]
    let cache = report.rows[row(state)]
    if view.pane == .map {
      let columns = parts[1].columns([.fill(), .fixed(isWide ? 46 : 36)])
      HeadMap(row: cache, side: view.side, layer: view.layer, head: view.head).draw(
        in: columns[0], of: &buffer, look: look)
      HeadDetail(row: cache, side: view.side, layer: view.layer, head: view.head).draw(
        in: columns[1], of: &buffer, look: look)
      return
    }
    let body = parts[1].rows([
      .fixed(min(report.rows.count + 3, max(6, parts[1].height / 2))), .fill(),
    ])
    CacheTable(report: report, selected: row(state)).draw(in: body[0], of: &buffer, look: look)
    let below = isWide ? body[1].columns([.fill(), .fill()]) : [body[1], body[1]]
    if isWide || view.pane == .picture {
      CachePicture(report: report, selected: row(state)).draw(
        in: below[0], of: &buffer, look: look)
    }
    if isWide || view.pane == .depths {
      CacheDepths(row: cache, windows: report.facts.windows).draw(
        in: below[1], of: &buffer, look: look)
    }
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let next = step(state).map { StyledText.press("Enter", $0.label) } ?? ""
    buffer.draw(
      EmptyState(
        "Nothing is measured yet",
        [
          "Text is read to a depth, then decoded token by token through every cache, the FP16 cache "
            + "next to them on the same tokens.",
          "You see bytes a token, KL, recall, where continuations part, and which layers and heads "
            + "lose most with keys or values quantized.", "", next,
        ]), in: rect, look: look)
  }
}

import Engine
import Profiling
package import TerminalUI

/// Why a quantized model is not faster: every execution provider, and single kernels taken away.
package enum ProviderScreen: Screen {
  package static let id = "providers"
  package static let title = "Providers"
  package static let question = "Why is my quantized model not faster: which kernels does it need?"

  /// Where the cursors are.
  package struct View: Remembered {
    package var row = 0
    /// Bars show prefill instead of decode.
    package var showsPrefill = false

    package init() {}
  }

  package static let shortcut = Shortcut(
    "P", name: "providers",
    help: "See why a quantized model is not faster: every provider, and kernels taken away.")

  package static let bindings: [Binding] = [
    Binding(
      "m", name: "measure",
      help: "Run the model under every provider, and without single kernels, BF16 alongside.",
      isHint: true, unless: \.cannotMeasure
    ) { state in measure(&state) },
    Binding(
      "v", name: "prefill or decode", help: "Let the bars show decode, or prefill.", isHint: true,
      unless: { $0.facts.providers == nil ? "Nothing is measured yet: m measures it" : nil }
    ) { state in
      state[ProviderScreen.self].showsPrefill.toggle()
      return []
    },
  ]

  /// The newest job of this screen.
  static func job(_ state: State) -> TrackedJob? {
    state.jobs.latest(ProvidersJob.self)
  }

  private static func measure(_ state: inout State) -> [Effect] {
    state[ProviderScreen.self].row = 0
    return state.start(ProvidersJob(options: ProviderOptions(seconds: 30)))
  }

  /// The row under the cursor.
  static func row(_ state: State) -> Int {
    state[ProviderScreen.self].row.clamped(0, max(0, (state.facts.providers?.rows.count ?? 1) - 1))
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    guard state.jobs.active == nil else { return nil }
    guard state.facts.providers != nil else {
      return Step("compare providers") { state in measure(&state) }
    }
    return .go("look at the kernels", to: Place.profile)
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state[ProviderScreen.self].row = motion.moved(
      row(state), count: state.facts.providers?.rows.count ?? 0, page: 4)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let job = job(state).flatMap { $0.status.isOver ? nil : $0 }
    guard let report = state.facts.providers, !report.rows.isEmpty else {
      let parts = rect.rows([.fixed(job == nil ? 0 : 7), .fill()])
      if let job { JobPanel(job: job, now: state.now).draw(in: parts[0], of: &buffer, look: look) }
      return drawEmpty(state, in: parts[1], of: &buffer, look: look)
    }
    let isRoomy = rect.height >= 24
    let parts = rect.rows([
      .fixed(job != nil ? 7 : isRoomy ? 7 : 5),
      .fixed(min(report.rows.count + 3, max(5, rect.height / 2))), .fill(),
    ])
    if let job {
      JobPanel(job: job, now: state.now).draw(in: parts[0], of: &buffer, look: look)
    } else {
      ProviderAnswer(report: report).draw(in: parts[0], of: &buffer, look: look)
    }
    ProviderTable(report: report, selected: row(state)).draw(
      in: parts[1], of: &buffer, look: look)
    let below = parts[2].columns(
      rect.width >= 96 ? [.fill(), .fill()] : [.fill(weight: 3), .fill(weight: 4)])
    ProviderBars(report: report, showsPrefill: state[ProviderScreen.self].showsPrefill).draw(
      in: below[0], of: &buffer, look: look)
    ProviderDetail(report: report, row: report.rows[row(state)]).draw(
      in: below[1], of: &buffer, look: look)
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let next = step(state).map { StyledText.press("Enter", $0.label) } ?? ""
    let what: StyledText =
      state.facts.model == nil || state.facts.quantized != nil || state.facts.model?.recipe != nil
        || state.facts.holdsCandidate
      ? "" : .hint("Nothing is quantized yet: BF16 alone would be compared.")
    buffer.draw(
      EmptyState(
        "Nothing is measured yet",
        [
          "A smaller file is only faster where a kernel multiplies it as it is. Here the model runs "
            + "under every provider of this machine (plain C, AVX2, AVX-512), BF16 alongside,",
          "and then with its own kernels disabled, one at a time, so that they fall back to weights "
            + "expanded to BF16. It takes about half a minute.", "", next, what,
        ]), in: rect, look: look)
  }
}

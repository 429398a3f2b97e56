package import Engine
import Models
import Operators
import Profiling
package import TerminalUI

/// Checks 3 and 4, whether quantized operators really ran and the bottleneck shrank.
package enum ProfileScreen: Screen {
  package static let id = Place.profile
  package static let title = "Profile"
  package static let question =
    "Did the quantized operators really run, and did the bottleneck shrink?"

  /// What is looked at.
  package struct View: Remembered {
    package enum Phase: Int, Hashable, Sendable, CaseIterable {
      case decode, prefill, both

      var words: String {
        switch self {
        case .decode: "decode"
        case .prefill: "prefill"
        case .both: "prefill and decode"
        }
      }
    }

    package enum Pane: Int, Hashable, Sendable, CaseIterable {
      case kernels, roofline, options, layers
    }

    package var phase = Phase.decode
    package var showsBaseline = false
    package var pane = Pane.kernels
    package var selected = 0
    package var option = 0
    /// The cell of the layers.
    package var layer = 0
    package var column = 0
    /// Memory as the process holds it, instead of each side's own.
    package var showsProcess = false

    package init() {}
  }

  /// How speed is measured.
  package struct Choice: Remembered {
    package var bench = BenchOptions()

    package init() {}
  }

  package static let shortcut = Shortcut("7")
  package static let isInWalk = true

  package static func isDone(_ state: State) -> Bool { state.facts.bench != nil }

  package static let bindings: [Binding] = [
    Binding(
      "v", name: "phase", help: "Kernels of decode, of prefill, or of both.", isHint: true,
      unless: unmeasured
    ) { state in
      let next = (state[ProfileScreen.self].phase.rawValue + 1) % View.Phase.allCases.count
      state[ProfileScreen.self].phase = View.Phase(rawValue: next) ?? .decode
      state[ProfileScreen.self].selected = 0
      return []
    },
    Binding(
      "b", name: "baseline", help: "Kernels of the baseline, or of the quantized model.",
      isHint: true, unless: unmeasured
    ) {
      state in
      state[ProfileScreen.self].showsBaseline.toggle()
      state[ProfileScreen.self].selected = 0
      return []
    },
    Binding(
      "i", name: "layers", help: "Time and bound of each operator in each block, or all kernels.",
      isHint: true, unless: unmeasured
    ) { state in
      state[ProfileScreen.self].pane =
        state[ProfileScreen.self].pane == .layers ? .kernels : .layers
      return []
    },
    Binding(
      ".", name: "memory",
      help: "Memory as this process holds it, by kind, or what each side needs by arithmetic.",
      unless: unmeasured
    ) { state in
      state[ProfileScreen.self].showsProcess.toggle()
      return []
    },
    Binding(
      "m", name: "measure",
      help: "Measure speed again, baseline alongside: as set here, and under the planned workload.",
      isHint: true, unless: \.lacksModel
    ) { state in measure(&state) },
    Binding(
      "e", "space", name: "type a value", help: "Type the value of the chosen option.",
      unless: { cannotType($0[ProfileScreen.self].option, $0) }
    ) { state in
      state[ProfileScreen.self].pane = .options
      return typeValue(state[ProfileScreen.self].option, &state)
    },
  ]

  @Sendable private static func unmeasured(_ state: State) -> String? {
    state.facts.bench == nil
      ? state.lacksQuantized ?? "No speed is measured yet: m measures it" : nil
  }

  /// Speed as it is set here, then the planned workload.
  private static func measure(_ state: inout State) -> [Effect] {
    var effects = state.start(BenchJob(options: state.choices[ProfileScreen.self].bench))
    if state.facts.quantized != nil || state.facts.holdsCandidate {
      effects += state.start(
        WorkloadJob(workload: state.choices.workload, machine: state.choices.machine))
    }
    return effects
  }

  /// The side that is looked at.
  static func side(_ state: State) -> BenchReport.Side? {
    guard let bench = state.facts.bench else { return nil }
    return state[ProfileScreen.self].showsBaseline ? bench.baseline : bench.quantized
  }

  /// The kernels of the phase that is looked at, most time first.
  static func kernels(_ state: State) -> [KernelRecord] {
    guard let side = side(state) else { return [] }
    let kernels =
      switch state[ProfileScreen.self].phase {
      case .decode: side.decodeKernels
      case .prefill: side.prefillKernels
      case .both: side.kernels
      }
    return kernels.sorted { $0.seconds > $1.seconds }
  }

  /// What each operator of each block did in the phase that is looked at.
  static func layers(_ state: State) -> [LayerProfile.Row] {
    guard let layers = side(state)?.layers else { return [] }
    return switch state[ProfileScreen.self].phase {
    case .decode: layers.decode
    case .prefill: layers.prefill
    case .both: layers.prefill + layers.decode
    }
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.quantized != nil || state.facts.holdsCandidate else {
      return .go("quantize first", to: Place.calibrate)
    }
    let isOver = [state.jobs.latest(BenchJob.self), state.jobs.latest(WorkloadJob.self)]
      .allSatisfy { $0?.status.isOver ?? true }
    guard isOver else { return nil }
    if state.facts.bench != nil { return .go("hear the verdict", to: Place.verdict) }
    return Step("measure speed") { state in measure(&state) }
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    let count = View.Pane.allCases.count
    let next = (state[ProfileScreen.self].pane.rawValue + direction + count) % count
    state[ProfileScreen.self].pane = View.Pane(rawValue: next) ?? .kernels
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    if state[ProfileScreen.self].pane == .options {
      return moveForm(motion, \.option, &state)
    }
    if state[ProfileScreen.self].pane == .layers {
      let grid = LayerGrid(layers(state))
      if motion.horizontal != 0 {
        state[ProfileScreen.self].column =
          (grid.column(state[ProfileScreen.self]) + motion.horizontal)
          .clamped(0, max(0, grid.columns.count - 1))
      } else {
        state[ProfileScreen.self].layer = motion.moved(
          grid.row(state[ProfileScreen.self]), count: grid.blocks.count)
      }
      return []
    }
    state[ProfileScreen.self].selected = motion.moved(
      state[ProfileScreen.self].selected, count: kernels(state).count)
    return []
  }

  package static func settings(_ state: State) -> [Setting] {
    let options = state.choices[ProfileScreen.self].bench
    return [
      .number(
        "prompt", options.prompt, unit: "tokens",
        help: "Tokens of the prompt that prefill computes.",
        ladder: Setting.powers(from: 4, through: 16), in: 1...(1 << 24)
      ) { state, value in
        state.choices[ProfileScreen.self].bench.prompt = value
        return []
      },
      .number(
        "generate", options.generate, unit: "tokens", help: "Tokens that are decoded one by one.",
        ladder: Setting.powers(from: 2, through: 13), in: 1...(1 << 20)
      ) { state, value in
        state.choices[ProfileScreen.self].bench.generate = value
        return []
      },
      .number(
        "depth", options.depth, unit: "tokens",
        help: "Tokens already in the cache when decoding begins: what a KV method is for.",
        ladder: [0] + Setting.powers(from: 7, through: 20), in: 0...(1 << 30)
      ) { state, value in
        state.choices[ProfileScreen.self].bench.depth = value
        return []
      },
      .number(
        "repetitions", options.repetitions,
        help: "Runs of each side, interleaved; the median counts.",
        ladder: Array(1...20), in: 1...1000
      ) { state, value in
        state.choices[ProfileScreen.self].bench.repetitions = value
        return []
      },
      Setting(
        "next to", .choice(StyledText(options.witness?.rawValue ?? "none")),
        help: "Another program that runs the same model right after, where it is installed.",
        step: { state, direction in
          let all: [Witness?] = [nil] + Witness.timed.map { $0 }
          let place = all.firstIndex(of: options.witness) ?? 0
          state.choices[ProfileScreen.self].bench.witness =
            all[(place + direction + all.count) % all.count]
          return []
        }),
    ]
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    guard let bench = state.facts.bench else {
      drawUnmeasured(state, in: rect, of: &buffer, look: look)
      return
    }
    let isLarge = rect.width >= 120 && rect.height >= 34
    // Small screens are the picture's alone while one looks at it.
    let isPicture = state[ProfileScreen.self].pane == .roofline && !isLarge && rect.height < 34
    let upper = isPicture ? 0 : min(10, rect.height / 2)
    let planned = rect.height >= 22 && !isPicture ? 4 : 0
    let witness = bench.witnesses?.first
    let limits = LimitLine(side(state))
    let rows = rect.rows([
      .fixed(upper), .fixed(planned), .fixed(witness == nil ? 0 : 1), .fill(),
      .fixed(limits == nil ? 0 : 1), .fixed(bench.notes?.isEmpty ?? true ? 0 : 1),
    ])
    if let note = bench.notes?.last { buffer.line(.warn(note), in: rows[5], look: look) }
    if let limits { buffer.draw(limits, in: rows[4], look: look) }
    if let witness { buffer.draw(WitnessLine(speed: witness), in: rows[2], look: look) }
    if planned > 0 {
      buffer.draw(
        PlannedPanel(report: state.facts.workload, job: state.jobs.latest(WorkloadJob.self)),
        in: rows[1], look: look)
    }
    drawTop(state, bench, showsOptions: !isLarge, in: rows[0], of: &buffer, look: look)
    if isLarge {
      let lower = rows[3].columns([.fill(weight: 3), .fill(weight: 2)])
      let right = lower[1].rows([.fill(), .fixed(10)])
      drawKernels(state, in: lower[0], of: &buffer, look: look)
      buffer.draw(
        RooflinePanel(bench: bench, isFocused: state[ProfileScreen.self].pane == .roofline),
        in: right[0],
        look: look)
      drawOptions(state, in: right[1], of: &buffer, look: look)
    } else if state[ProfileScreen.self].pane == .roofline {
      buffer.draw(RooflinePanel(bench: bench, isFocused: true), in: rows[3], look: look)
    } else {
      drawKernels(state, in: rows[3], of: &buffer, look: look)
    }
  }

  /// Speeds, and next to them memory or the options.
  private static func drawTop(
    _ state: State, _ bench: BenchReport, showsOptions: Bool, in rect: Rect,
    of buffer: inout CellBuffer, look: Look
  ) {
    guard !rect.isEmpty else { return }
    let top = rect.columns([.fill(weight: 11), .fill(weight: 9)])
    buffer.draw(SpeedPanel(bench: bench), in: top[0], look: look)
    if state[ProfileScreen.self].pane == .options, showsOptions {
      drawOptions(state, in: top[1], of: &buffer, look: look)
    } else if state[ProfileScreen.self].showsProcess, let memory = bench.memory {
      buffer.draw(ProcessPanel(memory: memory), in: top[1], look: look)
    } else {
      buffer.draw(KindPanel(bench: bench), in: top[1], look: look)
    }
  }

  private static func drawKernels(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if state[ProfileScreen.self].pane == .layers {
      buffer.draw(
        LayerPanel(
          rows: layers(state), view: state[ProfileScreen.self], baseline: state.facts.baseline),
        in: rect, look: look)
    } else {
      buffer.draw(
        KernelPanel(
          kernels: kernels(state), view: state[ProfileScreen.self],
          baseline: state.facts.baseline), in: rect, look: look)
    }
  }

  private static func drawOptions(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let isFocused = state[ProfileScreen.self].pane == .options
    let room = buffer.box("how it is measured", in: rect, look: look, isFocused: isFocused)
    buffer.draw(
      SettingsForm(
        settings: settings(state), selected: isFocused ? state[ProfileScreen.self].option : nil),
      in: room, look: look)
  }

  private static func drawUnmeasured(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let columns = rect.columns([.fixed(rect.width * 2 / 5), .fill()])
    let box = columns[0].splitTop(min(10, rect.height)).top
    drawOptions(state, in: box, of: &buffer, look: look)
    let isRunning = state.jobs.active?.isOf(BenchJob.self)
    let lines: [StyledText] =
      isRunning == true
      ? ["Baseline and quantized model take turns, so that a busy machine is fair to both."]
      : [
        "A smaller file may still be slow. Here the same prompt runs through \(state.facts.baseline.phrase) and the "
          + "quantized model; the kernel trace says which code ran, and why where it fell back.",
        "",
        state.lacksQuantized != nil
          ? .press("Enter", "goes to Calibrate: nothing is quantized yet")
          : .press("Enter", "measures; Tab goes to the options"),
      ]
    buffer.draw(
      EmptyState(isRunning == true ? "Measuring" : "Not measured yet", lines), in: columns[1],
      look: look)
  }
}

import Operators
import Planning
import TerminalUI
import Wording

extension TargetScreen {
  /// The workload as a form; each change plans again.
  package static func settings(_ state: State) -> [Setting] {
    let work = state.choices.workload
    return [
      .number(
        "context", work.context, unit: "tokens",
        help: "Tokens that one request may hold at most, prompt and answer together.",
        ladder: Setting.powers(from: 7, through: 20), in: 1...(1 << 30)
      ) { state, value in
        state.choices.workload.context = value
        state.choices.workload.promptTokens = min(state.choices.workload.promptTokens, value)
        return state.replan()
      },
      .number(
        "requests", work.requests, unit: "at a time",
        help: "Requests whose caches are in memory at the same time.",
        ladder: Setting.powers(through: 12), in: 1...1_000_000
      ) { state, value in
        state.choices.workload.requests = value
        return state.replan()
      },
      prefix(work),
      .number(
        "prompt", work.promptTokens, unit: "tokens",
        help: "Tokens of a typical prompt: what prefill has to compute.",
        ladder: Setting.powers(from: 5, through: 20), in: 1...(1 << 30)
      ) { state, value in
        state.choices.workload.promptTokens = value
        return state.replan()
      },
      .number(
        "generate", work.generatedTokens, unit: "tokens",
        help: "Tokens of a typical answer: each is one decode step.",
        ladder: Setting.powers(from: 3, through: 16), in: 1...(1 << 30)
      ) { state, value in
        state.choices.workload.generatedTokens = value
        return state.replan()
      },
      .number(
        "batch", work.batch, unit: "sequences",
        help: "Sequences decoded in one step; they share one reading of the weights.",
        ladder: Setting.powers(through: 10), in: 1...65_536
      ) { state, value in
        state.choices.workload.batch = value
        return state.replan()
      },
      budget(work), machine(state),
    ]
  }

  private static func prefix(_ work: Workload) -> Setting {
    let percent = Int((work.sharedPrefix.isFinite ? work.sharedPrefix * 100 : 0).rounded())
    return .number(
      "prefix", percent, unit: "% shared",
      help: "Part of the context that all requests have in common, such as a system prompt.",
      ladder: Array(stride(from: 0, through: 100, by: 10)), in: 0...100
    ) { state, value in
      state.choices.workload.sharedPrefix = Double(value) / 100
      return state.replan()
    }
  }

  private static func budget(_ work: Workload) -> Setting {
    let ladder: [Double] = [0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 80, 96, 128, 192, 256, 512]
    let now = (work.memoryBudget ?? 0) / 1e9
    return Setting(
      "memory",
      .choice(
        StyledText(work.memoryBudget.map { Quantity.bytes($0) } ?? "what is there")),
      help: "Memory that weights, cache and activations may take. Type 24 for 24 GB, or 0 for what "
        + "the machine has.",
      editable: now == now.rounded() ? Quantity.fixed(now, 0) : "\(now)",
      step: { state, direction in
        let next = direction > 0 ? ladder.first { $0 > now } : ladder.last { $0 < now }
        guard let next else { return [] }
        state.choices.workload.memoryBudget = next > 0 ? next * 1e9 : nil
        return state.replan()
      },
      take: { state, text in
        guard let value = Double(text.trimmed), value >= 0, value <= 1e6 else {
          return .refused(expected: "gigabytes, such as 24, or 0 for what the machine has")
        }
        state.choices.workload.memoryBudget = value > 0 ? value * 1e9 : nil
        return .taken(state.replan())
      })
  }

  private static func machine(_ state: State) -> Setting {
    let names: [String?] = [nil] + state.catalog.machines.map(\.name)
    let index = names.firstIndex { $0 == state.choices.machine } ?? 0
    return Setting(
      "machine", .choice(StyledText(state.choices.machine ?? "this one")),
      help: "The machine to plan for: this one as measured, or one described by its data sheet.",
      step: { state, direction in
        let next = min(max(0, index + direction), names.count - 1)
        guard next != index else { return [] }
        state.choices.machine = names[next]
        return state.replan()
      })
  }
}

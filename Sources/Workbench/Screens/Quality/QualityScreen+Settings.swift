import Engine
import Evaluation
import Models
import TerminalUI

/// The form of the Quality screen: how quality is measured, and what is asked.
extension QualityScreen {
  package static func settings(_ state: State) -> [Setting] {
    let options = state.choices[QualityScreen.self].evaluation
    return measured(state) + asked(state) + [prefillSetting(options), beginSetting(options)]
  }

  /// How windows of text are scored.
  private static func measured(_ state: State) -> [Setting] {
    let options = state.choices[QualityScreen.self].evaluation
    return [
      protocolSetting(options),
      .number(
        "window", options.window ?? 0, unit: "tokens", zero: "the protocol's",
        help: "Tokens of a window; 0 takes the protocol's own, cut to the model's context.",
        ladder: [0] + Setting.powers(from: 6, through: 15), in: 0...(1 << 24)
      ) { state, value in
        state.choices[QualityScreen.self].evaluation.window = value == 0 ? nil : value
        return []
      },
      .number(
        "windows", options.windows ?? 0, unit: "at most", zero: "all",
        help: "Windows scored at most; 0 scores the whole text. More make the error bars smaller.",
        ladder: [0] + Setting.powers(through: 12), in: 0...1_000_000
      ) { state, value in
        state.choices[QualityScreen.self].evaluation.windows = value == 0 ? nil : value
        return []
      },
      Setting(
        "baseline", .choice(StyledText(options.baseline.rawValue.uppercased())),
        help: "BF16 is the checkpoint as people run it; F32 runs everything in float32.",
        step: { state, _ in
          state.choices[QualityScreen.self].evaluation.baseline =
            options.baseline == .bf16 ? .f32 : .bf16
          return []
        }),
    ]
  }

  /// What is continued and asked.
  private static func asked(_ state: State) -> [Setting] {
    [
      Setting(
        "prompt", .text(state.choices[QualityScreen.self].prompt, caret: nil),
        help: "Both models continue this prompt, most likely token first.",
        editable: state.choices[QualityScreen.self].prompt,
        take: { state, text in
          guard !text.isEmpty else { return .refused(expected: "a prompt") }
          state.choices[QualityScreen.self].prompt = text
          return .taken([])
        }),
      .number(
        "recall", state.choices[QualityScreen.self].recallDocuments, unit: "documents",
        help: "Long documents with facts at known depths; questions at the end ask for them.",
        ladder: Setting.powers(through: 8), in: 1...10_000
      ) { state, value in
        state.choices[QualityScreen.self].recallDocuments = value
        return []
      },
      Setting(
        "tasks", .text(state.choices[QualityScreen.self].tasks ?? "built-in", caret: nil),
        help:
          "JSON lines with choices or expected answers, or logged lm-eval samples; i asks them.",
        editable: state.choices[QualityScreen.self].tasks ?? "built-in",
        take: { state, text in
          let isOwn = text.isEmpty || text == "built-in"
          state.choices[QualityScreen.self].tasks = isOwn ? nil : text
          return .taken([])
        }),
    ]
  }

  private static func prefillSetting(_ options: EvaluationOptions) -> Setting {
    Setting(
      "prefill", .choice(StyledText((options.prefill ?? .passes).rawValue)),
      help:
        "What fills a quantized cache before the scored half: passes that read it as they go, or full precision and one "
        + "token a step after it, as in KIVI's paper.",
      step: { state, _ in
        state.choices[QualityScreen.self].evaluation.prefill =
          options.prefill == .full ? nil : .full
        return []
      })
  }

  private static func beginSetting(_ options: EvaluationOptions) -> Setting {
    Setting(
      "BOS", .choice(StyledText(options.begin.map { word($0) } ?? "the model's")),
      help:
        "Where the token that begins a text stands: at the head of each window, of the whole text, or nowhere; left to the "
        + "model, some families have it at each window.",
      step: { state, direction in
        let all = [nil] + WindowBegin.allCases.map { Optional($0) }
        let index = all.firstIndex(of: options.begin) ?? 0
        state.choices[QualityScreen.self].evaluation.begin =
          all[(index + direction + all.count) % all.count]
        return []
      })
  }

  private static func word(_ begin: WindowBegin) -> String {
    switch begin {
    case .nothing: "none"
    case .eachWindow: "window"
    case .text: "text"
    }
  }

  private static func protocolSetting(_ options: EvaluationOptions) -> Setting {
    let help =
      switch options.protocol {
      case .llamaCpp:
        "llama.cpp: windows of 512, the second half of each is scored, as llama-perplexity does."
      case .paper:
        "paper: windows of 2048, every position is scored, as the GPTQ and AWQ papers do."
      }
    return Setting(
      "protocol", .choice(StyledText(options.protocol.rawValue)), help: help,
      step: { state, _ in
        let all = EvaluationProtocol.allCases
        let index = all.firstIndex(of: options.protocol) ?? 0
        state.choices[QualityScreen.self].evaluation.protocol = all[(index + 1) % all.count]
        return []
      })
  }
}

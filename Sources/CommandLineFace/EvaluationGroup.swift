import ArgumentParser
import Engine
import Evaluation
import FoundationEssentials

/// How quality is measured.
struct EvaluationGroup: ParsableArguments {
  @Option(help: "Text file to evaluate on; the built-in one without it.")
  var text: String?

  @Option(name: .customLong("protocol"), help: "llama.cpp or paper.")
  var protocolName = "llama.cpp"

  @Option(
    name: .customLong("bos"),
    help:
      "Where the token stands that the tokenizer puts before a text: 'window' (at the head of each), 'text' (once, as in the papers' scripts), 'none'; without it the protocol's own place, and each window for models that are lost without it (Gemma)."
  )
  var begin: String?

  @Option(help: "Tokens of a window; the protocol's own without it, cut to the model's context.")
  var window: Int?

  @Option(help: "Windows at most; the whole text without it.")
  var windows: Int?

  @Option(
    help:
      "Number format of the baseline: bf16 or f32; or a file of its logits, as llama-perplexity --kl-divergence-base writes it, whose text, windows and protocol then count."
  )
  var baseline = "bf16"

  @Option(
    name: .customLong("write-logits"),
    help:
      "Write the logits of the measured model to a file that --baseline and llama-perplexity --kl-divergence read as their base."
  )
  var writeLogits: String?

  @Option(
    help:
      "What fills a quantized cache before the scored half: 'passes' that read it as they go, or 'full' precision and one token a step after it, as in KIVI's paper."
  )
  var prefill = "passes"

  func validate() throws {
    guard EvaluationProtocol(rawValue: protocolName) != nil else {
      throw ValidationError("--protocol: expected llama.cpp or paper, found '\(protocolName)'")
    }
    if let begin, Self.begins[begin] == nil {
      throw ValidationError("--bos: expected window, text or none, found '\(begin)'")
    }
    if begin != nil, begin != "window", isFile || writeLogits != nil {
      throw ValidationError(
        "\(isFile ? "--baseline FILE" : "--write-logits"): expected --bos window, as such files are read, found "
          + (begin ?? ""))
    }
    guard EvaluationOptions.Baseline(rawValue: baseline) != nil || isFile else {
      throw ValidationError(
        "--baseline: expected bf16 or f32, found '\(baseline)', which is no file of logits either")
    }
    if protocolName == EvaluationProtocol.paper.rawValue, isFile || writeLogits != nil {
      throw ValidationError(
        "\(isFile ? "--baseline FILE" : "--write-logits"): expected --protocol llama.cpp, since such files hold the second "
          + "half of windows, found paper")
    }
    guard CacheSchedule(rawValue: prefill) != nil else {
      throw ValidationError("--prefill: expected passes or full, found '\(prefill)'")
    }
    if prefill == CacheSchedule.full.rawValue, protocolName == EvaluationProtocol.paper.rawValue {
      throw ValidationError(
        "--prefill full: expected --protocol llama.cpp, since 'paper' scores a window from its first token and nothing "
          + "of the quantized cache would be read")
    }
    if let windows, windows < 1 {
      throw ValidationError("--windows: expected 1 or more, found \(windows)")
    }
  }

  private static let begins: [String: WindowBegin] = [
    "window": .eachWindow, "text": .text, "none": .nothing,
  ]

  /// Whether the baseline is a file.
  var isFile: Bool {
    EvaluationOptions.Baseline(rawValue: baseline) == nil
      && FileManager.default.fileExists(atPath: baseline)
  }

  var options: EvaluationOptions {
    EvaluationOptions(
      text: text, protocol: EvaluationProtocol(rawValue: protocolName) ?? .llamaCpp,
      window: window, windows: windows,
      baseline: EvaluationOptions.Baseline(rawValue: baseline) ?? .bf16,
      prefill: CacheSchedule(rawValue: prefill), logits: isFile ? baseline : nil,
      logitsOut: writeLogits, begin: begin.flatMap { Self.begins[$0] })
  }
}

extension EvaluationGroup {
  /// The options with what is said of texts.
  func options(_ texts: ChatTextOption) -> EvaluationOptions {
    var options = options
    if texts.chat, text != nil { options.chat = true }
    return options
  }
}

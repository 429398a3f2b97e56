/// What another program needed for the same work, measured right after ours on the same machine.
package struct WitnessSpeed: Hashable, Sendable, Codable {
  /// How much of the model it ran.
  package enum Part: String, Hashable, Sendable, Codable {
    case model
    /// The linear layers of the blocks alone: what an ONNX artifact holds.
    case linears
  }

  package var program: String
  package var version: String
  /// What it ran: `gguf, written for it`, or the path of a file.
  package var artifact: String
  package var part: Part
  package var threads: Int
  package var prefill: BenchReport.Rate
  package var decode: BenchReport.Rate
  /// Of the same part here: the quantized side, or what the trace of its kernels says of the linear layers.
  package var ourPrefill: BenchReport.Rate
  package var ourDecode: BenchReport.Rate
  /// What it says of its build and of the kernels it chose, a line each; empty where it says nothing.
  package var kernels: [String]

  package init(
    program: String, version: String, artifact: String, part: Part, threads: Int,
    prefill: BenchReport.Rate, decode: BenchReport.Rate, ourPrefill: BenchReport.Rate,
    ourDecode: BenchReport.Rate, kernels: [String]
  ) {
    self.program = program
    self.version = version
    self.artifact = artifact
    self.part = part
    self.threads = threads
    self.prefill = prefill
    self.decode = decode
    self.ourPrefill = ourPrefill
    self.ourDecode = ourDecode
    self.kernels = kernels
  }

  /// How many times as fast this program is as the other.
  package var prefillRatio: Double {
    ourPrefill.tokensPerSecond / max(1e-12, prefill.tokensPerSecond)
  }
  package var decodeRatio: Double { ourDecode.tokensPerSecond / max(1e-12, decode.tokensPerSecond) }

  package var partWords: String { part == .model ? "the model" : "linear layers alone" }
}

extension BenchReport {
  /// Rates of the linear layers of the blocks alone, of the trace's one round; nil in reports without a trace by layer.
  package var linearRates: (prefill: Rate, decode: Rate)? {
    guard let layers = quantized.layers else { return nil }
    func rate(_ rows: [LayerProfile.Row], tokens: Int) -> Rate? {
      let seconds = rows.filter { $0.block >= 0 && $0.operator.hasPrefix("linear ") }
        .reduce(0) { $0 + $1.seconds }
      return seconds > 0 ? Rate([Double(tokens) / seconds]) : nil
    }
    guard let prefill = rate(layers.prefill, tokens: promptTokens),
      let decode = rate(layers.decode, tokens: generatedTokens)
    else { return nil }
    return (prefill, decode)
  }
}

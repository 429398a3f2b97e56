package import Models
package import Operators

/// Speed, memory and kernels of a model, its baseline alongside.
package struct BenchReport: Hashable, Sendable, Codable {
  /// Tokens per second of one phase.
  package struct Rate: Hashable, Sendable, Codable {
    /// Median over the repetitions.
    package var tokensPerSecond: Double
    package var lowest: Double
    package var highest: Double
    /// Quartiles of the repetitions, and how many these were; nil in reports that were made without.
    package var lower: Double?
    package var upper: Double?
    package var repetitions: Int?

    package init(tokensPerSecond: Double, lowest: Double, highest: Double) {
      self.tokensPerSecond = tokensPerSecond
      self.lowest = lowest
      self.highest = highest
    }
  }

  /// One model measured: the quantized one, or the baseline.
  package struct Side: Hashable, Sendable, Codable {
    package var recipe: String
    package var prefill: Rate
    package var decode: Rate
    /// Seconds from an empty cache to the first generated token, median.
    package var firstTokenSeconds: Double
    package var weightBytes: Int
    package var kvBytesPerToken: Int
    /// Bytes by kind: `weights`, `packed weights`, `KV cache`, `activations`.
    package var memory: [String: Int]
    package var peakResidentBytes: Int
    package var provider: ExecutionProvider
    package var threads: Int
    /// Kernels of decode and prefill together.
    package var kernels: [KernelRecord]
    package var prefillKernels: [KernelRecord]
    package var decodeKernels: [KernelRecord]
    /// Of the first pass of this process through the model, over one token: weights are packed in it.
    package var firstPassSeconds: Double?
    /// By block and operator; nil in reports that were made without.
    package var layers: LayerProfile?
    /// What each phase reached of the machine's limits in the same seconds; nil in reports that were made without.
    package var prefillLimit: LimitShare?
    package var decodeLimit: LimitShare?
    /// What the trace of the kernels costs; nil in reports that were made without.
    package var trace: TraceCost?

    package init(
      recipe: String, prefill: Rate, decode: Rate, firstTokenSeconds: Double, weightBytes: Int,
      kvBytesPerToken: Int, memory: [String: Int], peakResidentBytes: Int,
      provider: ExecutionProvider, threads: Int, kernels: [KernelRecord],
      prefillKernels: [KernelRecord], decodeKernels: [KernelRecord], layers: LayerProfile? = nil,
      trace: TraceCost? = nil, firstPassSeconds: Double? = nil
    ) {
      self.recipe = recipe
      self.prefill = prefill
      self.decode = decode
      self.firstTokenSeconds = firstTokenSeconds
      self.weightBytes = weightBytes
      self.kvBytesPerToken = kvBytesPerToken
      self.memory = memory
      self.peakResidentBytes = peakResidentBytes
      self.provider = provider
      self.threads = threads
      self.kernels = kernels
      self.prefillKernels = prefillKernels
      self.decodeKernels = decodeKernels
      self.firstPassSeconds = firstPassSeconds
      self.layers = layers
      self.trace = trace
    }
  }

  package var promptTokens: Int
  package var generatedTokens: Int
  /// Tokens already in the cache when decoding begins, without the prompt.
  package var depth: Int
  package var repetitions: Int
  package var peaks: MachinePeaks
  package var quantized: Side
  /// Measured interleaved with `quantized` in one run; nil when it was asked to be left out.
  package var baseline: Side?
  /// What the process held when both sides had been measured; nil in reports that were made without.
  package var memory: ProcessMemoryUse?
  /// From opening the files of the model to its being ready to run, tokenizer included.
  package var openSeconds: Double?
  /// What the weights of `baseline` are stored as, where it is no FP baseline; nil for floating-point numbers.
  package var storedAs: String?
  /// The model with what was made of it as a whole; nil in reports that were made without.
  package var model: String?
  /// Cores that others had while it was measured; nil in reports that were made without.
  package var othersCores: Double?
  /// What the figures do not say, a sentence each; nil for nothing.
  package var notes: [String]?
  /// What other programs needed for the same; nil where none was asked.
  package var witnesses: [WitnessSpeed]?

  /// What the baseline is called.
  package var baselineWords: BaselineWords { BaselineWords(storedAs: storedAs) }

  package init(
    promptTokens: Int, generatedTokens: Int, depth: Int, repetitions: Int, peaks: MachinePeaks,
    quantized: Side, baseline: Side?, memory: ProcessMemoryUse? = nil, openSeconds: Double? = nil,
    storedAs: String? = nil
  ) {
    self.promptTokens = promptTokens
    self.generatedTokens = generatedTokens
    self.depth = depth
    self.repetitions = repetitions
    self.peaks = peaks
    self.quantized = quantized
    self.baseline = baseline
    self.openSeconds = openSeconds
    self.storedAs = storedAs
    self.memory = memory
  }
}

package import Models
package import Operators

/// One quantized model under every execution provider of this machine, and with single kernels taken away from it.
///
/// Each row is held against the FP baseline under the same provider, so that it answers whether quantizing made the model
/// faster there.
package struct ProviderReport: Hashable, Sendable, Codable {
  /// The model under one provider, some kernels disabled.
  package struct Row: Hashable, Sendable, Codable {
    /// A kernel of linear layers that ran in decode.
    package struct Kernel: Hashable, Sendable, Codable {
      package var name: String
      /// Why it is not the layers' own.
      package var reason: String?
      /// Of the time of all operators.
      package var share: Double

      package init(name: String, reason: String?, share: Double) {
        self.name = name
        self.reason = reason
        self.share = share
      }
    }

    package var provider: ExecutionProvider
    /// Kernels it must not use, named without provider.
    package var disabled: [String]
    /// Tokens of the prompt and decoded ones, as many as the time allows under this provider.
    package var promptTokens: Int
    package var generatedTokens: Int
    package var prefill: BenchReport.Rate
    package var decode: BenchReport.Rate
    /// Medians over the rounds of the rate over the baseline's in the same round; nil without a baseline alongside.
    package var prefillRatio: Double?
    package var decodeRatio: Double?
    /// Bytes of all packed weights, the head's among them: a fallback expands them.
    package var packedBytes: Int
    /// Of decode's time in operators, the share of kernels that execute them as they are.
    package var nativeShare: Double
    /// Most time first.
    package var kernels: [Kernel]
    /// KL of its next-token distributions to those of the same kernels in plain C, in nats, the mean over `klTokens`
    /// positions; nil for the generic provider, which is what others are held against.
    package var kl: Double?
    package var klTokens: Int

    package init(
      provider: ExecutionProvider, disabled: [String], promptTokens: Int, generatedTokens: Int,
      prefill: BenchReport.Rate, decode: BenchReport.Rate, prefillRatio: Double?,
      decodeRatio: Double?, packedBytes: Int, nativeShare: Double, kernels: [Kernel],
      kl: Double?, klTokens: Int
    ) {
      self.provider = provider
      self.disabled = disabled
      self.promptTokens = promptTokens
      self.generatedTokens = generatedTokens
      self.prefill = prefill
      self.decode = decode
      self.prefillRatio = prefillRatio
      self.decodeRatio = decodeRatio
      self.packedBytes = packedBytes
      self.nativeShare = nativeShare
      self.kernels = kernels
      self.kl = kl
      self.klTokens = klTokens
    }

    /// The kernel that took most of the time of the linear layers that quantizing was for: one that fell back, if any.
    package var mainKernel: Kernel? {
      disabled.isEmpty ? kernels.first : kernels.first { $0.reason != nil } ?? kernels.first
    }
  }

  /// The FP baseline under one provider.
  package struct Baseline: Hashable, Sendable, Codable {
    package var provider: ExecutionProvider
    package var prefill: BenchReport.Rate
    package var decode: BenchReport.Rate
    package var packedBytes: Int

    package init(
      provider: ExecutionProvider, prefill: BenchReport.Rate, decode: BenchReport.Rate,
      packedBytes: Int
    ) {
      self.provider = provider
      self.prefill = prefill
      self.decode = decode
      self.packedBytes = packedBytes
    }
  }

  package var model: String
  package var recipe: String
  package var threads: Int
  /// As asked for; slow providers get fewer, as their rows tell.
  package var promptTokens: Int
  package var generatedTokens: Int
  package var repetitions: Int
  /// Seconds that all rounds together may take.
  package var budgetSeconds: Double
  /// Providers first, then the best one with single kernels disabled.
  package var rows: [Row]
  package var baselines: [Baseline]
  /// What the weights of the baseline are stored as, where it is no FP baseline.
  package var storedAs: String?
  /// Cores that others had while it was measured; nil in reports that were made without.
  package var othersCores: Double?

  /// What the baseline is called.
  package var baselineWords: BaselineWords { BaselineWords(storedAs: storedAs) }

  package init(
    model: String = "", recipe: String = "", threads: Int, promptTokens: Int, generatedTokens: Int,
    repetitions: Int, budgetSeconds: Double, rows: [Row], baselines: [Baseline]
  ) {
    self.model = model
    self.recipe = recipe
    self.threads = threads
    self.promptTokens = promptTokens
    self.generatedTokens = generatedTokens
    self.repetitions = repetitions
    self.budgetSeconds = budgetSeconds
    self.rows = rows
    self.baselines = baselines
  }

  /// The FP baseline next to a row.
  package func baseline(of row: Row) -> Baseline? {
    baselines.first { $0.provider == row.provider }
  }

  /// The row of the best provider with all its kernels.
  package var best: Row? { rows.last { $0.disabled.isEmpty } }
}

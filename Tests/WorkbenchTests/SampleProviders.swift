import Engine
import Evaluation
import Operators
import Profiling

/// Reports of providers and kernels with figures of the right size, measured nowhere.
enum SampleProviders {
  static func rate(_ value: Double) -> BenchReport.Rate {
    BenchReport.Rate(tokensPerSecond: value, lowest: value * 0.98, highest: value * 1.02)
  }

  static func row(
    _ provider: ExecutionProvider, without disabled: [String] = [], decode: Double, ratio: Double,
    kernel: String, reason: String? = nil
  ) -> ProviderReport.Row {
    ProviderReport.Row(
      provider: provider, disabled: disabled, promptTokens: provider == .generic ? 16 : 128,
      generatedTokens: provider == .generic ? 4 : 32, prefill: rate(decode * 6),
      decode: rate(decode), prefillRatio: ratio * 0.6, decodeRatio: ratio,
      packedBytes: reason == nil ? 670_000_000 : 2_200_000_000,
      nativeShare: reason == nil ? 1 : 0.11,
      kernels: [
        .init(name: kernel, reason: reason, share: 0.82),
        .init(name: "linear_bf16_bf16_\(provider.rawValue)", reason: nil, share: 0.11),
      ], kl: provider == .generic ? nil : 2.1e-7, klTokens: 96)
  }

  static func report(_ options: ProviderOptions) -> ProviderReport {
    ProviderReport(
      model: "tinyllama-1.1b", recipe: "weights rtn:4:128", threads: 2,
      promptTokens: options.prompt, generatedTokens: options.generate,
      repetitions: options.repetitions, budgetSeconds: options.seconds,
      rows: [
        row(.generic, decode: 0.8, ratio: 0.71, kernel: "linear_int4_bf16_generic"),
        row(.avx2, decode: 21.4, ratio: 1.62, kernel: "linear_int4_bf16_avx2"),
        row(.avx512, decode: 34.2, ratio: 2.41, kernel: "linear_int4_bf16_avx512"),
        row(
          .avx512, without: ["linear_int4_bf16"], decode: 14.1, ratio: 0.99,
          kernel: "linear_bf16_bf16_avx512",
          reason: "linear_int4_bf16 is disabled: weights expanded to BF16"),
      ],
      baselines: [ExecutionProvider.generic, .avx2, .avx512].map {
        ProviderReport.Baseline(
          provider: $0, prefill: rate(80), decode: rate(14.2), packedBytes: 2_200_000_000)
      })
  }

  static func kernels(_ options: KernelOptions) -> KernelReport {
    KernelReport(
      model: "tales-5M", options: options, text: "text", threads: 2, rows: [], uncovered: [],
      seconds: 1)
  }
}

import Engine
import Evaluation
import Operators
import Profiling
import Quantization

/// Quality and speed of the sample run, and runs of the workspace next to it.
extension SampleRun {
  static let evaluation = EvaluationReport(
    recipe: "\(recipe)", protocol: .llamaCpp, window: 512, windows: 48, tokens: 12_288,
    text: "built-in evaluation text", weightBytes: 21_300_000, kvBytesPerToken: 4352,
    perplexity: 4.389, perplexityError: 0.052,
    baseline: EvaluationReport.Baseline(name: "BF16", perplexity: 4.312, perplexityError: 0.051),
    kl: DivergenceReport(
      mean: 0.0213, error: 0.0011, median: 0.0071, p90: 0.048, p95: 0.083, p99: 0.27, max: 2.31,
      p999: 1.12),
    topOneAgreement: 0.941, topOneAgreementError: 0.0021,
    noiseFloor: EvaluationReport.NoiseFloor(klMean: 0.0004), seconds: 31, figures: figures)

  static let figures = FieldFigures(
    lnRatio: Estimate(mean: 0.0177, error: 0.0012), ratio: Estimate(mean: 1.0179, error: 0.0012),
    difference: Estimate(mean: 0.077, error: 0.0052), correlation: 0.995,
    probability: ProbabilityChange(
      mean: Estimate(mean: -0.0052, error: 0.0004), rms: Estimate(mean: 0.0461, error: 0.0011),
      percentiles: ProbabilityChange.shares.map {
        ProbabilityChange.Point(share: $0, change: $0 - 0.5)
      }), flips: TokenFlips(tokens: 12_288, baselineRight: 7_912, lost: 181, gained: 139))

  static let continuation = ContinuationReport(
    prompt: "The lighthouse keeper",
    baseline: " climbed the stairs every evening to light the lamp.",
    quantized: " climbed the stairs every morning and looked for ships.", firstDivergence: 5,
    commonCharacters: 26, tokens: 64)

  static let recall = RecallReport(depths: [
    RecallReport.Depth(depth: 256, questions: 8, baselineCorrect: 8, quantizedCorrect: 8),
    RecallReport.Depth(depth: 512, questions: 8, baselineCorrect: 8, quantizedCorrect: 8),
    RecallReport.Depth(depth: 1024, questions: 8, baselineCorrect: 7, quantizedCorrect: 6),
    RecallReport.Depth(depth: 2048, questions: 8, baselineCorrect: 6, quantizedCorrect: 4),
  ])

  static let tasks = TaskReport(
    task: "the built-in tasks", recipe: "\(recipe)", baselineName: "BF16", scores: [], items: [],
    seconds: 4)

  static func side(quantized: Bool) -> BenchReport.Side {
    func rate(_ value: Double) -> BenchReport.Rate {
      BenchReport.Rate(tokensPerSecond: value, lowest: value * 0.98, highest: value * 1.01)
    }
    let linear = quantized ? "linear W4 g128 A16 (BF16)" : "linear BF16"
    let kernel = quantized ? "gemv_w4_bf16_avx512" : "gemv_bf16_avx512"
    func record(
      _ name: String, _ kernel: String, _ seconds: Double, _ bytes: Double, reason: String? = nil
    ) -> KernelRecord {
      KernelRecord(
        operator: name, kernel: kernel, native: reason == nil, reason: reason, calls: 3584,
        bytes: bytes, operations: bytes * (quantized ? 3.5 : 1), seconds: seconds)
    }
    let decode = [
      record(linear, kernel, quantized ? 0.61 : 2.1, quantized ? 2.4e10 : 8.6e10),
      record("linear BF16 (output head)", "gemv_bf16_avx512", 0.22, 0.9e10),
      record(
        quantized ? "attention INT8" : "attention FP16",
        quantized ? "attention_expand_f32" : "attention_f16_avx512",
        0.18, 0.4e10, reason: quantized ? "no kernel for head dimension 64 at 3 heads a group" : nil
      ),
      record("rms norm", "rms_norm_avx512", 0.03, 0.02e10),
    ]
    return BenchReport.Side(
      recipe: quantized ? "\(recipe)" : "FP baseline", prefill: rate(quantized ? 812 : 790),
      decode: rate(quantized ? 52.3 : 16.7), firstTokenSeconds: quantized ? 0.33 : 0.34,
      weightBytes: quantized ? 21_300_000 : 58_741_760, kvBytesPerToken: quantized ? 4352 : 8192,
      memory: quantized
        ? ["packed weights": 21_300_000, "KV cache": 8_900_000, "activations": 12_000_000]
        : ["weights": 58_741_760, "KV cache": 16_800_000, "activations": 12_000_000],
      peakResidentBytes: quantized ? 118_000_000 : 171_000_000, provider: .generic, threads: 2,
      kernels: decode,
      prefillKernels: decode.map { kernel in
        var kernel = kernel
        kernel.operations *= 60
        kernel.kernel = kernel.kernel.replacing("gemv", with: "gemm")
        return kernel
      }, decodeKernels: decode)
  }

  static let bench = BenchReport(
    promptTokens: 256, generatedTokens: 64, depth: 1024, repetitions: 5, peaks: peaks,
    quantized: side(quantized: true), baseline: side(quantized: false))

  static func run(_ id: String, _ recipe: Recipe, kl: Double, bytes: Int, rate: Double) -> RunRecord
  {
    var evaluation = evaluation
    evaluation.recipe = "\(recipe)"
    evaluation.kl.mean = kl
    evaluation.perplexity = 4.312 * (1 + kl)
    evaluation.weightBytes = bytes
    var bench = bench
    bench.quantized.weightBytes = bytes
    bench.quantized.decode.tokensPerSecond = rate
    return RunRecord(
      id: id, model: summary.name, recipe: recipe, evaluation: evaluation, bench: bench,
      verdict: Verdict.judge(plan: nil, quantize: nil, evaluation: evaluation, bench: bench))
  }

  static let runs: [RunRecord] = {
    func weights(_ method: String, _ bits: Int) -> Recipe {
      Recipe(
        weights: MethodChoice(
          method: method, options: ["bits": .integer(bits), "group": .integer(128)]))
    }
    return [
      run("2026-11-20-1", weights("rtn", 8), kl: 0.0009, bytes: 33_000_000, rate: 31),
      run("2026-11-20-2", weights("rtn", 4), kl: 0.041, bytes: 21_300_000, rate: 52),
      run("2026-11-20-3", weights("awq", 4), kl: 0.0262, bytes: 21_300_000, rate: 51.8),
      run("2026-11-21-1", weights("gptq", 3), kl: 0.093, bytes: 18_100_000, rate: 55),
    ]
  }()
}

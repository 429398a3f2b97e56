import Engine
import Operators
import Profiling

/// A made-up measurement of batches, as the engine would give it: a roofline with a kernel that reaches part of it.
enum SampleBatches {
  private static let weights = 52e6
  private static let cachePerSequence = 1.05e6

  /// Bytes of a weight, the unit, and the share of the limit.
  private static func facts(_ form: BatchForm) -> (bytes: Double, unit: MachineLimit, share: Double)
  {
    switch form {
    case .bf16: (2, .bf16, 0.9)
    case .w4a16: (0.53, .bf16, 0.6)
    case .w4a8: (0.53, .int8, 0.5)
    case .w8a8: (1, .int8, 0.8)
    case .w8a16: (1, .bf16, 0.7)
    case .fp8: (1, .bf16, 0.4)
    }
  }

  static func point(_ form: BatchForm, batch: Int, prompt: Int) -> BatchReport.Point {
    let facts = facts(form)
    let peaks = SampleRun.peaks
    let bytes = weights * facts.bytes
    let cache = cachePerSequence * Double(batch)
    let operations = 2 * weights * Double(batch)
    let memory = (bytes + cache) / peaks.readBandwidth
    let compute = operations / peaks[facts.unit]
    let limit = max(memory, compute)
    let rate = Double(batch) * facts.share / limit
    func made(_ rate: Double) -> BenchReport.Rate {
      BenchReport.Rate(tokensPerSecond: rate, lowest: rate * 0.98, highest: rate * 1.01)
    }
    let prefill = peaks[facts.unit] / (2 * weights) * facts.share * min(1, Double(batch) / 4 + 0.5)
    return BatchReport.Point(
      form: form.label, batch: batch, decode: made(rate), rounds: [rate, rate * 0.98, rate * 1.01],
      prefill: prompt > 0 ? made(prefill) : nil, prefillRounds: prompt > 0 ? [prefill] : [],
      weightBytes: bytes, cacheBytes: cache, operations: operations, memorySeconds: memory,
      computeSeconds: compute, limitSeconds: limit, linearSeconds: limit * 0.9,
      attentionSeconds: limit * 0.08, otherSeconds: limit * 0.02, unit: facts.unit,
      kernel: "linear_\(form.rawValue)_avx512", fallback: form == .fp8 ? "no FP8 unit here" : nil)
  }

  static func report(_ options: BatchOptions, batches: Int? = nil) -> BatchReport {
    let all = options.batches.sorted()
    return BatchReport(
      model: SampleRun.summary.name, provider: .generic, threads: 2, depth: options.depth,
      prompt: options.prompt, steps: options.steps, repetitions: options.repetitions,
      peaks: SampleRun.peaks,
      forms: options.forms.map { form in
        BatchReport.Form(
          name: form.label, recipe: "\(form.recipe(SampleRun.shape))",
          weightBytes: Int(weights * facts(form).bytes), kvBytesPerToken: 8192)
      }, batches: all,
      points: all.prefix(batches ?? all.count).flatMap { batch in
        options.forms.map { point($0, batch: batch, prompt: options.prompt) }
      }, seconds: 42)
  }
}

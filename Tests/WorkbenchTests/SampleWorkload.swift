import Operators
import Planning

@testable import Engine

/// The planned workload of the sample run: decode binds, and prefill got a little slower.
enum SampleWorkload {
  static func report(
    _ workload: Workload, machine: String = SampleRun.peaks.name, isModelled: Bool = false
  ) -> WorkloadReport {
    func spread(_ value: Double) -> WorkloadTimes.Spread {
      WorkloadTimes.Spread(median: value, low: value * 0.97, high: value * 1.03)
    }
    func side(_ recipe: String, _ step: Double, _ prompt: Double, _ weights: Double, _ fit: Int)
      -> WorkloadReport.Side
    {
      WorkloadReport.Side(
        recipe: recipe,
        times: WorkloadTimes(
          request: 0.64 / prompt + 7.6 / step, promptSeconds: 0.64 / prompt,
          stepSeconds: 0.0598 / step, speedup: spread((0.64 + 7.6) / (0.64 / prompt + 7.6 / step)),
          promptSpeedup: spread(prompt), stepSpeedup: spread(step), promptRate: 800, decodeRate: 52),
        weightBytes: weights, cacheBytes: 16_800_000, fittingRequests: fit)
    }
    return WorkloadReport(
      workload: workload, machine: machine, isDescribed: false, resource: .time, phase: .decode,
      phaseShare: 0.92, budget: 2e9, activationBytes: 12_000_000,
      baseline: side("FP baseline", 1, 1, 58_741_760, 110),
      quantized: side("quantized", 2.9, 0.96, 21_300_000, 112),
      extent: WorkloadTimes.Extent(
        prompt: workload.promptTokens, plannedPrompt: workload.promptTokens,
        depth: isModelled ? 512 : workload.context, plannedDepth: workload.context, batch: 1,
        plannedBatch: 1, rounds: 5, modelError: isModelled ? 0.04 : nil))
  }
}

import Engine
import Planning
import Serving

/// A report of traffic: drawn requests through machines whose steps take what somebody might measure.
enum SampleTraffic {
  static func report(_ options: TrafficOptions) -> TrafficReport {
    let trace =
      (try? DrawnTrace(
        rate: 4, requests: 120, burst: 3, prompt: 200, generated: 60, context: 2048, seed: 2
      ).trace()) ?? RequestTrace(name: "none", requests: [])
    let forms: [(name: String, step: Double, bits: Double, weights: Double)] = [
      ("FP baseline", 0.030, 16, 2.2e9), ("weights=rtn:4:128", 0.012, 16, 0.7e9),
      ("kv=int8", 0.028, 8.5, 2.2e9),
    ]
    return TrafficReport(
      model: "tinyllama-1.1b", machine: options.machine ?? "this machine",
      isModelled: options.machine != nil, trace: "drawn, seed 2", requests: 120, leftOut: 0,
      rate: trace.rate, meanPrompt: 200, meanGenerated: 60, promise: options.promise, replicas: 1,
      ways: 1,
      sides: forms.map { side($0.name, $0.step, $0.bits, $0.weights, trace, options) },
      widths: [], notes: [], simulationRate: 100_000)
  }

  private static func side(
    _ name: String, _ step: Double, _ bits: Double, _ weights: Double, _ trace: RequestTrace,
    _ options: TrafficOptions
  ) -> TrafficReport.Side {
    let limits = ServingLimits(blocks: Int(60 * 16 / bits), seats: 16, chunk: 128)
    let form = ServedForm(name: name, linearBytes: weights, cacheBits: bits, rate: 1e12)
    return TrafficReport.Side(
      form: form,
      capacity: ServingCapacity(
        model: SampleRun.summary.shape, form: form, budget: 8e9, activationBytes: 1e7),
      limits: limits,
      simulated: ServingSimulator(limits) { step + 2e-4 * Double($0.tokens) }.run(trace),
      largest: nil,
      fit: StepCostFit.Quality(fitted: 18, checked: 6, medianError: 0.02, largestError: 0.07),
      explanation: [])
  }
}

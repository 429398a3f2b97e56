import Evaluation
import Planning

/// Times of one model under a workload, the baseline timed in the same rounds.
package struct WorkloadTimes: Hashable, Sendable, Codable {
  /// A figure with the quartiles of its rounds; all three alike where it is modelled.
  package struct Spread: Hashable, Sendable, Codable {
    package var median: Double
    package var low: Double
    package var high: Double

    package init(median: Double, low: Double, high: Double) {
      self.median = median
      self.low = low
      self.high = high
    }

    /// Of some rounds.
    init(_ values: [Double]) {
      let sorted = values.sorted()
      self.init(
        median: ScoreStatistics.percentile(sorted, 0.5),
        low: ScoreStatistics.percentile(sorted, 0.25),
        high: ScoreStatistics.percentile(sorted, 0.75))
    }

    /// One that has no rounds.
    init(modelled value: Double) { self.init(median: value, low: value, high: value) }
  }

  /// How far what was timed is from what is planned.
  package struct Extent: Hashable, Sendable, Codable {
    /// Tokens of the prompt that was timed, and of the one that is planned.
    package var prompt: Int
    package var plannedPrompt: Int
    /// Tokens in each cache, and sequences of a step.
    package var depth: Int
    package var plannedDepth: Int
    package var batch: Int
    package var plannedBatch: Int
    package var rounds: Int
    /// Largest relative error of the rule that what was timed is continued by, at sizes that were timed as well; nil where
    /// nothing is continued.
    package var modelError: Double?

    package var isModelled: Bool {
      prompt < plannedPrompt || depth < plannedDepth || batch < plannedBatch
    }
  }

  /// Seconds of a request: its prompt, and its share of the decode steps.
  package var request: Double
  package var promptSeconds: Double
  /// Of one decode step of all sequences.
  package var stepSeconds: Double
  /// How many times faster a request is than with the baseline.
  package var speedup: Spread
  package var promptSpeedup: Spread
  package var stepSpeedup: Spread
  /// Tokens a second as they were timed; 0 where nothing was.
  package var promptRate: Double
  /// Tokens a second of all sequences of a step together.
  package var decodeRate: Double

  package init(
    request: Double, promptSeconds: Double, stepSeconds: Double, speedup: Spread,
    promptSpeedup: Spread, stepSpeedup: Spread, promptRate: Double, decodeRate: Double
  ) {
    self.request = request
    self.promptSeconds = promptSeconds
    self.stepSeconds = stepSeconds
    self.speedup = speedup
    self.promptSpeedup = promptSpeedup
    self.stepSpeedup = stepSpeedup
    self.promptRate = promptRate
    self.decodeRate = decodeRate
  }

  /// By the limits of a machine alone: what can be said of a described one.
  init(modelled planner: Planner, _ factors: Planner.Factors) {
    func seconds(_ factors: Planner.Factors) -> (prompt: Double, step: Double, request: Double) {
      let prompt = factors.seconds(of: planner.prefillPhase)
      let step = factors.seconds(of: planner.decodePhase)
      let workload = planner.workload
      return (
        prompt, step,
        prompt + Double(workload.generatedTokens) * step / Double(max(1, workload.batch))
      )
    }
    func ratio(_ before: Double, _ after: Double) -> Spread {
      Spread(modelled: before / max(1e-12, after))
    }
    let before = seconds(Planner.Factors())
    let after = seconds(factors)
    self.init(
      request: after.request, promptSeconds: after.prompt, stepSeconds: after.step,
      speedup: ratio(before.request, after.request),
      promptSpeedup: ratio(before.prompt, after.prompt),
      stepSpeedup: ratio(before.step, after.step), promptRate: 0, decodeRate: 0)
  }
}

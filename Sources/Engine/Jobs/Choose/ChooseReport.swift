package import Evaluation
package import Models
package import Planning
package import Quantization

/// What was chosen, from what, and by which figures.
package struct ChooseReport: Hashable, Sendable, Codable {
  /// What the choice is made by.
  package enum Resource: String, Hashable, Sendable, Codable {
    /// Seconds of a request: its prompt, and its share of the decode steps.
    case time
    /// Bytes of weights and cache, since the workload does not fit as it is.
    case capacity
  }

  /// Where a candidate stands.
  package enum Standing: String, Hashable, Sendable, Codable {
    /// Measured on all windows, and timed.
    case finalist
    /// Left after some windows: worse than the leader in quality and in what is chosen by.
    case left
    /// Measured on all windows, not among the best that were timed.
    case untimed
    /// Cannot be, for the reason given.
    case refused
    /// The time was over.
    case notReached
  }

  /// A figure with the quartiles of its rounds.
  package struct Spread: Hashable, Sendable, Codable {
    package var median: Double
    package var low: Double
    package var high: Double

    package init(median: Double, low: Double, high: Double) {
      self.median = median
      self.low = low
      self.high = high
    }
  }

  /// What was timed of a candidate, FP in the same rounds.
  package struct Timing: Hashable, Sendable, Codable {
    /// Seconds of a request under the planned workload.
    package var request: Double
    /// How many times faster a request is than with the baseline.
    package var speedup: Spread
    package var promptRate: Double
    /// Tokens a second of all sequences of a step together.
    package var decodeRate: Double

    package init(request: Double, speedup: Spread, promptRate: Double, decodeRate: Double) {
      self.request = request
      self.speedup = speedup
      self.promptRate = promptRate
      self.decodeRate = decodeRate
    }
  }

  /// One candidate.
  package struct Row: Hashable, Sendable, Codable {
    package var recipe: Recipe
    package var standing: Standing
    /// Why it stands there; empty for finalists.
    package var reason: String
    /// Windows it was measured on.
    package var windows: Int
    package var kl: Estimate?
    package var perplexity: Estimate?
    /// 0 to 1.
    package var topOne: Double?
    package var weightBytes: Double
    /// Of all requests of the workload.
    package var cacheBytes: Double
    /// Seconds of a request by the machine's peaks alone, before anything is timed.
    package var predictedSeconds: Double
    package var timing: Timing?
    /// Whether quality and bytes are within what was asked for; nil where they are not known.
    package var isWithin: Bool?
    /// Runtimes that execute it natively, of those that are known.
    package var natives = 0
    /// What the runtime that was asked for makes of it.
    package var support: RuntimeCoverage?

    package init(
      recipe: Recipe, standing: Standing, reason: String = "", weightBytes: Double = 0,
      cacheBytes: Double = 0, predictedSeconds: Double = 0
    ) {
      self.recipe = recipe
      self.standing = standing
      self.reason = reason
      windows = 0
      self.weightBytes = weightBytes
      self.cacheBytes = cacheBytes
      self.predictedSeconds = predictedSeconds
    }

    package var bytes: Double { weightBytes + cacheBytes }
  }

  /// How far what was timed is from what is planned.
  package struct Method: Hashable, Sendable, Codable {
    /// Tokens of the prompt that was timed, and of the one that is planned.
    package var prompt: Int
    package var plannedPrompt: Int
    /// Tokens in each cache, and sequences of a step.
    package var depth: Int
    package var plannedDepth: Int
    package var batch: Int
    package var plannedBatch: Int
    package var rounds: Int
    /// Relative error of the line that depths are continued by, at a depth that was measured; nil where nothing is continued.
    package var depthError: Double?

    package var isModelled: Bool {
      prompt < plannedPrompt || depth < plannedDepth || batch < plannedBatch
    }
  }

  package var model: String
  package var machine: String
  package var options: ChooseOptions
  package var resource: Resource
  /// Why the plan starts where it does, in its own words.
  package var reason: String
  /// Targets whose methods were tried, the advised one first.
  package var targets: [QuantizationTarget]
  package var text: String
  package var windowTokens: Int
  package var calibrationText: String
  /// The baseline first, then the candidates, the best first.
  package var rows: [Row]
  /// The place of the recommended row; nil where none is within the limits.
  package var winner: Int?
  /// The nearest to the limits, where none is within them.
  package var nearest: Int?
  package var timed: Method?
  /// Where the plan's advice would become another.
  package var planChange: String
  package var seconds: Double
  package var isWhole: Bool

  /// A report without rows.
  package init(
    model: String, machine: String, options: ChooseOptions, resource: Resource, reason: String,
    targets: [QuantizationTarget], text: String, windowTokens: Int, calibrationText: String,
    planChange: String
  ) {
    self.model = model
    self.machine = machine
    self.options = options
    self.resource = resource
    self.reason = reason
    self.targets = targets
    self.text = text
    self.windowTokens = windowTokens
    self.calibrationText = calibrationText
    rows = []
    self.planChange = planChange
    seconds = 0
    isWhole = true
  }
}

package import Evaluation
package import Models
package import Planning
package import Quantization

/// What was chosen, from what, and by which figures.
package struct ChooseReport: Hashable, Sendable, Codable {
  /// What the choice is made by.
  package typealias Resource = WorkloadReport.Resource

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

  /// Quality of tokens that are decoded after a long prefix in a quantized cache.
  package struct AtDepth: Hashable, Sendable, Codable {
    /// Tokens of the prefix.
    package var depth: Int
    package var tokens: Int
    package var kl: Estimate
    /// 0 to 1.
    package var topOne: Double

    package init(depth: Int, tokens: Int, kl: Estimate, topOne: Double) {
      self.depth = depth
      self.tokens = tokens
      self.kl = kl
      self.topOne = topOne
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
    /// Quality after a long prefix in its cache; nil where none was measured.
    package var atDepth: AtDepth?
    package var weightBytes: Double
    /// Of all requests of the workload.
    package var cacheBytes: Double
    /// Seconds of a request by the machine's peaks alone, before anything is timed.
    package var predictedSeconds: Double
    package var timing: WorkloadTimes?
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
  /// Windows of it that there are to measure on.
  package var textWindows: Int?
  package var calibrationText: String
  /// The baseline first, then the candidates, the best first.
  package var rows: [Row]
  /// The place of the recommended row; nil where none is within the limits.
  package var winner: Int?
  /// The nearest to the limits, where none is within them.
  package var nearest: Int?
  package var timed: WorkloadTimes.Extent?
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

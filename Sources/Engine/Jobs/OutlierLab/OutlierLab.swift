package import Quantization

/// What outliers do to each method, measured: the same model with more and more of them planted, which changes nothing it
/// computes in full precision.
package struct OutlierLabOptions: Hashable, Sendable, Codable {
  /// Channels planted in each norm.
  package var channels: Int
  /// One model for each; 1 is the model as it is.
  package var factors: [Int]
  package var seed: UInt64
  /// Windows of 256 tokens that quality is measured on.
  package var windows: Int
  /// Fewer rows: no ladder of alphas.
  package var isQuick: Bool
  package var calibration: CalibrationOptions

  package init(
    channels: Int = 8, factors: [Int] = [1, 8, 32, 128], seed: UInt64 = 0, windows: Int = 16,
    isQuick: Bool = false, calibration: CalibrationOptions = CalibrationOptions()
  ) {
    self.channels = channels
    self.factors = factors
    self.seed = seed
    self.windows = windows
    self.isQuick = isQuick
    self.calibration = calibration
  }

  /// What is planted for a factor; nil for none.
  package func planting(_ factor: Int) -> OutlierPlanting? {
    factor > 1 ? OutlierPlanting(channels: channels, factor: factor, seed: seed) : nil
  }
}

/// What the outlier lab measured.
package struct OutlierLabReport: Hashable, Sendable, Codable {
  /// A planted model in full precision.
  package struct Facts: Hashable, Sendable, Codable {
    package var factor: Int
    /// What is planted, in words; `as it is` for nothing.
    package var name: String
    /// The largest difference of a logit to the model as it is, on one calibration window.
    package var logitDifference: Double
    /// Input columns of all layers.
    package var columns: Int
    /// Those that reach 6.0 somewhere in the calibration text.
    package var columnsAtSix: Int
    /// nil when nothing stands out.
    package var proposed: Double?
    package var columnsAtProposed: Int?
    /// The worst ratio of the farthest channel to the one in the middle, of inputs after norms.
    package var ratio: Double
    /// The geometric mean of those ratios over the inputs.
    package var meanRatio: Double?
    /// The root mean square weight of the other columns over that of the planted ones, after norms; 1 without planting.
    package var shrunk: Double

    package init(
      factor: Int, name: String, logitDifference: Double, columns: Int, columnsAtSix: Int,
      proposed: Double? = nil, columnsAtProposed: Int? = nil, ratio: Double,
      meanRatio: Double? = nil, shrunk: Double
    ) {
      self.factor = factor
      self.name = name
      self.logitDifference = logitDifference
      self.columns = columns
      self.columnsAtSix = columnsAtSix
      self.proposed = proposed
      self.columnsAtProposed = columnsAtProposed
      self.ratio = ratio
      self.meanRatio = meanRatio
      self.shrunk = shrunk
    }
  }

  /// One recipe on one of the models.
  package struct Row: Hashable, Sendable, Codable {
    /// What kind of thing a row is, for the words.
    package enum Kind: String, Hashable, Sendable, Codable {
      case baseline, int8, llmInt8, smoothQuant, fp8, weights
    }

    package var name: String
    package var kind: Kind
    package var recipe: Recipe
    package var perplexity: Double
    package var perplexityError: Double
    /// Against the model as it is in full precision, in nats.
    package var kl: Double
    package var klError: Double
    package var weightBytes: Int
    /// Of the inputs after norms as the recipe leaves them: the farthest channel that is quantized, or would be, over
    /// the one in the middle, worst input.
    package var ratio: Double
    /// The geometric mean of those ratios over the inputs.
    package var meanRatio: Double?
    /// LLM.int8(): columns that reach the threshold in one window, on average over the model.
    package var flagged: Double?
    /// Of the weights in planted columns, those that became 0; nil without planting or where weights stay FP.
    package var zeroed: Double?
    /// Of the weights in the other columns of those layers.
    package var zeroedElsewhere: Double?

    package init(
      name: String, kind: Kind, recipe: Recipe, perplexity: Double, perplexityError: Double,
      kl: Double, klError: Double, weightBytes: Int, ratio: Double, meanRatio: Double? = nil,
      flagged: Double? = nil,
      zeroed: Double? = nil, zeroedElsewhere: Double? = nil
    ) {
      self.name = name
      self.kind = kind
      self.recipe = recipe
      self.perplexity = perplexity
      self.perplexityError = perplexityError
      self.kl = kl
      self.klError = klError
      self.weightBytes = weightBytes
      self.ratio = ratio
      self.meanRatio = meanRatio
      self.flagged = flagged
      self.zeroed = zeroed
      self.zeroedElsewhere = zeroedElsewhere
    }
  }

  package struct Side: Hashable, Sendable, Codable {
    package var facts: Facts
    package var rows: [Row]

    package init(facts: Facts, rows: [Row]) {
      self.facts = facts
      self.rows = rows
    }
  }

  package var model: String
  package var options: OutlierLabOptions
  package var sides: [Side]
  package var seconds: Double

  package init(
    model: String, options: OutlierLabOptions, sides: [Side] = [], seconds: Double = 0
  ) {
    self.model = model
    self.options = options
    self.sides = sides
    self.seconds = seconds
  }

  /// Adds a row where it belongs, as rows come.
  package mutating func add(_ row: Row, _ facts: Facts) {
    if let place = sides.firstIndex(where: { $0.facts.factor == facts.factor }) {
      sides[place].rows.append(row)
    } else {
      sides.append(Side(facts: facts, rows: [row]))
    }
  }
}

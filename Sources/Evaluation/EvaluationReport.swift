/// A mean with its standard error.
package struct Estimate: Hashable, Sendable, Codable {
  package var mean: Double
  /// Standard error of the mean.
  package var error: Double

  package init(mean: Double, error: Double) {
    self.mean = mean
    self.error = error
  }
}

/// How windows of text are cut and which positions are scored.
package enum EvaluationProtocol: String, Hashable, Sendable, Codable, CaseIterable {
  /// Non-overlapping windows (512 unless told), BOS put over the first token of each where the
  /// tokenizer adds one, second half scored (`llama-perplexity`).
  case llamaCpp = "llama.cpp"
  /// Non-overlapping windows (2048 unless told), all shifted positions scored (GPTQ, AWQ, ...).
  case paper
}

/// Where a text or a window begins with the token that the model's tokenizer puts before a text.
package enum WindowBegin: String, Hashable, Sendable, Codable, CaseIterable {
  /// Nowhere: the tokenizer adds none, or none was asked for.
  case nothing
  /// At the head of each window.
  case eachWindow
  /// Before the text as a whole.
  case text

  /// `BOS at the head of each window`.
  package var words: String {
    switch self {
    case .nothing: "no BOS"
    case .eachWindow: "BOS at the head of each window"
    case .text: "BOS at the head of the text"
    }
  }

  /// `BOS`, `no BOS`, `BOS once`.
  package var short: String {
    switch self {
    case .nothing: "no BOS"
    case .eachWindow: "BOS"
    case .text: "BOS once"
    }
  }
}

/// The distribution of the KL divergence of the baseline's next-token distribution to a model's, in nats.
package struct DivergenceReport: Hashable, Sendable, Codable {
  package var mean: Double
  package var error: Double
  package var median: Double
  package var p90: Double
  package var p95: Double
  package var p99: Double
  package var max: Double
  /// The 99.9th percentile; nil in reports of programs that did not tell.
  package var p999: Double?

  package init(
    mean: Double, error: Double, median: Double, p90: Double, p95: Double, p99: Double,
    max: Double, p999: Double? = nil
  ) {
    self.p999 = p999
    self.mean = mean
    self.error = error
    self.median = median
    self.p90 = p90
    self.p95 = p95
    self.p99 = p99
    self.max = max
  }
}

/// Quality of a model against its baseline on one text.
package struct EvaluationReport: Hashable, Sendable, Codable {
  /// The figures of the baseline on the same windows.
  package struct Baseline: Hashable, Sendable, Codable {
    package var name: String
    package var perplexity: Double
    package var perplexityError: Double
    /// What its weights are stored as, where it is no FP baseline; nil for floating-point numbers.
    package var storedAs: String?
    /// Bytes of its weights, by which models of one name are told apart; nil where they were not told.
    package var weightBytes: Int?

    package init(
      name: String, perplexity: Double, perplexityError: Double, storedAs: String? = nil,
      weightBytes: Int? = nil
    ) {
      self.weightBytes = weightBytes
      self.name = name
      self.storedAs = storedAs
      self.perplexity = perplexity
      self.perplexityError = perplexityError
    }
  }

  /// What differs without any quantization: BF16 against float32 on the same windows.
  package struct NoiseFloor: Hashable, Sendable, Codable {
    package var klMean: Double

    package init(klMean: Double) { self.klMean = klMean }
  }

  /// What became of the inputs of linear layers on this text.
  package struct Inputs: Hashable, Sendable, Codable {
    /// Share of values beyond a range found by calibration, which were clamped; nil without such ranges.
    package var clipShare: Double?
    /// The block where that share is largest.
    package var worstBlock: Int?
    package var worstClipShare: Double?
    /// LLM.int8(): share of input columns that were multiplied in floating point.
    package var outlierShare: Double?

    package init(
      clipShare: Double? = nil, worstBlock: Int? = nil, worstClipShare: Double? = nil,
      outlierShare: Double? = nil
    ) {
      self.clipShare = clipShare
      self.worstBlock = worstBlock
      self.worstClipShare = worstClipShare
      self.outlierShare = outlierShare
    }
  }

  /// The recipe in words.
  package var recipe: String
  package var `protocol`: EvaluationProtocol
  /// Tokens of a window, after it was cut to the model's context.
  package var window: Int
  package var windows: Int
  /// Scored tokens.
  package var tokens: Int
  package var text: String
  package var weightBytes: Int
  package var kvBytesPerToken: Int
  package var perplexity: Double
  package var perplexityError: Double
  package var baseline: Baseline
  package var kl: DivergenceReport
  /// Share of positions whose most likely token is the baseline's, 0 to 1.
  package var topOneAgreement: Double
  package var topOneAgreementError: Double
  package var noiseFloor: NoiseFloor
  package var seconds: Double
  /// nil where inputs are not quantized, or with a scale each token finds.
  package var inputs: Inputs?
  /// The outliers planted in the model, in words; nil for a model as it is.
  package var planted: String?
  /// How its residual stream is rotated, in words; nil for a model as it is.
  package var rotated: String?
  /// What stands before the tokens that are scored; nil in reports of programs that did not tell.
  package var begin: WindowBegin?
  /// What keeps the figures from saying what they seem to; nil for nothing.
  package var caveat: String?
  /// By which schedule a quantized cache was filled and read, in words; nil for a cache in full precision.
  package var schedule: String?
  /// ln ratio of perplexities, changes of probability, flips; nil in reports of programs that did not tell.
  package var figures: FieldFigures?
  /// The last tokens that a quantized cache keeps in full precision; nil for none.
  package var tail: Int?
  /// Whether a quantized cache was filled in full precision; nil for one that was read as it was filled.
  package var prefill: CacheSchedule?

  package init(
    recipe: String, protocol: EvaluationProtocol, window: Int, windows: Int, tokens: Int,
    text: String, weightBytes: Int, kvBytesPerToken: Int, perplexity: Double,
    perplexityError: Double, baseline: Baseline, kl: DivergenceReport, topOneAgreement: Double,
    topOneAgreementError: Double, noiseFloor: NoiseFloor, seconds: Double,
    inputs: Inputs? = nil, planted: String? = nil, rotated: String? = nil,
    begin: WindowBegin? = nil, caveat: String? = nil, schedule: String? = nil,
    figures: FieldFigures? = nil, tail: Int? = nil, prefill: CacheSchedule? = nil
  ) {
    self.figures = figures
    self.tail = tail
    self.prefill = prefill
    self.schedule = schedule
    self.recipe = recipe
    self.protocol = `protocol`
    self.window = window
    self.windows = windows
    self.tokens = tokens
    self.text = text
    self.weightBytes = weightBytes
    self.kvBytesPerToken = kvBytesPerToken
    self.perplexity = perplexity
    self.perplexityError = perplexityError
    self.baseline = baseline
    self.kl = kl
    self.topOneAgreement = topOneAgreement
    self.topOneAgreementError = topOneAgreementError
    self.noiseFloor = noiseFloor
    self.seconds = seconds
    self.inputs = inputs
    self.planted = planted
    self.rotated = rotated
    self.begin = begin
    self.caveat = caveat
  }
}

/// Two continuations of one prompt and where they part.
package struct ContinuationReport: Hashable, Sendable, Codable {
  package var prompt: String
  package var baseline: String
  package var quantized: String
  /// Index of the first generated token that differs; nil when none does.
  package var firstDivergence: Int?
  /// Characters the two have in common, for drawing.
  package var commonCharacters: Int
  package var tokens: Int

  package init(
    prompt: String, baseline: String, quantized: String, firstDivergence: Int?,
    commonCharacters: Int, tokens: Int
  ) {
    self.prompt = prompt
    self.baseline = baseline
    self.quantized = quantized
    self.firstDivergence = firstDivergence
    self.commonCharacters = commonCharacters
    self.tokens = tokens
  }
}

/// Answers found in a long document through the (quantized) cache, by how far back they lie.
package struct RecallReport: Hashable, Sendable, Codable {
  /// One range of depths.
  package struct Depth: Hashable, Sendable, Codable {
    /// Tokens between the fact and the question, upper end.
    package var depth: Int
    package var questions: Int
    package var baselineCorrect: Int
    package var quantizedCorrect: Int
    /// The answers token by token, which tells caches apart where whole answers are too hard for the model.
    package var tokens: Tokens?
    /// Questions that the baseline answers and the quantized cache does not; nil where it was not counted.
    package var lost: Int?

    package init(
      depth: Int, questions: Int, baselineCorrect: Int, quantizedCorrect: Int,
      tokens: Tokens? = nil, lost: Int? = nil
    ) {
      self.lost = lost
      self.depth = depth
      self.questions = questions
      self.baselineCorrect = baselineCorrect
      self.quantizedCorrect = quantizedCorrect
      self.tokens = tokens
    }
  }

  /// Tokens of answers, each after the right ones.
  package struct Tokens: Hashable, Sendable, Codable {
    package var count: Int
    package var baselineRight: Int
    package var quantizedRight: Int
    /// Minus the log-probability of all of them, in nats.
    package var baselineLoss: Double
    package var quantizedLoss: Double

    package init(
      count: Int = 0, baselineRight: Int = 0, quantizedRight: Int = 0, baselineLoss: Double = 0,
      quantizedLoss: Double = 0
    ) {
      self.count = count
      self.baselineRight = baselineRight
      self.quantizedRight = quantizedRight
      self.baselineLoss = baselineLoss
      self.quantizedLoss = quantizedLoss
    }

    /// Share of tokens that were the most likely ones, 0 to 1.
    package var quantizedShare: Double { Double(quantizedRight) / Double(max(1, count)) }
    package var baselineShare: Double { Double(baselineRight) / Double(max(1, count)) }

    static func + (left: Tokens, right: Tokens) -> Tokens {
      Tokens(
        count: left.count + right.count, baselineRight: left.baselineRight + right.baselineRight,
        quantizedRight: left.quantizedRight + right.quantizedRight,
        baselineLoss: left.baselineLoss + right.baselineLoss,
        quantizedLoss: left.quantizedLoss + right.quantizedLoss)
    }

    mutating func add(_ expected: RecallMeasure.Answer, _ found: RecallMeasure.Answer) {
      self =
        self
        + Tokens(
          count: expected.tokens, baselineRight: expected.right, quantizedRight: found.right,
          baselineLoss: expected.loss, quantizedLoss: found.loss)
    }
  }

  package var depths: [Depth]
  /// What it does not say of the cache; nil for nothing.
  package var caveat: String?

  package init(depths: [Depth], caveat: String? = nil) {
    self.depths = depths
    self.caveat = caveat
  }
}

package import Evaluation
package import Quantization
import Wording

/// How caches are compared.
package struct CacheOptions: Hashable, Sendable, Codable {
  /// Only keys and values of each count; the FP16 cache stands next to them always.
  package var caches: [Recipe]
  /// nil: the documents of the built-in evaluation text that are long enough.
  package var text: String?
  /// File of recall documents; nil for the built-in ones.
  package var recallText: String?
  /// Tokens in the cache before the first that is scored; nil: an eighth of the model's context, 512 at most.
  package var depth: Int?
  /// Scored tokens after them; nil: four times the depth, as far as the context goes.
  package var tokens: Int?
  /// Tokens of a decode step.
  package var step: Int
  /// Windows of text at most.
  package var windows: Int
  /// Of those, windows that errors by layer and head are taken from.
  package var mapWindows: Int
  /// Tokens generated after each prompt, which is what a window begins with.
  package var generate: Int
  /// Recall documents at most.
  package var recallDocuments: Int
  /// How the tokens before those that count get into a quantized cache; nil for passes that read it as they go.
  package var prefill: CacheSchedule?

  package init(
    caches: [Recipe], text: String? = nil, recallText: String? = nil, depth: Int? = nil,
    tokens: Int? = nil, step: Int = 1, windows: Int = 8, mapWindows: Int = 2, generate: Int = 64,
    recallDocuments: Int = 8, prefill: CacheSchedule? = nil
  ) {
    self.prefill = prefill
    self.caches = caches
    self.text = text
    self.recallText = recallText
    self.depth = depth
    self.tokens = tokens
    self.step = step
    self.windows = windows
    self.mapWindows = mapWindows
    self.generate = generate
    self.recallDocuments = recallDocuments
  }
}

/// Caches side by side, all read by the same attention that is timed.
package struct CacheReport: Hashable, Sendable, Codable {
  /// What all rows have in common.
  package struct Facts: Hashable, Sendable, Codable {
    package var model: String
    package var text: String
    package var depth: Int
    package var tokens: Int
    package var step: Int
    package var windows: Int
    package var recallText: String
    /// The weights in words; nil where they are FP.
    package var weights: String?
    /// Of FP weights with an FP16 cache; nil where that is the first row.
    package var baselinePerplexity: Double?
    /// What the weights of the baseline are stored as, where they are no FP weights.
    package var storedAs: String?

    package init(
      model: String, text: String, depth: Int, tokens: Int, step: Int, windows: Int,
      recallText: String, weights: String? = nil, baselinePerplexity: Double? = nil
    ) {
      self.model = model
      self.text = text
      self.depth = depth
      self.tokens = tokens
      self.step = step
      self.windows = windows
      self.recallText = recallText
      self.weights = weights
      self.baselinePerplexity = baselinePerplexity
    }
  }

  /// Scores of one range of depths.
  package struct Bucket: Hashable, Sendable, Codable {
    /// Tokens in the cache in front of those that are scored here, `first..<end`.
    package var first: Int
    package var end: Int
    package var tokens: Int
    package var perplexity: Estimate
    /// To the FP16 cache, in nats.
    package var kl: Estimate
    package var topOne: Estimate

    package init(
      first: Int, end: Int, tokens: Int, perplexity: Estimate, kl: Estimate, topOne: Estimate
    ) {
      self.first = first
      self.end = end
      self.tokens = tokens
      self.perplexity = perplexity
      self.kl = kl
      self.topOne = topOne
    }
  }

  /// One cache.
  package struct Row: Hashable, Sendable, Codable {
    package var name: String
    package var recipe: Recipe
    /// The FP16 cache all others are held against.
    package var isReference: Bool
    /// By arithmetic, of one sequence.
    package var bytesPerToken: Int
    /// nil where the system does not tell.
    package var resident: CacheResidence?
    /// Bits of a value with its share of scales.
    package var keyBits: Double
    package var valueBits: Double
    package var perplexity: Estimate
    /// To the same weights with an FP16 cache, in nats.
    package var kl: DivergenceReport
    /// To FP weights with an FP16 cache; nil where those are the same.
    package var klToBaseline: DivergenceReport?
    /// Share of tokens whose most likely successor is that of the FP16 cache, 0 to 1.
    package var topOne: Estimate
    package var buckets: [Bucket]
    package var recall: RecallReport
    package var divergence: FirstDivergence
    package var map: CacheErrorMap

    package init(
      name: String, recipe: Recipe, isReference: Bool, bytesPerToken: Int,
      resident: CacheResidence?, keyBits: Double, valueBits: Double, perplexity: Estimate,
      kl: DivergenceReport, klToBaseline: DivergenceReport? = nil, topOne: Estimate,
      buckets: [Bucket], recall: RecallReport, divergence: FirstDivergence, map: CacheErrorMap
    ) {
      self.name = name
      self.recipe = recipe
      self.isReference = isReference
      self.bytesPerToken = bytesPerToken
      self.resident = resident
      self.keyBits = keyBits
      self.valueBits = valueBits
      self.perplexity = perplexity
      self.kl = kl
      self.klToBaseline = klToBaseline
      self.topOne = topOne
      self.buckets = buckets
      self.recall = recall
      self.divergence = divergence
      self.map = map
    }
  }

  package var facts: Facts
  package var options: CacheOptions
  /// The FP16 cache first, then the caches in the order they were asked for.
  package var rows: [Row]
  package var seconds: Double

  package init(facts: Facts, options: CacheOptions, rows: [Row] = [], seconds: Double = 0) {
    self.facts = facts
    self.options = options
    self.rows = rows
    self.seconds = seconds
  }
}

extension CacheReport.Row {
  /// What is written of a place in the model: `block 3, head 1`.
  package static func words(_ place: CacheErrorMap.Place) -> String {
    "block \(place.layer), head \(place.head)"
  }

  /// What the errors say, in a sentence; empty for the FP16 cache.
  package var sentence: String {
    guard !isReference, let keys = map.worst(.keys), let values = map.worst(.values) else {
      return ""
    }
    guard keys.error > 0 || values.error > 0 else {
      return "Attention's output is the same as with the FP16 cache."
    }
    guard values.error > 0 else {
      return
        "Only keys are quantized: attention's output is off by \(CacheReport.percent(keys.error)) at worst "
        + "(\(Self.words(keys)))."
    }
    guard keys.error > 0 else {
      return
        "Only values are quantized: attention's output is off by \(CacheReport.percent(values.error)) at worst "
        + "(\(Self.words(values)))."
    }
    let ratio = keys.error / max(values.error, 1e-300)
    let main =
      ratio > 1.25
      ? "Keys hurt more than values"
      : ratio < 0.8 ? "Values hurt more than keys" : "Keys and values hurt alike"
    return
      "\(main): attention's output is off by \(CacheReport.percent(keys.error)) with quantized keys at worst "
      + "(\(Self.words(keys))), by \(CacheReport.percent(values.error)) with quantized values (\(Self.words(values)))."
  }
}

extension CacheReport {
  /// Why the unbiased form of TurboQuant (`prod`) seldom pays under softmax, with the figures of this report; empty for
  /// other caches.
  package func formRemark(on row: Row) -> String {
    func plain(_ choice: MethodChoice?) -> MethodChoice? {
      guard var choice, choice.options["form"] == .choice("prod") else { return choice }
      choice.options["form"] = nil
      return choice
    }
    let keys = plain(row.recipe.keys)
    let values = plain(row.recipe.values)
    guard keys != row.recipe.keys || values != row.recipe.values else { return "" }
    let words =
      "prod spends one of its bits on signs that make inner products right on average, at several times the "
      + "spread. Softmax forgives scores that are all a little short, not scores that scatter"
    let beside = rows.first {
      plain($0.recipe.keys) == keys && plain($0.recipe.values) == values && $0.name != row.name
    }
    guard let beside else { return words + "." }
    return words
      + ": KL \(Quantity.significant(row.kl.mean)), mse at the same bits \(Quantity.significant(beside.kl.mean))."
  }

  /// A relative error as people read it.
  package static func percent(_ error: Double, _ digits: Int = 3) -> String {
    error.isFinite ? Quantity.percent(error, significant: digits) : "all of it"
  }
}

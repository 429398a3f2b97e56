import Glibc
import Platform

/// How the next token is chosen from its logits.
///
/// Filters apply in the order of transformers: temperature, top-k, top-p (arXiv 1904.09751),
/// min-p (arXiv 2407.01082).
package struct SamplingOptions: Hashable, Sendable, Codable {
  /// Logits are divided by it; 0 takes the likeliest token.
  package var temperature: Double
  /// Tokens that are kept, 0 for all.
  package var topK: Int
  /// The likeliest tokens are kept until they hold this share of the probability; 1 for all.
  package var topP: Double
  /// Tokens less likely than this share of the likeliest are dropped; 0 for none.
  package var minP: Double
  package var seed: UInt64

  package init(
    temperature: Double = 0, topK: Int = 0, topP: Double = 1, minP: Double = 0, seed: UInt64 = 0
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.seed = seed
  }

  /// The likeliest token, always.
  package static let greedy = SamplingOptions()

  /// - Throws: `ModelError.invalidSampling` for a number outside its range.
  package func check() throws(ModelError) {
    func require(_ fits: Bool, _ option: String, _ expected: String, _ found: String)
      throws(ModelError)
    {
      guard fits else {
        throw .invalidSampling(option: option, expected: expected, found: found)
      }
    }
    try require(
      temperature >= 0 && temperature.isFinite, "temperature", "0 or more", "\(temperature)")
    try require(topK >= 0, "top-k", "0 or more", "\(topK)")
    try require(topP > 0 && topP <= 1, "top-p", "more than 0, at most 1", "\(topP)")
    try require(minP >= 0 && minP < 1, "min-p", "0 or more, less than 1", "\(minP)")
  }
}

/// Chooses tokens; the same seed and logits give the same tokens.
///
/// Of equal logits the lower token counts as the likelier. A logit that is not a number is never
/// chosen.
package struct Sampler: Sendable {
  package let options: SamplingOptions
  private var generator: SeededGenerator
  private var candidates: [Candidate] = []

  private struct Candidate {
    var token: Int32
    var logit: Float

    /// Whether it comes before `other`.
    @inline(__always) func isLikelier(than other: Candidate) -> Bool {
      logit > other.logit || (logit == other.logit && token < other.token)
    }
  }

  /// - Throws: `ModelError.invalidSampling` for a number outside its range.
  package init(_ options: SamplingOptions) throws(ModelError) {
    try options.check()
    self.options = options
    generator = SeededGenerator(seed: options.seed)
  }

  /// The next token; 0 when there are no logits.
  package mutating func sample(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    if options.temperature == 0 || options.topK == 1 { return Self.likeliest(logits) }
    gather(logits)
    guard let first = candidates.first else { return Self.likeliest(logits) }
    let needsOrder = options.topK > 0 || options.topP < 1
    let best =
      needsOrder ? first.logit : candidates.reduce(first.logit) { max($0, $1.logit) }
    func weight(_ candidate: Candidate) -> Double {
      exp(Double(candidate.logit - best) / options.temperature)
    }
    var weights = candidates.map(weight)
    if options.topP < 1 {
      let share = options.topP * weights.reduce(0, +)
      var sum = 0.0
      // The token that crosses the share is kept.
      let kept = weights.firstIndex { weight in
        sum += weight
        return sum >= share
      }
      weights.removeLast(weights.count - 1 - (kept ?? weights.count - 1))
    }
    if options.minP > 0 { weights = weights.map { $0 < options.minP ? 0 : $0 } }
    let target = generator.uniform() * weights.reduce(0, +)
    var sum = 0.0
    var last = 0
    for (index, weight) in weights.enumerated() where weight > 0 {
      sum += weight
      last = index
      if sum > target { break }
    }
    return candidates[last].token
  }

  /// The token of the largest logit, the first of equals.
  package static func likeliest(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    var largest = -Float.infinity
    for (index, logit) in logits.enumerated() where logit > largest {
      largest = logit
      best = index
    }
    return Int32(best)
  }

  /// Collects the candidates, likeliest first where a filter needs an order.
  private mutating func gather(_ logits: UnsafeBufferPointer<Float>) {
    candidates.removeAll(keepingCapacity: true)
    let limit = options.topK > 0 ? options.topK : logits.count
    for (index, logit) in logits.enumerated() where logit > -.infinity {
      let candidate = Candidate(token: Int32(index), logit: logit)
      if candidates.count < limit {
        candidates.append(candidate)
        if candidates.count == limit, options.topK > 0 { heapify() }
      } else if candidate.isLikelier(than: candidates[0]) {
        candidates[0] = candidate
        sink(0)
      }
    }
    if options.topK > 0 || options.topP < 1 {
      candidates.sort { $0.isLikelier(than: $1) }
    }
  }

  /// Orders the candidates as a heap with the least likely first.
  private mutating func heapify() {
    for index in stride(from: candidates.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < candidates.count && candidates[least].isLikelier(than: candidates[child]) {
        least = child
      }
      if least == index { return }
      candidates.swapAt(index, least)
      index = least
    }
  }
}

import Models
package import Operators

/// Where greedy continuations of a model leave those of its reference, over several prompts.
package struct FirstDivergence: Hashable, Sendable, Codable {
  /// Tokens generated at most after each prompt.
  package var tokens: Int
  /// For each prompt the index of the first generated token that differs; nil when none does.
  package var first: [Int?]

  package init(tokens: Int, first: [Int?]) {
    self.tokens = tokens
    self.first = first
  }

  /// Share of prompts whose continuations are the same to the end, 0 to 1.
  package var sameShare: Double {
    first.isEmpty ? 0 : Double(first.count { $0 == nil }) / Double(first.count)
  }

  /// The median index, with those that never differ counted as farther than all; nil when it lies among those.
  package var median: Double? {
    guard !first.isEmpty else { return nil }
    let sorted = first.map { $0.map(Double.init) ?? .infinity }.sorted()
    let upper = sorted[sorted.count / 2]
    let lower = sorted[(sorted.count - 1) / 2]
    return upper.isFinite ? (lower + upper) / 2 : nil
  }

  /// Compares pairs of continuations.
  package init(tokens: Int, reference: [[Int32]], found: [[Int32]]) {
    self.init(
      tokens: tokens,
      first: zip(reference, found).map { reference, found in
        let differs = zip(reference, found).enumerated().first { $0.1.0 != $0.1.1 }?.offset
        return differs
          ?? (reference.count == found.count ? nil : min(reference.count, found.count))
      })
  }
}

/// Continues prompts greedily through a cache: the prompt goes in in pieces, then one token a step.
package struct GreedyContinuation {
  package let side: EvaluationSubject
  package let context: ExecutionContext

  package init(_ side: EvaluationSubject, context: ExecutionContext) {
    self.side = side
    self.context = context
  }

  /// The ids generated after each prompt, at most `tokens`, up to one of `stops`, which is the last where it comes.
  ///
  /// - Throws: `EvaluationError.textTooShort` for an empty prompt; what the model throws.
  package func run(
    prompts: [[Int32]], tokens: Int, stops: Set<Int32>, by schedule: CacheSchedule = .passes,
    checkpoint: () throws -> Void = {}
  ) throws -> [[Int32]] {
    let longest = prompts.map(\.count).max() ?? 0
    let prefix = try CachePrefix(side, by: schedule, capacity: longest, context: context)
    let cache = try side.model.makeCache(side.cache, capacity: longest + max(1, tokens))
    let logits = Logits()
    return try prompts.map { prompt in
      guard !prompt.isEmpty else {
        throw EvaluationError.textTooShort(text: "the prompt", tokens: 0, needed: 1)
      }
      cache.reset()
      var pending = prompt
      if schedule == .full, prompt.count > 1 {
        try checkpoint()
        try prefix.fill(cache, with: Array(prompt.dropLast()))
        pending = Array(prompt.suffix(1))
      }
      var generated: [Int32] = []
      while generated.count < tokens {
        try checkpoint()
        try side.model.forward(tokens: pending, cache: cache, context: context, into: logits)
        let next = Sampler.likeliest(logits[0])
        generated.append(next)
        if stops.contains(next) { break }
        pending = [next]
      }
      return generated
    }
  }
}

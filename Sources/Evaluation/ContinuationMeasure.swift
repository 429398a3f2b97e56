import Models
package import Operators

/// Continues one prompt greedily with a model and its baseline, to show where they part.
package struct ContinuationMeasure {
  package let subject: EvaluationSubject
  package let baseline: EvaluationSubject
  package let context: ExecutionContext

  package init(
    subject: EvaluationSubject, baseline: EvaluationSubject, context: ExecutionContext
  ) {
    self.subject = subject
    self.baseline = baseline
    self.context = context
  }

  /// The ids each generates after `prompt`, at most `tokens`, up to one of `stops`.
  ///
  /// - Throws: `EvaluationError.textTooShort` for an empty prompt; what the models throw.
  package func run(
    prompt: [Int32], tokens: Int, stops: Set<Int32>, checkpoint: () throws -> Void = {}
  ) throws -> (baseline: [Int32], subject: [Int32]) {
    guard !prompt.isEmpty else {
      throw EvaluationError.textTooShort(text: "the prompt", tokens: 0, needed: 1)
    }
    func generate(_ side: EvaluationSubject) throws -> [Int32] {
      let cache = try side.model.makeCache(side.cache)
      let room = max(1, cache.capacity - tokens)
      let generator = try Generator(
        side.model, cache: cache, context: context, stopTokens: stops)
      return try generator.generate(prompt: Array(prompt.suffix(room)), maximum: tokens) { _ in
        try checkpoint()
        return true
      }.tokens
    }
    return (try generate(baseline), try generate(subject))
  }
}

import Models
package import Operators

/// A long document with questions about details it told early on.
package struct RecallDocument: Sendable {
  /// A question with its answer, as tokens; a question counts as answered when every token of the answer
  /// is the most likely one.
  package struct Question: Sendable {
    /// Index of the answer's first token in `tokens`.
    package var start: Int
    package var count: Int
    /// Index of the token where the document tells the answer; nil when that is not known.
    package var fact: Int?

    package init(start: Int, count: Int, fact: Int? = nil) {
      self.start = start
      self.count = count
      self.fact = fact
    }

    /// Tokens between the fact and the answer; the whole document where the fact was not found.
    package var depth: Int { start - max(0, min(start, fact ?? 0)) }
  }

  /// Document, questions and answers.
  package var tokens: [Int32]
  package var questions: [Question]

  package init(tokens: [Int32], questions: [Question]) {
    self.tokens = tokens
    self.questions = questions
  }
}

/// Counts the questions a model and its baseline answer through their caches, by depth.
package struct RecallMeasure {
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

  /// Asks all questions of all documents that fit the model's context.
  package func run(
    _ documents: [RecallDocument], progress: (Int) -> Void = { _ in },
    checkpoint: () throws -> Void = {}
  ) throws -> RecallReport {
    var expected: [[Answer]] = []
    var found: [[Answer]] = []
    for (index, document) in documents.enumerated() {
      expected += try Self.answers(baseline, [document], context: context, checkpoint: checkpoint)
      found += try Self.answers(subject, [document], context: context, checkpoint: checkpoint)
      progress(index + 1)
    }
    return RecallReport(documents, baseline: expected, quantized: found)
  }

  /// What one side makes of a question.
  package struct Answer: Hashable, Sendable, Codable {
    /// Tokens of the answer.
    package var tokens: Int
    /// Those that were the most likely ones, with the right tokens in front of them.
    package var right: Int
    /// Minus the log-probability of the whole answer, in nats.
    package var loss: Double

    package init(tokens: Int, right: Int, loss: Double) {
      self.tokens = tokens
      self.right = right
      self.loss = loss
    }

    package var isCorrect: Bool { right == tokens }
  }

  /// The answers of one side to the questions of each document; none for one that is longer than the model's context.
  ///
  /// The document up to the first answer goes into the cache in pieces; what follows, questions and answers, is decoded
  /// token by token, as a reader's questions are, so that answers come from what the cache holds by then.
  package static func answers(
    _ side: EvaluationSubject, _ documents: [RecallDocument], by schedule: CacheSchedule = .passes,
    context: ExecutionContext, checkpoint: () throws -> Void = {}
  ) throws -> [[Answer]] {
    let logits = Logits()
    return try documents.map { document in
      try checkpoint()
      let length = document.tokens.count
      guard length <= side.model.configuration.context, let first = document.questions.first,
        first.start >= 1
      else { return [] }
      let cache = try side.model.makeCache(side.cache, capacity: length)
      var scores: [Int: PositionDivergence] = [:]
      var hits: Set<Int> = []
      // The last token before the first answer is decoded, so that the answer comes from what the cache holds.
      var position = first.start - 1
      if position > 0 {
        try CachePrefix(side, by: schedule, capacity: position, context: context).fill(
          cache, with: Array(document.tokens[..<position]))
      }
      while position < length - 1 {
        try checkpoint()
        try side.model.forward(
          tokens: [document.tokens[position]], cache: cache, context: context, into: logits)
        position += 1
        guard let found = logits[0].baseAddress else { continue }
        let target = Int(document.tokens[position])
        scores[position] = context.divergence(
          baseline: found, other: found, vocabulary: logits.vocabulary, target: target)
        if Int(Sampler.likeliest(logits[0])) == target { hits.insert(position) }
      }
      return document.questions.map { question in
        let places = question.start..<question.start + question.count
        return Answer(
          tokens: question.count, right: places.count { hits.contains($0) },
          loss: places.reduce(0) { $0 + (scores[$1]?.otherNLL ?? 0) })
      }
    }
  }
}

extension RecallReport {
  /// Tokens of one range of depths.
  private static let step = 256

  /// Counts answers by depth; documents nobody was asked about are left out.
  package init(
    _ documents: [RecallDocument], baseline: [[RecallMeasure.Answer]],
    quantized: [[RecallMeasure.Answer]]
  ) {
    var found: [Int: Depth] = [:]
    for (document, (baseline, quantized)) in zip(documents, zip(baseline, quantized)) {
      for (question, (expected, answered)) in zip(document.questions, zip(baseline, quantized)) {
        let depth = (question.depth / Self.step + 1) * Self.step
        var entry =
          found[depth]
          ?? Depth(
            depth: depth, questions: 0, baselineCorrect: 0, quantizedCorrect: 0,
            tokens: Tokens(), lost: 0)
        entry.questions += 1
        if expected.isCorrect, !answered.isCorrect { entry.lost = (entry.lost ?? 0) + 1 }
        entry.baselineCorrect += expected.isCorrect ? 1 : 0
        entry.quantizedCorrect += answered.isCorrect ? 1 : 0
        entry.tokens?.add(expected, answered)
        found[depth] = entry
      }
    }
    self.init(depths: found.values.sorted { $0.depth < $1.depth })
  }

  /// The tokens of all answers; nil where they were not counted.
  package var tokens: Tokens? {
    var all: Tokens?
    for part in depths.compactMap(\.tokens) { all = (all ?? Tokens()) + part }
    return all
  }

  /// Questions asked at all depths.
  package var questions: Int { depths.reduce(0) { $0 + $1.questions } }

  /// Share of them answered through the quantized cache, 0 to 1; nil without questions.
  package var accuracy: Double? { share(\.quantizedCorrect) }

  /// Share of them the baseline answers, 0 to 1; nil without questions.
  package var baselineAccuracy: Double? { share(\.baselineCorrect) }

  private func share(_ count: (Depth) -> Int) -> Double? {
    questions > 0
      ? Double(depths.reduce(0) { $0 + count($1) }) / Double(questions) : nil
  }
}

package import Models
package import Operators

/// A long document with questions about details it told early on.
package struct RecallDocument: Sendable {
  /// A question with its answer, as tokens; a question counts as answered when every token of the answer
  /// is the most likely one.
  package struct Question: Sendable {
    /// Index of the answer's first token in `tokens`.
    package var start: Int
    package var count: Int

    package init(start: Int, count: Int) {
      self.start = start
      self.count = count
    }
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
  /// Tokens of one range of depths.
  static let step = 256

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
    var depths: [Int: RecallReport.Depth] = [:]
    for (index, document) in documents.enumerated() {
      try checkpoint()
      let limit = subject.model.configuration.context
      if document.tokens.count <= limit, let first = document.questions.first {
        let from = first.start - 1
        let expected = try answers(baseline, document, from: from)
        try checkpoint()
        let found = try answers(subject, document, from: from)
        for (place, question) in document.questions.enumerated() {
          let depth = (question.start / Self.step + 1) * Self.step
          var entry =
            depths[depth]
            ?? RecallReport.Depth(
              depth: depth, questions: 0, baselineCorrect: 0, quantizedCorrect: 0)
          entry.questions += 1
          entry.baselineCorrect += expected[place] ? 1 : 0
          entry.quantizedCorrect += found[place] ? 1 : 0
          depths[depth] = entry
        }
      }
      progress(index + 1)
    }
    return RecallReport(depths: depths.values.sorted { $0.depth < $1.depth })
  }

  private func answers(
    _ side: EvaluationSubject, _ document: RecallDocument, from: Int
  ) throws -> [Bool] {
    let logits = Logits()
    try side.model.forward(
      tokens: document.tokens, cache: try side.model.makeCache(side.cache), context: context,
      logits: .from(from), into: logits)
    return document.questions.map { question in
      (0..<question.count).allSatisfy { offset in
        let position = question.start + offset
        return Greedy.choose(logits[position - 1 - from]) == Int(document.tokens[position])
      }
    }
  }
}

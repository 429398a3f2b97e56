/// One question to a model whose answer is known, in tokens.
package struct TaskItem: Sendable {
  /// What the model has to do.
  package enum Demand: Sendable {
    /// Of several continuations, the right one is to be the most likely.
    case choice([Continuation], answer: Int)
    /// The text is to be continued, greedily, by one of the expected answers, up to one of `stops`.
    case answer(expected: [String], stops: [String], most: Int)
  }

  /// A choice with what stands before it.
  package struct Continuation: Sendable {
    /// Context and choice.
    package var tokens: [Int32]
    /// Tokens at the end that are scored.
    package var scored: Int
    /// Characters of the choice, by which its score is normalized.
    package var length: Int

    package init(tokens: [Int32], scored: Int, length: Int) {
      self.tokens = tokens
      self.scored = scored
      self.length = length
    }
  }

  package var id: String
  /// What is continued by an answer; empty for choices, which hold theirs.
  package var context: [Int32]
  package var demand: Demand

  package init(id: String, context: [Int32] = [], demand: Demand) {
    self.id = id
    self.context = context
    self.demand = demand
  }
}

/// What one side made of an item.
package struct TaskOutcome: Hashable, Sendable, Codable {
  /// Log-probability of each choice, in nats; nil for an answer.
  package var scores: [Double]?
  /// The most likely choice, and the most likely by character; the first of equals.
  package var choice: Int?
  package var choiceByLength: Int?
  /// What was written, up to the first stop; nil for choices.
  package var text: String?
  package var isRight: Bool
  /// By character; nil for an answer.
  package var isRightByLength: Bool?

  package init(scores: [Double], lengths: [Int], answer: Int) {
    func best(_ values: [Double]) -> Int {
      values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }
    self.scores = scores
    let (plain, by) = (
      best(scores), best(zip(scores, lengths).map { $0 / Double(max(1, $1)) })
    )
    choice = plain
    choiceByLength = by
    isRight = plain == answer
    isRightByLength = by == answer
  }

  package init(text: String, isRight: Bool) {
    self.text = text
    self.isRight = isRight
  }
}

import Models
package import Operators

/// Asks a model and its baseline the items of a task, each from an empty cache of its own form.
///
/// A choice is scored by the log-probability of its tokens after those before them, as lm-evaluation-harness does; an answer
/// is written greedily, up to the first stop, and is right where it equals an expected one, white space around it left out.
package struct TaskMeasure {
  /// nil where that is the baseline itself, which is then asked once.
  package let subject: EvaluationSubject?
  package let baseline: EvaluationSubject
  package let context: ExecutionContext
  /// Tokens as text.
  package let decode: ([Int32]) -> String

  package init(
    subject: EvaluationSubject?, baseline: EvaluationSubject, context: ExecutionContext,
    decode: @escaping ([Int32]) -> String
  ) {
    self.subject = subject
    self.baseline = baseline
    self.context = context
    self.decode = decode
  }

  /// Asks all items of both sides.
  ///
  /// - Throws: `EvaluationError.itemNotFinite` naming item and side; what the models throw.
  package func run(
    _ items: [TaskItem], progress: (Int) -> Void = { _ in }, checkpoint: () throws -> Void = {}
  ) throws -> [TaskReport.Item] {
    try items.enumerated().map { index, item in
      let expected = try ask(baseline, item, checkpoint)
      let found = try subject.map { try ask($0, item, checkpoint) } ?? expected
      progress(index + 1)
      return TaskReport.Item(id: item.id, baseline: expected, quantized: found)
    }
  }

  private func ask(
    _ side: EvaluationSubject, _ item: TaskItem, _ checkpoint: () throws -> Void
  ) throws -> TaskOutcome {
    switch item.demand {
    case .choice(let choices, let answer):
      let scores = try scores(side, choices, checkpoint)
      guard scores.allSatisfy(\.isFinite) else {
        throw EvaluationError.itemNotFinite(item: item.id, model: side.name)
      }
      return TaskOutcome(scores: scores, lengths: choices.map(\.length), answer: answer)
    case .answer(let expected, let stops, let most):
      let text = try write(side, item.context, stops: stops, most: most, checkpoint)
      let trimmed = Self.trimmed(text)
      return TaskOutcome(
        text: text, isRight: expected.contains { Self.trimmed($0) == trimmed })
    }
  }

  /// The log-probability of each choice: of its tokens, each after the right ones.
  ///
  /// What all choices begin with goes into a cache once, and each choice is read after a copy of it, so that choices read what
  /// the cache holds of their context.
  private func scores(
    _ side: EvaluationSubject, _ choices: [TaskItem.Continuation], _ checkpoint: () throws -> Void
  ) throws -> [Double] {
    // What is too long for the model loses its beginning; the last token is only scored.
    let limit = side.model.configuration.context + 1
    let texts = choices.map { Array($0.tokens.suffix(limit)) }
    let firsts = zip(texts, choices).map { text, choice in
      max(0, text.count - 1 - choice.scored)
    }
    let shared = min(Self.common(texts), firsts.min() ?? 0)
    let capacity = texts.map(\.count).max() ?? 1
    let cache = try side.model.makeCache(side.cache, capacity: capacity)
    if shared > 0 {
      try checkpoint()
      try side.model.forward(
        tokens: Array(texts[0][..<shared]), cache: cache, context: context, into: Logits())
    }
    let logits = Logits()
    return try zip(texts, firsts).map { text, first in
      try checkpoint()
      let rest = Array(text[shared..<text.count - 1])
      guard !rest.isEmpty else { return 0 }
      try side.model.forward(
        tokens: rest, cache: cache.fork(), context: context, logits: .from(first - shared),
        into: logits)
      return (first + 1..<text.count).reduce(0) { sum, place in
        let row = logits[place - 1 - first]
        guard let base = row.baseAddress else { return sum }
        return sum + Double(row[Int(text[place])])
          - context.logSumExp(base, count: logits.vocabulary)
      }
    }
  }

  /// Tokens that all begin with.
  private static func common(_ texts: [[Int32]]) -> Int {
    guard let first = texts.first else { return 0 }
    return texts.dropFirst().reduce(first.count) { length, text in
      min(length, zip(first, text).prefix { $0 == $1 }.count)
    }
  }

  private func write(
    _ side: EvaluationSubject, _ prompt: [Int32], stops: [String], most: Int,
    _ checkpoint: () throws -> Void
  ) throws -> String {
    let room = side.model.configuration.context - most
    let prompt = Array(prompt.suffix(max(1, room)))
    let cache = try side.model.makeCache(side.cache, capacity: prompt.count + most)
    let generator = try Generator(side.model, cache: cache, context: context)
    var made: [Int32] = []
    var text = ""
    _ = try generator.generate(prompt: prompt, maximum: most) { token in
      try checkpoint()
      made.append(token)
      text = decode(made)
      return Self.cut(text, at: stops) == nil
    }
    return Self.cut(text, at: stops) ?? text
  }

  /// What stands before the first stop; nil where there is none.
  static func cut(_ text: String, at stops: [String]) -> String? {
    let places = stops.filter { !$0.isEmpty }.compactMap { stop in
      text.firstRange(of: stop)?.lowerBound
    }
    return places.min().map { String(text[..<$0]) }
  }

  static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

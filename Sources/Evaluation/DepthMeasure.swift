import Models
package import Operators

/// Scores of decoded tokens by how many tokens lay in the cache in front of them.
package struct DepthScores: Sendable, Codable {
  /// Ranges of depths, ascending.
  package let buckets: [Range<Int>]
  /// One for each bucket.
  package private(set) var parts: [ScoreStatistics]
  /// All of them.
  package private(set) var all = ScoreStatistics()

  init(_ buckets: [Range<Int>]) {
    self.buckets = buckets
    parts = buckets.map { _ in ScoreStatistics() }
  }

  mutating func add(_ score: PositionDivergence, depth: Int) {
    all.add(score)
    if let place = buckets.firstIndex(where: { $0.contains(depth) }) { parts[place].add(score) }
  }

  /// Adds the scores of more text, read to the same depths.
  mutating func add(_ other: DepthScores) {
    all.add(other.all)
    for (place, part) in other.parts.enumerated() { parts[place].add(part) }
  }
}

/// Quality through a cache at depth, token by token.
///
/// A long prefix goes into each cache in pieces, then the text after it is decoded in small steps, teacher-forced: every
/// score comes from attention that read what the cache holds. All sides see the same tokens, step by step next to each
/// other, so that nothing of the baseline need be kept.
package struct DepthMeasure {
  /// What is measured.
  package let subjects: [EvaluationSubject]
  /// The same weights with the cache of the baseline.
  package let reference: EvaluationSubject
  /// FP weights with the cache of the baseline; nil where that is the reference.
  package let baseline: EvaluationSubject?
  package let context: ExecutionContext
  /// Tokens of a decode step.
  package var step = 1
  /// How the prefix gets into a quantized cache.
  package var schedule = CacheSchedule.passes

  package init(
    subjects: [EvaluationSubject], reference: EvaluationSubject, baseline: EvaluationSubject? = nil,
    context: ExecutionContext
  ) {
    self.subjects = subjects
    self.reference = reference
    self.baseline = baseline
    self.context = context
  }

  /// What was found.
  package struct Outcome: Sendable, Codable {
    /// One subject: against the reference, and against the FP baseline where that is another.
    package struct Side: Sendable, Codable {
      package var toReference: DepthScores
      package var toBaseline: DepthScores?

      fileprivate mutating func add(_ other: Side) {
        toReference.add(other.toReference)
        if let more = other.toBaseline { toBaseline?.add(more) }
      }
    }

    /// In the order of the subjects.
    package var subjects: [Side]
    /// The reference against itself, which has its perplexity, and against the baseline.
    package var reference: Side

    /// Adds what was found in more windows, by the same subjects in the same order.
    package mutating func add(_ other: Outcome) {
      reference.add(other.reference)
      for (place, side) in other.subjects.enumerated() { subjects[place].add(side) }
    }
  }

  /// A side with its cache and scores of one step.
  private struct Runner {
    let side: EvaluationSubject
    let cache: any KVCache
    let prefix: CachePrefix
    let logits = Logits()

    init(_ side: EvaluationSubject, _ text: DepthText, _ measure: DepthMeasure) throws {
      self.side = side
      cache = try side.model.makeCache(side.cache, capacity: text.depth + text.tokens)
      prefix = try CachePrefix(
        side, by: measure.schedule, capacity: text.depth, context: measure.context)
    }

    /// Reads tokens after those that are there.
    func read(_ tokens: [Int32], _ context: ExecutionContext) throws {
      try side.model.forward(
        tokens: tokens, cache: cache, context: context, logits: .all, into: logits)
    }
  }

  /// Scores all windows, or some of them.
  ///
  /// - Parameters:
  ///   - part: indices of the windows; all without it.
  ///   - progress: called with the number of decoded tokens of a side done after each step.
  ///   - checkpoint: called between steps; what it throws ends the measure.
  /// - Throws: `EvaluationError.notFinite` naming window and side; what the models throw.
  package func run(
    _ text: DepthText, windows part: Range<Int>? = nil, progress: (Int) -> Void = { _ in },
    checkpoint: () throws -> Void = {}
  ) throws -> Outcome {
    let capacity = text.depth + text.tokens
    let known = try Runner(reference, text, self)
    let base = try baseline.map { try Runner($0, text, self) }
    let runners = try subjects.map { try Runner($0, text, self) }
    let empty = Outcome.Side(
      toReference: DepthScores(text.buckets),
      toBaseline: base == nil ? nil : DepthScores(text.buckets))
    var outcome = Outcome(subjects: runners.map { _ in empty }, reference: empty)
    var done = 0
    for number in part ?? text.windows.indices {
      let window = text.windows[number]
      let everyone = [known] + (base.map { [$0] } ?? []) + runners
      for runner in everyone {
        try checkpoint()
        runner.cache.reset()
        try runner.prefix.fill(runner.cache, with: Array(window[..<text.depth]))
      }
      var position = text.depth
      while position < capacity {
        try checkpoint()
        let count = min(max(1, step), capacity - position)
        let tokens = Array(window[position..<position + count])
        for runner in everyone { try runner.read(tokens, context) }
        for row in 0..<count {
          let place = Place(
            window: number, depth: position + row, row: row,
            target: Int(window[position + row + 1]))
          try score(known, known, base, place, into: &outcome.reference)
          for (index, runner) in runners.enumerated() {
            try score(runner, known, base, place, into: &outcome.subjects[index])
          }
        }
        position += count
        done += count
        progress(done)
      }
    }
    return outcome
  }

  /// A scored position.
  private struct Place {
    var window: Int
    /// Tokens in front of the one that was decoded.
    var depth: Int
    var row: Int
    var target: Int
  }

  private func score(
    _ runner: Runner, _ known: Runner, _ base: Runner?, _ place: Place,
    into side: inout Outcome.Side
  ) throws {
    side.toReference.add(try compare(known, runner, place), depth: place.depth)
    if let base { side.toBaseline?.add(try compare(base, runner, place), depth: place.depth) }
  }

  private func compare(
    _ base: Runner, _ other: Runner, _ place: Place
  ) throws -> PositionDivergence {
    guard let expected = base.logits[place.row].baseAddress,
      let found = other.logits[place.row].baseAddress
    else { throw EvaluationError.nothingScored(text: "window \(place.window)") }
    let score = context.divergence(
      baseline: expected, other: found, vocabulary: base.logits.vocabulary, target: place.target)
    guard score.kl.isFinite, score.otherNLL.isFinite, score.baselineNLL.isFinite else {
      throw EvaluationError.notFinite(
        window: place.window,
        model: score.baselineNLL.isFinite ? other.side.name : base.side.name)
    }
    return score
  }
}

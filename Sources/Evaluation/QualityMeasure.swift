package import Models
package import Operators
package import Tensors

/// A model and the cache it runs with: one side of a comparison.
package struct EvaluationSubject: Sendable {
  package var name: String
  package var model: Model
  package var cache: KVFormatPair

  package init(name: String, model: Model, cache: KVFormatPair) {
    self.name = name
    self.model = model
    self.cache = cache
  }
}

/// Compares a model with its FP baseline position by position, both through the kernels that are timed.
///
/// All attention, in prefill too, reads keys and values from the subject's own (quantized) cache, unless the schedule says
/// otherwise.
package struct QualityMeasure {
  package let subject: EvaluationSubject
  package let baseline: EvaluationSubject
  package let context: ExecutionContext
  /// How the subject's cache is filled before what is scored.
  package let schedule: CacheSchedule
  /// What the baseline said of the same windows, recorded by another run or program; nil where it runs next to the subject.
  package let recorded: BaseLogitsFile?
  /// What is kept of the baseline on the same windows; nil where it runs each time.
  package let kept: (any BaselineEnds)?

  package init(
    subject: EvaluationSubject, baseline: EvaluationSubject, context: ExecutionContext,
    schedule: CacheSchedule = .passes, recorded: BaseLogitsFile? = nil,
    kept: (any BaselineEnds)? = nil
  ) {
    self.recorded = recorded
    self.kept = kept
    self.schedule = schedule
    self.subject = subject
    self.baseline = baseline
    self.context = context
  }

  /// Scores all windows.
  ///
  /// - Parameters:
  ///   - writer: is given the subject's logits.
  ///   - progress: called with the number of windows done after each.
  ///   - checkpoint: called between passes; what it throws ends the measure.
  /// - Throws: `EvaluationError.notFinite` naming window and model; `.nothingBeforeScored` for a prefill in full precision
  ///   where all is scored; what the models throw.
  package func run(
    _ text: TextWindows, writer: BaseLogitsWriter? = nil, progress: (Int) -> Void = { _ in },
    checkpoint: () throws -> Void = {}
  ) throws -> ScoreStatistics {
    guard schedule == .passes || text.firstScored > 0 else {
      throw EvaluationError.nothingBeforeScored
    }
    var statistics = ScoreStatistics()
    let expected = Logits()
    let found = Logits()
    let baselineCache = try baseline.model.makeCache(baseline.cache)
    let subjectCache = try subject.model.makeCache(subject.cache)
    let plainCache = schedule == .full ? try subject.model.makeCache(baseline.cache) : nil
    for (index, window) in text.windows.enumerated() {
      try checkpoint()
      if recorded == nil {
        try baseline.score(
          text, window: index, cache: baselineCache, context: context, kept: kept, into: expected)
        try checkpoint()
      }
      subjectCache.reset()
      if let plainCache {
        plainCache.reset()
        try subject.model.fill(
          subjectCache, with: Array(window[..<text.firstScored]), through: plainCache,
          context: context)
        try subject.model.forward(
          tokens: Array(window[text.firstScored...]), cache: subjectCache, context: context,
          logits: .all, into: found, options: ForwardOptions(chunk: 1))
      } else {
        try subject.model.forward(
          tokens: window, cache: subjectCache, context: context, logits: .from(text.firstScored),
          into: found)
      }
      if let recorded {
        try compare(recorded.read(window: index), found, text, window: index, into: &statistics)
      } else {
        try compare(expected, found, text, window: index, into: &statistics)
      }
      try writer?.append(found)
      progress(index + 1)
    }
    guard statistics.count > 0 else { throw EvaluationError.nothingScored(text: subject.name) }
    return statistics
  }

  /// Adds the scores of one window against what was recorded of it.
  private func compare(
    _ recorded: BaseLogitsFile.Window, _ found: Logits, _ text: TextWindows, window: Int,
    into statistics: inout ScoreStatistics
  ) throws {
    for position in text.scored {
      let row = position - text.firstScored
      let score = try recorded.divergence(
        row: row, other: found[row], target: Int(text.windows[window][position + 1]), context)
      guard score.kl.isFinite, score.otherNLL.isFinite else {
        throw EvaluationError.notFinite(window: window, model: subject.name)
      }
      statistics.add(score)
    }
  }

  /// Adds the scores of one window, from the logits of both sides from its first scored position on.
  func compare(
    _ expected: Logits, _ found: Logits, _ text: TextWindows, window: Int,
    into statistics: inout ScoreStatistics
  ) throws {
    for position in text.scored {
      let row = position - text.firstScored
      guard let base = expected[row].baseAddress, let other = found[row].baseAddress else {
        continue
      }
      let score = context.divergence(
        baseline: base, other: other, vocabulary: expected.vocabulary,
        target: Int(text.windows[window][position + 1]))
      guard score.kl.isFinite, score.otherNLL.isFinite, score.baselineNLL.isFinite else {
        throw EvaluationError.notFinite(
          window: window, model: score.baselineNLL.isFinite ? subject.name : baseline.name)
      }
      statistics.add(score)
    }
  }
}

import Models
package import Operators

/// Scores several models against one baseline, which runs once a window for all of them.
package final class SharedBaselineMeasure {
  private let baseline: EvaluationSubject
  private let context: ExecutionContext
  private let text: TextWindows
  private let expected = Logits()
  private let found = Logits()
  private let cache: any KVCache
  /// The window that `expected` is of.
  private var ready: Int?

  package init(
    baseline: EvaluationSubject, text: TextWindows, context: ExecutionContext
  ) throws {
    self.baseline = baseline
    self.text = text
    self.context = context
    cache = try baseline.model.makeCache(baseline.cache, capacity: text.length)
  }

  /// Scores of one model in one window.
  ///
  /// - Throws: `EvaluationError.notFinite` naming window and model; what the models throw.
  package func score(
    _ subject: EvaluationSubject, window: Int, checkpoint: () throws -> Void = {}
  ) throws -> ScoreStatistics {
    if ready != window {
      try checkpoint()
      ready = nil
      cache.reset()
      try baseline.model.forward(
        tokens: text.windows[window], cache: cache, context: context,
        logits: .from(text.firstScored), into: expected)
      ready = window
    }
    try checkpoint()
    try subject.model.forward(
      tokens: text.windows[window],
      cache: subject.model.makeCache(subject.cache, capacity: text.length), context: context,
      logits: .from(text.firstScored), into: found)
    var statistics = ScoreStatistics()
    try QualityMeasure(subject: subject, baseline: baseline, context: context).compare(
      expected, found, text, window: window, into: &statistics)
    return statistics
  }
}

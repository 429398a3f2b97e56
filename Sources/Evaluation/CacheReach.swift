import Models
package import Tensors

/// How much of what is scored reads keys and values in the form a cache is quantized to.
///
/// A cache that keeps its latest tokens in full precision quantizes nothing before its window is full: on windows of text that
/// are no longer, a comparison says nothing about it.
package struct CacheReach: Hashable, Sendable {
  /// The share of scored positions that read something quantized, 0 to 1.
  package let share: Double
  private let window: Int
  private let length: Int

  /// - Parameters:
  ///   - text: what is scored, each window in passes from its first token.
  ///   - cache: how the cache is stored; nil comes back for one that keeps no tokens in full precision.
  ///   - schedule: how the cache is filled before what is scored.
  package init?(_ text: TextWindows, cache: KVFormatPair, schedule: CacheSchedule = .passes) {
    guard let kept = cache.window else { return nil }
    window = kept.tokens
    length = text.length
    let pass = schedule.pass(of: cache)
    let reading = text.scored.count { position in
      // What a pass reads was settled before it began.
      let start = position / pass * pass
      return kept.quantizedKeys(length: start) > 0 || kept.quantizedValues(length: start) > 0
    }
    share = Double(reading) / Double(max(1, text.scored.count))
  }

  /// What the figures do not say, nil where most of what is scored reads quantized keys or values.
  package var caveat: String? {
    if share == 0 {
      return
        "the cache keeps its last \(window) tokens in full precision, and windows of \(length) tokens never reach "
        + "beyond: no quantized key or value was read, so these figures say nothing of the cache"
    }
    guard share < 0.5 else { return nil }
    let percent = Int((share * 100).rounded())
    return
      "the cache keeps its last \(window) tokens in full precision: only \(percent) % of the scored positions of "
      + "windows of \(length) tokens read quantized keys or values"
  }
}

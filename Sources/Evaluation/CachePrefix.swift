import Models
import Operators
import Tensors

/// Fills caches of one side with what stands before the tokens that count, as a schedule says.
struct CachePrefix {
  private let side: EvaluationSubject
  private let context: ExecutionContext
  /// In full precision, that the prefix is read through first; nil where the cache itself is read.
  private let plain: (any KVCache)?

  /// - Parameter capacity: tokens of the longest prefix.
  init(
    _ side: EvaluationSubject, by schedule: CacheSchedule, capacity: Int, context: ExecutionContext
  ) throws {
    self.side = side
    self.context = context
    plain =
      schedule == .full && side.cache.isQuantized
      ? try side.model.makeCache(.fp16, capacity: capacity) : nil
  }

  /// Puts tokens into an empty cache.
  func fill(_ cache: any KVCache, with tokens: [Int32]) throws {
    guard let plain else {
      try side.model.forward(
        tokens: tokens, cache: cache, context: context, logits: .last, into: Logits())
      return
    }
    plain.reset()
    try side.model.fill(cache, with: tokens, through: plain, context: context)
  }
}

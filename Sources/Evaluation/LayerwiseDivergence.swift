package import Models
package import Operators

/// KL divergence of a model with one block replaced, for many replacements.
///
/// The activations of the baseline are kept in front of the block that is looked at, so that only the blocks after it
/// run for each replacement; blocks are visited in order. KV caches stay in the baseline's precision.
package final class LayerwiseDivergence {
  private let model: Model
  private let context: ExecutionContext
  private let windows: TextWindows
  private var streams: [HiddenStates]
  /// The baseline's scores of the scored positions, by window.
  private let expected: [Logits]
  /// Blocks the streams have gone through.
  private var position = 0

  /// Runs the baseline over the windows.
  ///
  /// - Throws: what running throws.
  package init(_ model: Model, windows: TextWindows, context: ExecutionContext) throws {
    self.model = model
    self.context = context
    self.windows = windows
    streams = try windows.windows.map { try model.embed($0) }
    expected = windows.windows.map { _ in Logits() }
    for (number, stream) in streams.enumerated() {
      let whole = try stream.copy()
      for index in model.blocks.indices {
        try model.runBlock(index, hidden: [whole], context: context)
      }
      try model.scores(
        of: whole, rows: .from(windows.firstScored), context: context, into: expected[number])
    }
  }

  /// Moves in front of block `index`, which is not before where it was.
  ///
  /// - Throws: what running throws.
  package func advance(to index: Int) throws {
    while position < index {
      try model.runBlock(position, hidden: streams, context: context)
      position += 1
    }
  }

  /// The divergence with the block in front of which this is replaced.
  ///
  /// - Throws: `EvaluationError.notFinite`; what running throws.
  package func divergence(with block: DecoderBlock) throws -> ScoreStatistics {
    var statistics = ScoreStatistics()
    let found = Logits()
    for (number, window) in windows.windows.enumerated() {
      let stream = try streams[number].copy()
      try model.runBlock(position, block, hidden: [stream], context: context)
      for index in model.blocks.indices.dropFirst(position + 1) {
        try model.runBlock(index, hidden: [stream], context: context)
      }
      try model.scores(
        of: stream, rows: .from(windows.firstScored), context: context, into: found)
      for scored in windows.scored {
        let row = scored - windows.firstScored
        guard let base = expected[number][row].baseAddress, let other = found[row].baseAddress
        else { continue }
        let score = context.divergence(
          baseline: base, other: other, vocabulary: found.vocabulary,
          target: Int(window[scored + 1]))
        guard score.kl.isFinite else {
          throw EvaluationError.notFinite(window: number, model: "block \(position) replaced")
        }
        statistics.add(score)
      }
    }
    return statistics
  }
}

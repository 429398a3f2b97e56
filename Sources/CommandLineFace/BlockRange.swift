import Engine
import Quantization

/// Blocks of a model that one task quantizes: `A..B`, counted from 0, the last included.
struct BlockRange: Hashable {
  var first: Int
  var last: Int

  /// nil for what is no range.
  init?(_ text: String) {
    let sides = text.split(separator: ".", omittingEmptySubsequences: false)
    guard sides.count == 3, sides[1].isEmpty, let first = Int(sides[0]), let last = Int(sides[2]),
      first >= 0, last >= first
    else { return nil }
    self.first = first
    self.last = last
  }

  /// What of an unfinished run a range is.
  struct Part {
    var folder: String
    /// Blocks that are done now, when it ends, and in all.
    var done: Int
    var end: Int
    var blocks: Int

    var isDone: Bool { done >= end }
    /// Whether it ends with the last block.
    var isLast: Bool { end == blocks }
  }

  /// Holds the range against the open model, and what was done of it.
  ///
  /// - Throws: `EngineError.badBlocks` for blocks that the model does not have, and where those before are not done.
  func part(in folder: String, of laboratory: Laboratory) throws -> Part {
    let blocks = try laboratory.blockCount()
    guard last < blocks else {
      throw EngineError.badBlocks(
        expected: "blocks from 0 to \(blocks - 1)", found: "\(first)..\(last)")
    }
    let done = QuantizationCheckpoint.progress(in: folder)?.done ?? 0
    guard done >= first else {
      throw EngineError.badBlocks(
        expected: "the blocks before \(first) done in \(folder)", found: "\(done) of them")
    }
    return Part(folder: folder, done: done, end: last + 1, blocks: blocks)
  }
}

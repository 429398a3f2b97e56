import Platform

/// The scores of all tokens of the vocabulary at some positions, `[rows, vocabulary]`.
///
/// Its memory grows to what was asked for and is used again by the next pass that is given it.
package final class Logits {
  /// Positions.
  package private(set) var rows = 0
  /// Scores of one position.
  package private(set) var vocabulary = 0
  private var storage: UnsafeMutablePointer<Float>?
  private var capacity = 0

  package init() {}

  deinit { storage?.deallocate() }

  /// The scores at one position; valid until the next pass that is given this object.
  package subscript(row: Int) -> UnsafeBufferPointer<Float> {
    precondition((0..<rows).contains(row), "row \(row) of \(rows)")
    return UnsafeBufferPointer(start: storage.map { $0 + row * vocabulary }, count: vocabulary)
  }

  /// A copy of the scores at one position.
  package func values(row: Int) -> [Float] { Array(self[row]) }

  /// Makes room; what was there is gone.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes; there are no rows then.
  func prepare(rows: Int, vocabulary: Int) throws -> UnsafeMutablePointer<Float> {
    let count = max(1, rows * vocabulary)
    let room: UnsafeMutablePointer<Float>
    if let storage, capacity >= count {
      room = storage
    } else {
      storage?.deallocate()
      (storage, capacity, self.rows) = (nil, 0, 0)
      room = try HeapMemory.floats(count)
      (storage, capacity) = (room, count)
    }
    (self.rows, self.vocabulary) = (rows, vocabulary)
    return room
  }
}

/// The positions of a pass whose logits are wanted.
package enum LogitRows: Hashable, Sendable {
  case last
  case all
  /// From this index of the pass's tokens on; from the end, none.
  case from(Int)

  /// The indices among `tokens` tokens.
  func range(tokens: Int) -> Range<Int> {
    switch self {
    case .last: max(0, tokens - 1)..<tokens
    case .all: 0..<tokens
    case .from(let index): min(max(0, index), tokens)..<tokens
    }
  }
}

import Glibc
package import Platform
import Synchronization

/// The cosines and sines of a rotary embedding, `[positions, headDimension / 2]`, made as far as
/// they are needed.
package final class RotaryTable: Sendable {
  /// Rows that are there, at addresses that stay while this object lives.
  package final class Rows: @unchecked Sendable {
    // Unchecked: written in `init` only.
    package let count: Int
    package let cosine: UnsafePointer<Float>
    package let sine: UnsafePointer<Float>
    private let storage: UnsafeMutablePointer<Float>

    /// - Parameter magnitude: what cosines and sines are multiplied by.
    /// - Throws: `PlatformError.memoryRefused` with the bytes.
    fileprivate init(
      frequencies: [Float], magnitude: Float, count: Int
    ) throws(PlatformError) {
      let pairs = frequencies.count
      let storage = try HeapMemory.floats(2 * count * pairs)
      let sines = storage + count * pairs
      frequencies.withUnsafeBufferPointer { frequencies in
        for position in 0..<count {
          for pair in 0..<pairs {
            // The angle is a float32 product, as in transformers.
            let angle = Double(Float(position) * frequencies[pair])
            storage[position * pairs + pair] = magnitude * Float(cos(angle))
            sines[position * pairs + pair] = magnitude * Float(sin(angle))
          }
        }
      }
      self.count = count
      self.storage = storage
      cosine = UnsafePointer(storage)
      sine = UnsafePointer(sines)
    }

    deinit { storage.deallocate() }
  }

  /// Angle per token of each pair of channels.
  package let frequencies: [Float]
  private let magnitude: Float
  private let made = Mutex<Rows?>(nil)

  /// - Parameter isLong: whether it is for sequences longer than those of training.
  package init(_ embedding: RotaryEmbedding, headDimension: Int, isLong: Bool = false) {
    frequencies = embedding.frequencies(headDimension: headDimension, isLong: isLong)
    magnitude = embedding.magnitude
  }

  /// At least the rows of the positions `0..<positions`.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes; the shorter table stays.
  package func rows(_ positions: Int) throws(PlatformError) -> Rows {
    try made.withLock { (made) throws(PlatformError) in
      if let made, made.count >= positions { return made }
      // Whoever still reads the shorter table holds on to it.
      let rows = try Rows(
        frequencies: frequencies, magnitude: magnitude,
        count: max(positions, (made?.count ?? 0) * 2, 1024))
      made = rows
      return rows
    }
  }
}

/// The tables of all rotations in a model; blocks that turn alike share one.
struct RotaryTables: Sendable {
  private struct Entry {
    let turn: RotaryTurn
    let table: RotaryTable
  }

  private let tables: [Entry]

  init(_ plans: [BlockPlan]) {
    var rotations: [AttentionPlan.Rotation] = []
    for rotation in plans.compactMap(\.attention.rotation) where !rotations.contains(rotation) {
      rotations.append(rotation)
    }
    tables = rotations.flatMap { rotation in
      ([false] + (rotation.embedding.longContext == nil ? [] : [true])).map { isLong in
        let turn = RotaryTurn(rotation: rotation, isLong: isLong)
        return Entry(turn: turn, table: RotaryTable(turn))
      }
    }
  }

  /// At least the rows of the positions `0..<positions` of the tables that sequences of these lengths turn by.
  ///
  /// - Throws: `PlatformError.memoryRefused`.
  func rows(_ positions: Int, lengths: [Int]) throws(PlatformError) -> RotaryRows {
    var made: [RotaryRows.Row] = []
    for entry in tables where lengths.contains(where: entry.turn.isOf) {
      made.append(RotaryRows.Row(turn: entry.turn, rows: try entry.table.rows(positions)))
    }
    return RotaryRows(positions: positions, rows: made)
  }
}

/// Rows of the tables of a model for one pass.
struct RotaryRows: Sendable {
  fileprivate let positions: Int
  fileprivate let rows: [Row]

  struct Row: Sendable {
    let turn: RotaryTurn
    let rows: RotaryTable.Rows
  }

  /// Those of one rotation for a sequence of `length` tokens; made when no block of the model turns so.
  ///
  /// - Throws: `PlatformError.memoryRefused`.
  func of(
    _ rotation: AttentionPlan.Rotation, length: Int
  ) throws(PlatformError) -> RotaryTable.Rows {
    let turn = RotaryTurn(rotation, length: length)
    if let found = rows.first(where: { $0.turn == turn }) { return found.rows }
    return try RotaryTable(turn).rows(positions)
  }
}

/// A rotation as sequences of some length turn by it.
struct RotaryTurn: Hashable, Sendable {
  let rotation: AttentionPlan.Rotation
  let isLong: Bool

  init(rotation: AttentionPlan.Rotation, isLong: Bool) {
    self.rotation = rotation
    self.isLong = isLong
  }

  /// Whether a sequence of `length` tokens turns so.
  func isOf(length: Int) -> Bool {
    guard let longContext = rotation.embedding.longContext else { return !isLong }
    return isLong == (length > longContext)
  }

  init(_ rotation: AttentionPlan.Rotation, length: Int) {
    let short = RotaryTurn(rotation: rotation, isLong: false)
    self = short.isOf(length: length) ? short : RotaryTurn(rotation: rotation, isLong: true)
  }
}

extension RotaryTable {
  fileprivate convenience init(_ turn: RotaryTurn) {
    self.init(
      turn.rotation.embedding, headDimension: turn.rotation.channels, isLong: turn.isLong)
  }
}

import Glibc
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

    fileprivate init(frequencies: [Float], count: Int) {
      let pairs = frequencies.count
      let storage = UnsafeMutablePointer<Float>.allocate(capacity: max(1, 2 * count * pairs))
      let sines = storage + count * pairs
      frequencies.withUnsafeBufferPointer { frequencies in
        for position in 0..<count {
          for pair in 0..<pairs {
            // The angle is a float32 product, as in transformers.
            let angle = Double(Float(position) * frequencies[pair])
            storage[position * pairs + pair] = Float(cos(angle))
            sines[position * pairs + pair] = Float(sin(angle))
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
  private let made: Mutex<Rows>

  package init(_ embedding: RotaryEmbedding, headDimension: Int) {
    frequencies = embedding.frequencies(headDimension: headDimension)
    made = Mutex(Rows(frequencies: frequencies, count: 0))
  }

  /// At least the rows of the positions `0..<positions`.
  package func rows(_ positions: Int) -> Rows {
    made.withLock { rows in
      if rows.count < positions {
        // Whoever still reads the shorter table holds on to it.
        rows = Rows(frequencies: frequencies, count: max(positions, rows.count * 2, 1024))
      }
      return rows
    }
  }
}

/// The tables of all rotations in a model; blocks that turn alike share one.
struct RotaryTables: Sendable {
  private let tables: [(rotation: AttentionPlan.Rotation, table: RotaryTable)]

  init(_ plans: [BlockPlan]) {
    var rotations: [AttentionPlan.Rotation] = []
    for rotation in plans.compactMap(\.attention.rotation) where !rotations.contains(rotation) {
      rotations.append(rotation)
    }
    tables = rotations.map { ($0, RotaryTable($0)) }
  }

  /// At least the rows of the positions `0..<positions` of every table.
  func rows(_ positions: Int) -> RotaryRows {
    RotaryRows(positions: positions, rows: tables.map { ($0.rotation, $0.table.rows(positions)) })
  }
}

/// Rows of the tables of a model for one pass.
struct RotaryRows: Sendable {
  fileprivate let positions: Int
  fileprivate let rows: [(rotation: AttentionPlan.Rotation, rows: RotaryTable.Rows)]

  /// Those of one rotation; made when no block of the model turns so.
  func of(_ rotation: AttentionPlan.Rotation) -> RotaryTable.Rows {
    rows.first { $0.rotation == rotation }?.rows ?? RotaryTable(rotation).rows(positions)
  }
}

extension RotaryTable {
  fileprivate convenience init(_ rotation: AttentionPlan.Rotation) {
    self.init(rotation.embedding, headDimension: rotation.channels)
  }
}

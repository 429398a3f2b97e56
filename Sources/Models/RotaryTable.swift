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

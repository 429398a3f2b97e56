package import Models
package import Operators
import Platform
package import Tensors

/// Bytes that caches of one format really hold of this machine's memory, measured.
package struct CacheResidence: Hashable, Sendable, Codable {
  /// Sequences that were filled.
  package var sequences: Int
  /// Tokens of each.
  package var length: Int
  /// By how much the memory of this process grew.
  package var bytes: Int

  package init(sequences: Int, length: Int, bytes: Int) {
    self.sequences = sequences
    self.length = length
    self.bytes = bytes
  }

  package var bytesPerToken: Double { Double(bytes) / Double(max(1, sequences * length)) }
}

/// Fills caches through their own append path until the system's own count of resident memory tells them from noise.
package struct CacheResidenceMeasure {
  package let model: Model
  package let context: ExecutionContext
  /// Bytes that are filled at least.
  package var least = 48 << 20

  package init(model: Model, context: ExecutionContext) {
    self.model = model
    self.context = context
  }

  /// Fills sequences of `length` tokens with normal deviates; nil where the system does not tell what is resident.
  ///
  /// - Throws: what caches throw, and what `checkpoint` does between sequences.
  package func run(
    _ format: KVFormatPair, length: Int, checkpoint: () throws -> Void = {}
  ) throws -> CacheResidence? {
    let layout = model.cacheLayout(format)
    let piece = 64
    let width = model.configuration.kvHeads * model.configuration.headDimension
    var generator = SeededGenerator(seed: 8)
    let values = (0..<2 * piece * width).map { _ in Float(generator.normal()) }
    func filled(_ pool: KVBlockPool) throws -> BlockKVCache {
      let cache = BlockKVCache(pool: pool, capacity: length)
      while cache.length < length {
        let count = min(piece, length - cache.length)
        try cache.reserve(count)
        values.withUnsafeBufferPointer { values in
          guard let base = values.baseAddress else { return }
          for layer in model.blocks.indices {
            cache.append(
              keys: base, values: base + piece * width, tokens: count, layer: layer,
              context: context)
          }
        }
        cache.advance(count)
      }
      return cache
    }
    // The first, with memory of its own, warms up what appending itself needs.
    let first = try filled(KVBlockPool(layout))
    let pool = try KVBlockPool(layout)
    var held: [BlockKVCache] = []
    guard let before = Machine.residentBytes() else { return nil }
    let size = max(1, first.byteCount)
    let count = max(1, (least + size - 1) / size)
    for _ in 0..<count {
      try checkpoint()
      held.append(try filled(pool))
    }
    guard let after = Machine.residentBytes() else { return nil }
    return withExtendedLifetime((first, held)) {
      CacheResidence(sequences: count, length: length, bytes: max(0, after - before))
    }
  }
}

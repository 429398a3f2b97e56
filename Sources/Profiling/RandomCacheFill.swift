package import Models
package import Operators
import Platform

/// Fills caches with random vectors through their own append path, so that any depth costs little.
package struct RandomCacheFill {
  private let model: Model
  private let context: ExecutionContext
  private let vectors: [Float]
  private let width: Int

  /// Tokens appended at once.
  private static let chunk = 256

  package init(_ model: Model, context: ExecutionContext) {
    self.model = model
    self.context = context
    width = model.configuration.kvHeads * model.configuration.headDimension
    var generator = SeededGenerator(seed: 1, stream: [UInt64(width)])
    vectors = generator.normals(2 * Self.chunk * width)
  }

  /// Appends until the cache holds `depth` tokens.
  package func fill(_ cache: BlockKVCache, to depth: Int, checkpoint: () throws -> Void) throws {
    while cache.length < depth {
      try checkpoint()
      let count = min(Self.chunk, depth - cache.length)
      try cache.reserve(count)
      vectors.withUnsafeBufferPointer { vectors in
        guard let base = vectors.baseAddress else { return }
        for layer in model.blocks.indices {
          // Every layer and chunk begins elsewhere in the same numbers.
          let shift = (cache.length / Self.chunk * 31 + layer * 7) % Self.chunk
          cache.append(
            keys: base + shift * width, values: base + (Self.chunk - shift) * width, tokens: count,
            layer: layer, context: context)
        }
      }
      cache.advance(count)
    }
  }
}

package import Operators
package import Tensors

/// What a KV cache must fit: the layers that keep one, their KV heads, and how they are stored.
package struct KVCacheLayout: Hashable, Sendable {
  package var layers: Int
  package var kvHeads: Int
  package var headDimension: Int
  package var format: KVFormatPair
  /// What a checkpoint says of each layer, in place of what an FP8 cache would find from its first tokens; nil for none.
  package var scales: [KVScales]?

  package init(layers: Int, kvHeads: Int, headDimension: Int, format: KVFormatPair) {
    self.layers = layers
    self.kvHeads = kvHeads
    self.headDimension = headDimension
    self.format = format
  }
}

/// The scales of the keys and values of a layer that a checkpoint was calibrated with.
package struct KVScales: Hashable, Sendable {
  package var keys: Float
  package var values: Float

  package init(keys: Float, values: Float) {
    self.keys = keys
    self.values = values
  }
}

extension KVCacheLayout {
  /// Tokens one pass may append: tokens of a pass see each other in full precision where the latest
  /// ones are kept so, hence passes are short there.
  package var longestPass: Int { format.window == nil ? .max : 32 }
}

extension KVCacheLayout: CustomStringConvertible {
  package var description: String {
    "\(layers) layers of \(kvHeads) heads of \(headDimension) channels"
  }
}

/// The keys and values of the tokens one sequence has seen.
///
/// It stores and shows; it never multiplies. A pass reserves room, appends to every layer, and
/// advances; one that is given up before it advances leaves the sequence as it was. Used by one
/// thread at a time.
package protocol KVCache: AnyObject {
  var layout: KVCacheLayout { get }
  /// Tokens that are in every layer.
  var length: Int { get }
  /// The most tokens it takes.
  var capacity: Int { get }
  /// Bytes held for the tokens that are there, by arithmetic.
  var byteCount: Int { get }

  /// Makes room for `tokens` tokens after `length`.
  ///
  /// - Throws: `ModelError.contextExceeded`, or the platform's error when memory is refused.
  func reserve(_ tokens: Int) throws

  /// Writes keys and values, `[tokens, kvHeads, headDimension]`, after `length` in one layer.
  func append(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, tokens: Int, layer: Int,
    context: ExecutionContext)

  /// One layer as attention reads it, with the room that was reserved.
  func view(layer: Int) -> KVView

  /// Counts `tokens` tokens, which every layer has by now, as there, and quantizes what leaves the
  /// window of recent ones.
  func advance(_ tokens: Int)

  /// Forgets all tokens from `length` on.
  func truncate(to length: Int)

  /// What was to be stored and does not fit the format, nil for nothing so far.
  var overflow: KVOverflow? { get }
}

/// A key or value beyond what a cache's format holds.
package struct KVOverflow: Hashable, Sendable {
  package var layer: Int
  /// Its magnitude, the largest of the pass.
  package var value: Float
  /// The largest magnitude the format holds.
  package var limit: Float
  /// `keys` or `values`.
  package var side: String
}

extension KVFormat {
  /// The largest magnitude that fits, nil where nothing is too large for it or what is beyond is clamped.
  var largestValue: Float? {
    switch self {
    case .float(.f16): 65504
    // A scale in FP16 times the largest code.
    case .integer(let bits, _): 65504 * (bits == 8 ? 127 : 8)
    case .channelGroups, .tokenGroups, .codebook: 65504
    case .rotated(let format, _): format.largestValue
    case .float, .fp8: nil
    }
  }
}

extension KVCache {
  /// Forgets all tokens.
  package func reset() { truncate(to: 0) }

  package func append(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, tokens: Int, layer: Int,
    context: ExecutionContext
  ) {
    context.append(keys: keys, values: values, tokens: tokens, to: view(layer: layer))
  }
}

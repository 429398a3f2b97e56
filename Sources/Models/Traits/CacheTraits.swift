package import Tensors

/// What only a method for the KV cache knows of itself: the forms it makes, and what it is good at.
///
/// A plan ranks caches by their bits: the finest form that fits, and among forms that do, the one with the least error.
package struct CacheTraits: Hashable, Sendable {
  /// One form a method makes.
  package struct Form: Hashable, Sendable {
    /// The order of errors over all methods and forms, higher for less.
    package var quality: Double
    /// How keys and values are stored; runtimes are asked about the keys.
    package var cache: KVFormatPair

    /// - Parameters:
    ///   - values: as keys where not given.
    ///   - window: the latest tokens that stay in full precision.
    package init(quality: Double, keys: KVFormat, values: KVFormat? = nil, window: Int? = nil) {
      self.quality = quality
      cache = KVFormatPair(
        keys: keys, values: values ?? keys, window: window.map { KVWindow(tokens: $0) })
    }

    package var keys: KVFormat { cache.keys }

    /// Bits of a value, scales included, for heads of `headDimension` channels; a window of full precision is not in it.
    package func bits(headDimension: Int) -> Double {
      cache.bitsPerValue(headDimension: headDimension)
    }
  }

  /// Widest first, one at least.
  package var forms: [Form]
  /// What the method is good at where it meets the need, one clause.
  package var strength: String

  package init(strength: String, forms: Form...) {
    self.strength = strength
    self.forms = forms
  }
}

package import Tensors

/// What only a method for the KV cache knows of itself: the forms it makes, and what it is good at.
///
/// A plan ranks caches by their bits: the finest form that fits, and among forms that do, the one with the least error.
package struct CacheTraits: Hashable, Sendable {
  /// One form a method makes.
  package struct Form: Hashable, Sendable {
    /// Bits of a value, scales included.
    package var bits: Double
    /// The order of errors over all methods and forms, higher for less.
    package var quality: Double
    /// How keys are stored; runtimes are asked about this.
    package var keys: KVFormat

    package init(bits: Double, quality: Double, keys: KVFormat) {
      self.bits = bits
      self.quality = quality
      self.keys = keys
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

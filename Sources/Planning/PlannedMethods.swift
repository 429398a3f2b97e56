package import Models

/// The methods there are, by target, each with what it declares of itself: all that a plan knows of them.
package struct PlannedMethods: Hashable, Sendable {
  /// A method for weights or activations.
  package struct Method: Hashable, Sendable {
    /// As recipes name it.
    package var name: String
    package var traits: MethodTraits

    package init(name: String, traits: MethodTraits) {
      self.name = name
      self.traits = traits
    }
  }

  /// A method for the KV cache.
  package struct Cache: Hashable, Sendable {
    /// As recipes name it.
    package var name: String
    package var traits: CacheTraits

    package init(name: String, traits: CacheTraits) {
      self.name = name
      self.traits = traits
    }
  }

  /// In the order of their list, which decides between equals.
  package var weights: [Method]
  package var activations: [Method]
  package var caches: [Cache]
  /// What earlier runs of the model found, all on one text by one protocol.
  package var measured: [MeasuredMethod]

  package init(
    weights: [Method] = [], activations: [Method] = [], caches: [Cache] = [],
    measured: [MeasuredMethod] = []
  ) {
    self.measured = measured
    self.weights = weights
    self.activations = activations
    self.caches = caches
  }
}

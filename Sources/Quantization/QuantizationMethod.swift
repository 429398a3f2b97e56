package import Models
package import Platform
package import Tensors

/// A method that quantizes the weights of a model, or its activations, one decoder block at a time.
///
/// To add one: a file in `Methods/`, a line in `QuantizationMethods.all`. Forms, help, recipes and documents
/// are made from `describes`.
package protocol QuantizationMethod: Sendable {
  static var describes: MethodDescription { get }

  /// Takes options that were checked against `describes.options`.
  init(options: OptionValues)

  /// Changes the draft of one block: its weights, its activation formats, its norms.
  ///
  /// - Throws: `QuantizationError` naming the layer; the draft is then not used.
  func quantize(_ draft: inout BlockDraft) throws
}

/// One decoder block while it is being quantized.
///
/// Methods run one after the other on the same draft: one that shapes the weights sees what the one before
/// it left.
package struct BlockDraft {
  /// One linear layer of the block.
  package struct Layer {
    package let projection: Projection
    /// How errors name it: `block 3 down`.
    package let name: String
    /// The weight as it was when the draft was made.
    package let original: any LinearWeight
    /// What will be used; set by a weight method.
    package var weight: any LinearWeight
    package var activation: ActivationFormat
    /// The method that shaped the weight, for the report; empty while it is as it was.
    package var method = ""
    /// Why it was not quantized as asked, if so.
    package var fallback: String?

    package init(
      projection: Projection, name: String, weight: any LinearWeight, activation: ActivationFormat
    ) {
      self.projection = projection
      self.name = name
      original = weight
      self.weight = weight
      self.activation = activation
    }

    /// Whether a method has already chosen the form of the weight.
    package var isQuantized: Bool { !weight.format.isFloat }
  }

  package let index: Int
  /// In the order of the forward pass.
  package var layers: [Layer]
  package let pool: WorkerPool
  /// Second moments of the inputs, by the first projection of each input group; gathered only for methods that
  /// calibrate on activations.
  package var hessians: [Projection: Hessian]

  package init(
    index: Int, layers: [Layer], pool: WorkerPool, hessians: [Projection: Hessian] = [:]
  ) {
    self.index = index
    self.layers = layers
    self.pool = pool
    self.hessians = hessians
  }
}

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

  /// What quantizing one block takes beside the passes every recipe makes.
  func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost
}

extension QuantizationMethod {
  /// A walk over the weights.
  package func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost {
    QuantizationCost(walks: 1)
  }
}

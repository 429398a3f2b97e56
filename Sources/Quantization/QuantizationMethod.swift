package import Models
package import Tensors

/// A method that quantizes the weights of a model, or its activations, one decoder block at a time.
///
/// To add one: a file in `Methods/`, a line in `QuantizationMethods.all`. Forms, help, recipes and documents
/// are made from `describes`.
package protocol QuantizationMethod: Sendable {
  static var describes: MethodDescription { get }

  /// What only the method knows: the forms it makes, what it is good and bad at, and where it stands in a plan.
  static var traits: MethodTraits { get }

  /// Changes with anything that changes the bits the method makes of the same input: an unfinished run of another
  /// revision is not continued.
  static var revision: Int { get }

  /// Takes options that were checked against `describes.options`.
  init(options: OptionValues)

  /// What it must see before it can work, with these options.
  var calibration: MethodDescription.Calibration { get }

  /// What the inputs of a quantized head are turned into besides this method; nil for as layers in FP have them.
  var headActivation: ActivationFormat? { get }

  /// Changes what other methods are to find: scale moved between layers. Runs before any method of the recipe quantizes.
  ///
  /// - Throws: `QuantizationError` naming the layer; the draft is then not used.
  func prepare(_ draft: inout BlockDraft) throws

  /// Changes the draft of one block: its weights, its activation formats, its norms.
  ///
  /// - Throws: `QuantizationError` naming the layer; the draft is then not used.
  func quantize(_ draft: inout BlockDraft) throws

  /// What quantizing one block takes next to the passes every recipe makes.
  func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost
}

extension QuantizationMethod {
  /// What the description says, whatever the options.
  package var calibration: MethodDescription.Calibration { Self.describes.calibration }

  package static var revision: Int { 1 }

  package var headActivation: ActivationFormat? { nil }

  /// Nothing.
  package func prepare(_ draft: inout BlockDraft) throws {}

  /// A walk over the weights.
  package func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost {
    QuantizationCost(sweeps: 1)
  }
}

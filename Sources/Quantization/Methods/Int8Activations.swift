import Models

/// W8A8: activations in INT8, and weights in INT8 to multiply them with; products are summed in int32.
///
/// Scales of activations are found for each token at run time (SmoothQuant's O1, vLLM's dynamic INT8), for all tokens
/// that are multiplied together (O2), or by calibration (O3). Weights that another method has put in integers keep their
/// form.
package struct Int8Activations: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "int8", title: "W8A8 INT8",
    summary: "Multiplies INT8 activations with INT8 weights; scales per token, tensor or static.",
    target: .activations, calibration: .none, options: Int8Form.options,
    aliases: ["w8a8", "int8-dynamic", "dynamic"])

  private let form: Int8Form

  package init(options: OptionValues) { form = Int8Form(options) }

  package var calibration: MethodDescription.Calibration { form.activations.calibration }

  package func quantize(_ draft: inout BlockDraft) throws {
    try form.apply(to: &draft, method: Self.describes.name)
  }

  package func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost {
    QuantizationCost(walks: 1) + form.activations.cost
  }
}

package import Models
package import Tensors

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

  package static let scaling = ActivationOptions.scaling

  package static let traits = MethodTraits(
    .init(
      when: .int8IsFaster, rank: 3, form: .int8(),
      why: """
        INT8 at \(.int8Rate) against \(.bf16Rate) in BF16 and no calibration, but outliers cost accuracy
        """,
      wouldChange: "an outlier survey without outliers: then it comes before SmoothQuant"),
    .init(
      rank: 3, form: .int8(),
      why: "INT8 is no faster here: \(.int8Rate) against \(.bf16Rate) in BF16",
      wouldChange: "an outlier survey without outliers: then it comes before SmoothQuant"))

  private let form: Int8Form

  package init(options: OptionValues) { form = Int8Form(options) }

  package var calibration: MethodDescription.Calibration { form.activations.calibration }

  package var headActivation: ActivationFormat? { .int8PerToken }

  package func quantize(_ draft: inout BlockDraft) throws {
    try form.apply(to: &draft, method: Self.describes.name)
  }

  package func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost {
    QuantizationCost(sweeps: 1) + form.activations.cost
  }
}

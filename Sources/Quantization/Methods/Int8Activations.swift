package import Models
import Tensors

/// W8A8: activations in INT8, one scale a token found at run time, and weights in INT8 to multiply them with.
///
/// Symmetric on both sides, `scale = amax / 127`, products summed in int32 (methods as in SmoothQuant's O1
/// and vLLM's dynamic INT8). Weights that another method has already put in integers keep their form.
package struct Int8Activations: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "int8", title: "W8A8 INT8",
    summary: "Multiplies INT8 activations, scaled per token at run time, with INT8 weights.",
    target: .activations, calibration: .none,
    options: [
      OptionSpec(
        key: "weights", summary: "one weight scale per output channel, or one for the tensor",
        kind: .choice(names: ["channel", "tensor"]), standard: .choice("channel"))
    ],
    aliases: ["w8a8", "int8-dynamic", "dynamic"])

  private let format: WeightFormat

  package init(options: OptionValues) {
    format = WeightFormat(
      code: .integer(bits: 8),
      granularity: options.choice("weights") == "tensor" ? .tensor : .channel)
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    for index in draft.layers.indices where !draft.layers[index].staysFloat {
      draft.layers[index].activation = .int8PerToken
      let layer = draft.layers[index]
      guard !layer.isQuantized else { continue }
      let outcome = try RoundToNearest.quantize(
        layer.weight, as: format, .init(grid: .absmax, scaleType: .f32), layer: layer.name,
        pool: draft.pool)
      draft.layers[index].weight = outcome.weight
      draft.layers[index].method = Self.describes.name
    }
  }
}

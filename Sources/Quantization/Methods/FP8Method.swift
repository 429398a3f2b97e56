import Models
import Tensors

/// FP8: weights and activations as 8-bit floats, each a scale times E4M3 or E5M2.
///
/// As in llm-compressor's FP8_DYNAMIC (a scale a channel, and a token) and FP8 (one for the tensor, and one from
/// calibration), and with the 128 x 128 blocks of DeepSeek. Weights that another method has put in integers keep their
/// form.
package struct FP8Method: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "fp8", title: "FP8",
    summary: "Multiplies 8-bit floats: outliers cost them less than they cost INT8.",
    target: .activations, calibration: .none,
    options: [
      .weightScales(
        ["tensor", "channel", "block"],
        "one weight scale for the tensor, per output channel, or per 128 x 128 block"),
      OptionSpec(
        key: "type", summary: "e4m3 has the finer steps, e5m2 the wider range",
        kind: .choice(names: FloatGrid.allCases.map(\.rawValue)),
        standard: .choice(FloatGrid.e4m3.rawValue), aliases: ["format", "dtype"]),
      .activationScaling,
    ],
    aliases: ["fp8_dynamic", "fp8-dynamic", "w8a8-fp8", "w8a8_fp8", "float8"])

  private let format: WeightFormat
  private let activations: ActivationChoice

  package init(options: OptionValues) {
    let type = (FloatGrid(rawValue: options.choice("type")) ?? .e4m3).dtype
    let granularity: WeightFormat.Granularity =
      switch options.choice("weights") {
      case "tensor": .tensor
      case "block": .block(rows: 128, columns: 128)
      default: .channel
      }
    format = WeightFormat(code: .scaledFloat(type: type), granularity: granularity)
    activations = ActivationChoice(.float8(type: type), options)
  }

  package var calibration: MethodDescription.Calibration { activations.calibration }

  package func quantize(_ draft: inout BlockDraft) throws {
    for index in draft.layers.indices where !draft.layers[index].staysFloat {
      let layer = draft.layers[index]
      guard !layer.isQuantized else { continue }
      draft.layers[index].weight = try ScaledFloatRounding.quantize(
        layer.weight, as: format, layer: layer.name, pool: draft.pool)
      draft.layers[index].method = Self.describes.name
      if case .bits(let bits)? = layer.treatment, bits != 8 {
        draft.layers[index].note("8 bits: there are no floats of \(bits) bits here")
      }
    }
    try activations.apply(to: &draft)
  }

  package func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost {
    QuantizationCost(walks: 2) + activations.cost
  }
}

package import Models
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
    options: [weightScales.spec, type.spec, scaling.spec],
    aliases: ["fp8_dynamic", "fp8-dynamic", "w8a8-fp8", "w8a8_fp8", "float8"])

  static let weightScales = ActivationOptions.weights(
    [.tensor, .channel, .block],
    "one weight scale for the tensor, per output channel, or per 128 x 128 block")
  static let type = OptionKey<FloatGrid>(
    "type", "e4m3 has the finer steps, e5m2 the wider range", standard: .e4m3,
    aliases: ["format", "dtype"])
  static let scaling = ActivationOptions.scaling

  private static let e4m3 = MethodTraits.Form(
    weights: WeightFormat(code: .scaledFloat(type: .f8e4m3), granularity: .channel),
    activations: .fp8(type: .f8e4m3, scaling: .token))

  package static let traits = MethodTraits(
    .init(
      when: .noFP8Arithmetic, rank: 1, form: e4m3,
      why: "no FP8 arithmetic is known of this machine: it would save memory only",
      wouldChange: "a machine that multiplies FP8"),
    .init(
      when: .fp8KeepsUpWithInt8, rank: 5, form: e4m3,
      why: """
        multiplies at \(.fp8Rate), no slower than INT8, and its exponent takes outliers as they are
        """,
      wouldChange: "a machine whose INT8 is faster"),
    .init(
      rank: 2, form: e4m3, why: "multiplies at \(.fp8Rate), slower than INT8's \(.int8Rate)",
      wouldChange: "a machine with faster FP8"))

  private let format: WeightFormat
  private let activations: ActivationChoice

  package init(options: OptionValues) {
    let type = options[Self.type].dtype
    format = WeightFormat(
      code: .scaledFloat(type: type), granularity: options[Self.weightScales].granularity)
    activations = ActivationChoice(.float8(type: type), options[Self.scaling])
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
    QuantizationCost(sweeps: 2) + activations.cost
  }
}

extension FloatGrid: OptionChoice {}

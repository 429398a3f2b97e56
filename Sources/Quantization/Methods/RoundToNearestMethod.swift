import Models
import Tensors

/// RTN: every weight goes to the nearest point of a grid found from the weights alone.
///
/// No calibration; the floor that GPTQ and AWQ are measured against.
package struct RoundToNearestMethod: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "rtn", title: "RTN",
    summary: "Rounds each weight to the nearest point of its group's grid; needs no data.",
    target: .weights, calibration: .none,
    options: [
      .weightBits,
      .weightGroup(tensor: true),
      .weightSymmetry(standard: true),
      OptionSpec(
        key: "grid", summary: "whose rule makes scales and zero points (see the documentation)",
        kind: .choice(names: ["gptq", "awq", "absmax", "compressed-tensors"]),
        standard: .choice("gptq")),
      OptionSpec(
        key: "mse", summary: "search each range for the least error instead of taking min and max",
        kind: .flag, standard: .flag(false)),
    ],
    aliases: ["round-to-nearest"])

  private let format: WeightFormat
  private let options: RoundToNearest.Options

  package init(options: OptionValues) {
    format = options.weightFormat
    self.options = RoundToNearest.Options(
      grid: Grid.Convention(rawValue: options.choice("grid")) ?? .gptq,
      searchesRange: options.flag("mse"))
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    for index in draft.layers.indices where !draft.layers[index].staysFloat {
      let layer = draft.layers[index]
      let outcome = try RoundToNearest.quantize(
        layer.weight, as: layer.format(format), options, layer: layer.name, pool: draft.pool)
      draft.layers[index].weight = outcome.weight
      draft.layers[index].method = Self.describes.name
      if let reason = outcome.fallback { draft.layers[index].note(reason) }
    }
  }
}

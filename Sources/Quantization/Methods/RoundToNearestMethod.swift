package import Models
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
      OptionSpec(
        key: "bits", summary: "bits of a weight",
        kind: .integer(lowest: 2, highest: 8, listed: [2, 3, 4, 8]), standard: .integer(4),
        aliases: ["wbits", "w_bit", "num_bits"]),
      OptionSpec(
        key: "group",
        summary: "input channels that share a scale; -1 a whole row, 0 the whole tensor",
        kind: .integer(lowest: -1, highest: 1024, listed: [-1, 0, 16, 32, 64, 128, 256]),
        standard: .integer(128), aliases: ["group_size", "groupsize", "q_group_size", "group-size"]),
      OptionSpec(
        key: "symmetric", summary: "one fixed zero point, else one found for each scale",
        kind: .flag, standard: .flag(true), aliases: ["sym"]),
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
    let group = options.integer("group")
    format = WeightFormat(
      code: .integer(bits: options.integer("bits")),
      granularity: group < 0 ? .channel : group == 0 ? .tensor : .group(size: group),
      isSymmetric: options.flag("symmetric"))
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
      draft.layers[index].fallback = outcome.fallback
    }
  }
}

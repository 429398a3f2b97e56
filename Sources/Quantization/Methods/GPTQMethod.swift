package import Models
import Platform
import Tensors

/// GPTQ: rounds a layer column by column, and lets the columns to come make up for each error.
///
/// Frantar et al., arXiv 2210.17323. The inputs that shape the Hessian are those of the calibration text behind the
/// blocks that are quantized already. Act-order takes its groups from the original order of the columns (static
/// groups), so that no index of groups is needed when the layer runs.
package struct GPTQMethod: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "gptq", title: "GPTQ",
    summary: "Rounds column by column; the columns to come make up for each error on real inputs.",
    target: .weights, calibration: .activations,
    options: [
      OptionSpec(
        key: "bits", summary: "bits of a weight",
        kind: .integer(lowest: 2, highest: 8, listed: [2, 3, 4, 8]), standard: .integer(4),
        aliases: ["wbits", "w_bit", "num_bits"]),
      OptionSpec(
        key: "group", summary: "input channels that share a scale; -1 a whole row",
        kind: .integer(lowest: -1, highest: 1024, listed: [-1, 32, 64, 128, 256]),
        standard: .integer(128), aliases: ["group_size", "groupsize", "q_group_size", "group-size"]),
      OptionSpec(
        key: "symmetric", summary: "one fixed zero point, else one found for each scale",
        kind: .flag, standard: .flag(true), aliases: ["sym"]),
      OptionSpec(
        key: "act-order", summary: "the columns with the largest inputs first, in static groups",
        kind: .flag, standard: .flag(false), aliases: ["desc_act", "actorder"]),
      OptionSpec(
        key: "damping", summary: "share of the mean diagonal added to the Hessian's",
        kind: .decimal(lowest: 0, highest: 1), standard: .decimal(0.01),
        aliases: ["damp_percent", "percdamp", "dampening_frac"]),
      OptionSpec(
        key: "mse", summary: "search each range for the least error instead of taking min and max",
        kind: .flag, standard: .flag(false)),
    ])

  private let format: WeightFormat
  private let ordersByActivation: Bool
  private let damping: Double
  private let searchesRange: Bool

  package init(options: OptionValues) {
    let group = options.integer("group")
    format = WeightFormat(
      code: .integer(bits: options.integer("bits")),
      granularity: group < 0 ? .channel : .group(size: group),
      isSymmetric: options.flag("symmetric"))
    ordersByActivation = options.flag("act-order")
    damping = options.decimal("damping")
    searchesRange = options.flag("mse")
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    var preparations: [Projection: GPTQPreparation] = [:]
    for index in draft.layers.indices {
      let layer = draft.layers[index]
      let inputs = layer.projection.inputGroup[0]
      if case .group(let size) = format.granularity {
        try RoundToNearest.checkGroup(size, columns: layer.weight.columns, layer: layer.name)
      }
      if preparations[inputs] == nil, let hessian = draft.hessians[inputs] {
        preparations[inputs] = try GPTQPreparation(
          hessian.matrix(), columns: hessian.columns, ordersByActivation: ordersByActivation,
          damping: damping, layer: layer.name, threads: draft.pool.threads)
      }
      let outcome = try round(layer, preparations[inputs], draft)
      draft.layers[index].weight = outcome.weight
      draft.layers[index].fallback = outcome.fallback
      draft.layers[index].method = Self.describes.name
    }
  }

  private func round(
    _ layer: BlockDraft.Layer, _ preparation: GPTQPreparation?, _ draft: BlockDraft
  ) throws -> (weight: any LinearWeight, fallback: String?) {
    if let preparation {
      let group: Int? = if case .group(let size) = format.granularity { size } else { nil }
      let result = try GPTQ.quantize(
        layer.weight.dequantized(), rows: layer.weight.rows, preparation,
        GPTQ.Options(
          grid: Grid(.gptq, bits: format.bits, isSymmetric: format.isSymmetric), group: group,
          ordersByActivation: ordersByActivation, hasStaticGroups: ordersByActivation,
          damping: damping, searchesRange: searchesRange),
        layer: layer.name, pool: draft.pool)
      if let weight = try result.weight() { return (weight, result.fallback) }
    }
    let outcome = try RoundToNearest.quantize(
      layer.weight, as: format, .init(grid: .gptq, searchesRange: searchesRange),
      layer: layer.name, pool: draft.pool)
    return (
      outcome.weight, outcome.fallback ?? "rounded to nearest: no calibration inputs were seen"
    )
  }
}

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
    options: [bits.spec, group.spec, symmetric.spec, grid.spec, mse.spec],
    aliases: ["round-to-nearest"])

  package static let bits = WeightOptions.bits
  package static let group = WeightOptions.group(tensor: true)
  package static let symmetric = WeightOptions.symmetry(standard: true)
  package static let grid = OptionKey<Grid.Convention>(
    "grid", "whose rule makes scales and zero points (see the documentation)", standard: .gptq)
  static let mse = OptionKey<Bool>(
    "mse", "search each range for the least error instead of taking min and max", standard: false)

  package static let traits = MethodTraits(
    .init(
      when: .eightBitsDo, rank: 5, form: .eightBits,
      why: """
        at W8 rounding costs next to nothing, the weights take \(.weightBytes), and fewer bits save hardly more \
        than its \(.savedByEightBitWeights) of the time
        """,
      wouldChange: "a smaller budget, or a batch below \(.crossoverBatch): then W4"),
    .init(
      when: .fewerThanFourBitsFit, rank: 1, form: .fourBits(),
      why: "rounding alone loses too much below W4",
      wouldChange: "room for W8: then rounding is enough"),
    .init(
      when: .eightBitsFit, rank: 1, form: .fourBits(), why: "the largest error of these at W4",
      wouldChange: "a workload whose time W4 does not save over W8: then rounding is enough"),
    .init(
      rank: 1, form: .fourBits(), why: "the largest error of these at W4",
      wouldChange: "room for W8: then rounding is enough"))

  private let format: WeightFormat
  private let options: RoundToNearest.Options

  package init(options: OptionValues) {
    format = WeightFormat(
      bits: options[Self.bits], group: options[Self.group], isSymmetric: options[Self.symmetric])
    self.options = RoundToNearest.Options(
      grid: options[Self.grid], searchesRange: options[Self.mse])
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    for index in draft.layers.indices where !draft.layers[index].staysFloat {
      let layer = draft.layers[index]
      let outcome = try draft.clock.time("rounding") {
        try RoundToNearest.quantize(
          layer.weight, as: layer.format(format), options, layer: layer.name, pool: draft.pool)
      }
      draft.layers[index].weight = outcome.weight
      draft.layers[index].method = Self.describes.name
      if let reason = outcome.fallback { draft.layers[index].note(reason) }
    }
  }
}

extension Grid.Convention: OptionChoice {}

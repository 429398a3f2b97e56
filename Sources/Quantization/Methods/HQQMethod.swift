import Models
import Tensors

/// HQQ: a grid for each group whose zero point is a real number, moved until few large errors are left.
///
/// Badri and Shaji, 2023 (see `HQQ`); no calibration. Groups lie along the rows, the one axis that kernels run;
/// scales and zero points are those FP16 holds, and codes are chosen with them.
package struct HQQMethod: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "hqq", title: "HQQ",
    summary: "Moves the real zero point of each group until its errors are sparse; needs no data.",
    target: .weights, calibration: .none,
    options: [
      .weightBits,
      .weightGroup(standard: 64),
      OptionSpec(
        key: "rounds", summary: "rounds of the search at most; 0 leaves the plain grid",
        kind: .integer(lowest: 0, highest: 200, listed: []), standard: .integer(20),
        aliases: ["iters"]),
      OptionSpec(
        key: "norm",
        summary: "power of the norm that errors are counted in; below 1, few large ones",
        kind: .decimal(lowest: 0.1, highest: 1), standard: .decimal(0.7), aliases: ["lp_norm"]),
    ],
    aliases: ["half-quadratic"])

  private let format: WeightFormat
  private let rounds: Int
  private let norm: Double

  package init(options: OptionValues) {
    format = WeightFormat(
      code: .integer(bits: options.integer("bits")), granularity: options.weightGranularity,
      zeroPoint: .real)
    rounds = options.integer("rounds")
    norm = options.decimal("norm")
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    for index in draft.layers.indices where !draft.layers[index].staysFloat {
      let layer = draft.layers[index]
      let format = layer.format(format)
      let (rows, columns) = (layer.weight.rows, layer.weight.columns)
      let group: Int = if case .group(let size) = format.granularity { size } else { columns }
      let result = try HQQ.quantize(
        layer.weight.dequantized(), columns: columns,
        .init(bits: format.bits, group: group, rounds: rounds, norm: norm, storesFP16: true),
        layer: layer.name, pool: draft.pool)
      draft.layers[index].weight = try IntegerWeight(
        format: format, rows: rows, columns: columns, unpacked: result.codes,
        scales: result.scales, realZeros: result.zeros)
      draft.layers[index].method = Self.describes.name
      if result.flatGroups > 0 {
        draft.layers[index].note(
          "\(result.flatGroups) of \(result.scales.count) groups span less than HQQ resolves (0.0001): "
            + "one value each")
      }
    }
  }
}

package import Models
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
    options: [bits.spec, group.spec, rounds.spec, norm.spec],
    aliases: ["half-quadratic"])

  package static let bits = WeightOptions.bits
  package static let group = WeightOptions.group(standard: 64)
  static let rounds = OptionKey<Int>(
    "rounds", "rounds of the search at most; 0 leaves the plain grid", in: 0...200, standard: 20,
    aliases: ["iters"])
  static let norm = OptionKey<Double>(
    "norm", "power of the norm that errors are counted in; below 1, few large ones", in: 0.1...1,
    standard: 0.7, aliases: ["lp_norm"])

  package static let traits = MethodTraits(
    .init(
      rank: 2, form: .fourBits(group: 64, zeroPoint: .real),
      why: "needs no calibration text and takes seconds, at a larger error",
      wouldChange: "no calibration text: then it comes first"))

  private let format: WeightFormat
  private let rounds: Int
  private let norm: Double

  package init(options: OptionValues) {
    format = WeightFormat(
      code: .integer(bits: options[Self.bits]),
      granularity: WeightOptions.granularity(options[Self.group]), zeroPoint: .real)
    rounds = options[Self.rounds]
    norm = options[Self.norm]
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    for index in draft.layers.indices where !draft.layers[index].staysFloat {
      let layer = draft.layers[index]
      let format = layer.format(format)
      let (rows, columns) = (layer.weight.rows, layer.weight.columns)
      let group: Int = if case .group(let size) = format.granularity { size } else { columns }
      let (clock, pool) = (draft.clock, draft.pool)
      // The weights, and a code each.
      try layer.weight.expectRoom(MemoryLayout<Float>.stride + 1)
      func rounded(storesFP16: Bool) throws -> HQQ.Result {
        try clock.time("rounding") {
          try HQQ.quantize(
            layer.weight.dequantized(), columns: columns,
            .init(
              bits: format.bits, group: group, rounds: rounds, norm: norm, storesFP16: storesFP16),
            layer: layer.name, pool: pool)
        }
      }
      var result = try rounded(storesFP16: true)
      if result.scales.contains(where: { $0 >= 65504 }) {
        result = try rounded(storesFP16: false)
        draft.layers[index].note(
          "FP32 scales: a scale is above 65504, the largest number of FP16")
      }
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

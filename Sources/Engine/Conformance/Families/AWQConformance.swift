import Models
import Platform
import Quantization

/// AWQ: the searches over one linear layer, and over a toy decoder block.
///
/// The least loss may lie at another ratio where two are as good as equal; scales must agree all the same.
package enum AWQConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "AWQ" }

  package static func run(_ run: inout ConformanceRun) throws {
    if run.item.tensor("in.x_block") != nil {
      try AWQBlockConformance.run(&run)
    } else {
      try AWQLayerConformance.run(&run)
    }
  }

  /// The grid of a case.
  static func grid(_ item: ConformanceCase) throws -> Grid {
    // Without zero point the references take the plain symmetric grid.
    let hasZero = item.params["zero_point"]?.bool ?? true
    return try Grid(
      hasZero ? .awq : .absmax, bits: item.params["bits"]?.integer ?? 4, isSymmetric: !hasZero)
  }

  static func options(_ item: ConformanceCase, ratios key: String) -> AWQ.Options {
    let group = item.params["group"]?.integer ?? 128
    return AWQ.Options(
      group: group > 0 ? group : nil, ratios: item.params[key]?.integer ?? 20, scaleType: .f32)
  }
}

extension ConformanceRun {
  /// Compares one part of a search for scales.
  mutating func check(_ output: String, _ curve: AWQScaleCurve, kind: String) throws {
    switch kind {
    case "scales": try check(output, curve.scales)
    case "losses": try check(output, curve.losses)
    case "best_index": try check(output, [Double(curve.best)], losses: curve.losses)
    default: skip(output, because: "it is none of scales, losses, best_index")
    }
  }
}

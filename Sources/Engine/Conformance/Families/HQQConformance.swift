import Platform
import Quantization

/// HQQ of one weight at several widths, groups along a row (`axis1`) or strided over the matrix (`axis0`).
///
/// An output's name says all three: `b4.axis1.g64.codes`.
package enum HQQConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "HQQ" }

  package static func run(_ run: inout ConformanceRun) throws {
    guard run.item.params["round_zero"]?.bool != true else {
      throw ConformanceError.unsupported("HQQ with rounded zero points")
    }
    let columns = try run.fixture.dimensions("in.W", rank: 2)[1]
    let weights = try run.fixture.floats("in.W")
    var results: [HQQ.Options: HQQ.Result] = [:]
    for output in run.item.outputs {
      let parts = output.split(separator: ".")
      guard parts.count == 4, let options = options(parts, run.item) else {
        run.skip(output, because: "its name does not say bits, axis and group")
        continue
      }
      let result: HQQ.Result
      if let known = results[options] {
        result = known
      } else {
        result = try HQQ.quantize(weights, columns: columns, options, layer: "W")
        results[options] = result
      }
      switch parts[3] {
      case "codes": try run.check(output, result.codes)
      case "scale": try run.check(output, result.scales)
      case "zero": try run.check(output, result.zeros)
      default: run.skip(output, because: "it is none of codes, scale, zero")
      }
    }
  }

  private static func options(_ parts: [Substring], _ item: ConformanceCase) -> HQQ.Options? {
    let axes: [Substring: HQQ.Axis] = ["axis0": .strided, "axis1": .row]
    guard parts[0].hasPrefix("b"), let bits = Int(parts[0].dropFirst()),
      parts[2].hasPrefix("g"), let group = Int(parts[2].dropFirst()), let axis = axes[parts[1]]
    else { return nil }
    let rounds: Int = item.params["iters"]?.integer ?? 20
    let norm: Double = item.params["lp_norm"]?.double ?? 0.7
    let strength: Double = item.params["beta"]?.double ?? 10
    let growth: Double = item.params["kappa"]?.double ?? 1.01
    return HQQ.Options(
      bits: bits, group: group, axis: axis, rounds: rounds, norm: norm, strength: strength,
      growth: growth)
  }
}

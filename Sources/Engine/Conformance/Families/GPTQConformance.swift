import Platform
import Quantization
import Tensors

/// GPTQ of one layer from its weights and Hessian, or from its inputs.
///
/// Codes may differ where float32 sums of another order meet the edge between two codes; the losses say
/// whether it is the same method.
package enum GPTQConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "GPTQ" }

  package static func run(_ run: inout ConformanceRun) throws {
    let shape = try run.fixture.dimensions("in.W", rank: 2)
    let (rows, columns) = (shape[0], shape[1])
    let weights = try run.fixture.floats("in.W")
    let hessian = try hessian(run.item, run.fixture, columns: columns)
    let options = try options(run.item)
    let result = try GPTQ.quantize(
      weights, rows: rows, columns: columns, hessian: hessian, options, layer: "W", pool: run.pool)
    if let fallback = result.fallback {
      throw ConformanceError.unsupported("the layer was \(fallback)")
    }
    let nearest = try nearest(weights, rows, columns, options)
    func loss(_ values: [Float]) -> Double {
      GPTQ.proxyLoss(
        of: weights, rounded: values, rows: rows, columns: columns, hessian: hessian)
    }
    for output in run.item.outputs {
      switch output.split(separator: ".").last {
      case "codes": try run.check(output, result.codes)
      case "scale": try run.check(output, result.scales)
      case "zero": try run.check(output, result.zeros)
      case "g_idx": try run.check(output, result.groupIndex)
      case "sum_losses": try run.check(output, [result.loss])
      case "proxy_loss": try run.check(output, [loss(result.dequantized())])
      case "rtn_proxy_loss": try run.check(output, [loss(nearest)])
      case "H": try run.check(output, hessian)
      default: run.skip(output, because: "its name is not known")
      }
    }
  }

  private static func options(_ item: ConformanceCase) throws -> GPTQ.Options {
    let group = item.params["gs"]?.integer ?? item.params["groupsize"]?.integer ?? -1
    guard item.params["perchannel"]?.bool ?? true else {
      throw ConformanceError.unsupported("GPTQ with one grid for the whole tensor")
    }
    return GPTQ.Options(
      grid: try Grid(
        .gptq, bits: item.params["bits"]?.integer ?? 4,
        isSymmetric: item.params["sym"]?.bool ?? false),
      group: group > 0 ? group : nil, ordersByActivation: item.params["act"]?.bool ?? false,
      hasStaticGroups: item.params["static"]?.bool ?? false,
      damping: item.params["damp"]?.double ?? 0.01, block: item.params["bs"]?.integer ?? 128,
      searchesRange: item.params["mse"]?.bool ?? false, scaleType: .f32)
  }

  /// The Hessian of the fixture, or of its inputs `[sequences, tokens, columns]`.
  private static func hessian(
    _ item: ConformanceCase, _ fixture: ConformanceFixture, columns: Int
  ) throws -> [Float] {
    if item.tensor("in.H") != nil { return try fixture.floats("in.H") }
    let shape = try fixture.dimensions("in.X", rank: 3)
    guard shape[2] == columns else {
      throw ConformanceError.malformed(
        file: item.file, item: "in.X", expected: "\(columns) channels", found: "\(shape[2])")
    }
    var hessian = Hessian(columns: columns)
    try fixture.floats("in.X").withUnsafeBufferPointer { inputs in
      guard let base = inputs.baseAddress else { return }
      for sequence in 0..<shape[0] {
        hessian.add(base + sequence * shape[1] * columns, tokens: shape[1])
      }
    }
    return hessian.matrix()
  }

  /// The weights rounded to nearest on the same kind of grid, ranges as they are.
  private static func nearest(
    _ weights: [Float], _ rows: Int, _ columns: Int, _ options: GPTQ.Options
  ) throws -> [Float] {
    var values = weights
    for row in 0..<rows {
      for first in stride(from: 0, to: columns, by: options.group ?? columns) {
        let place = row * columns + first
        let count = min(options.group ?? columns, columns - first)
        try values.withUnsafeMutableBufferPointer { values in
          guard let base = values.baseAddress.map({ $0 + place }),
            let range = Grid.range(of: base, count: count)
          else { throw ConformanceError.unsupported("weights that are not finite") }
          options.grid.round(
            base, count: count, options.grid.parameters(of: range), into: base)
        }
      }
    }
    return values
  }
}

import Platform
import Quantization
import Tensors

/// SmoothQuant of layers after one norm: scales, the smoothed norm and weights, and W8A8 products with and without.
///
/// A product's name says all: `y.smooth.per_channel.per_token`.
package enum SmoothQuantConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "SmoothQuant" }

  package static func run(_ run: inout ConformanceRun) throws {
    let columns = try run.fixture.dimensions("in.X", rank: 2)[1]
    let rows = try run.fixture.dimensions("in.W", rank: 2)[0]
    let inputs = try run.fixture.floats("in.X")
    let weight = try DenseWeight(run.fixture.view("in.W"))
    guard weight.columns == columns else {
      throw ConformanceError.malformed(
        file: run.item.file, item: "in.W", expected: "\(columns) columns",
        found: "\(weight.columns)")
    }
    let alpha = run.item.params["alpha"]?.double ?? 0.5
    let scales = SmoothQuantScales.scales(
      inputs: magnitudes(inputs, columns: columns),
      weights: SmoothQuantScales.weightMaxima(of: [weight]), alpha: alpha)
    let smoothed = try LayerScales(input: scales).applied(to: weight)
    let smoothedInputs = inputs.enumerated().map { $1 / scales[$0 % columns] }
    for output in run.item.outputs {
      switch output {
      case "s": try run.check(output, scales)
      case "ln_weight":
        let gains = try run.fixture.floats("in.ln_weight")
        try run.check(output, zip(gains, scales).map { $0 / $1 })
      case "W_smoothed": try run.check(output, smoothed.dequantized())
      default:
        let parts = output.split(separator: ".")
        guard parts.count == 4, parts[0] == "y", ["naive", "smooth"].contains(parts[1]),
          ["per_channel", "per_tensor"].contains(parts[2]),
          ["per_token", "per_tensor"].contains(parts[3])
        else {
          run.skip(output, because: "its name says neither scales nor a product")
          continue
        }
        let isSmooth = parts[1] == "smooth"
        let tokens = try run.fixture.dimensions("out." + output, rank: 2)[0]
        let codes = try RoundToNearest.quantize(
          isSmooth ? smoothed : weight,
          as: WeightFormat(
            code: .integer(bits: 8), granularity: parts[2] == "per_channel" ? .channel : .tensor),
          .init(grid: .absmax, scaleType: .f32), layer: "W", pool: run.pool
        ).weight.dequantized()
        // One scale for the tensor is one for all tokens, those that are not asked for included.
        let values = isSmooth ? smoothedInputs : inputs
        let rounded = TokenGrid.runtime.rounded(
          values, columns: parts[3] == "per_token" ? columns : values.count)
        try run.check(
          output,
          ReferenceProduct.of(
            Array(rounded.prefix(tokens * columns)), codes, rows: rows, columns: columns))
      }
    }
  }

  private static func magnitudes(_ inputs: [Float], columns: Int) -> [Float] {
    var ranges = ChannelRanges(columns: columns, expected: inputs.count / columns)
    inputs.withUnsafeBufferPointer { inputs in
      if let base = inputs.baseAddress { ranges.add(base, tokens: inputs.count / columns) }
    }
    return ranges.magnitudes
  }
}

/// `x w^T` summed in float64.
enum ReferenceProduct {
  /// Of `[tokens, columns]` and `[rows, columns]`, `[tokens, rows]`.
  static func of(_ x: [Float], _ w: [Float], rows: Int, columns: Int) -> [Double] {
    var result: [Double] = []
    for token in stride(from: 0, to: x.count, by: columns) {
      for row in 0..<rows {
        var sum = 0.0
        for column in 0..<columns {
          sum += Double(x[token + column]) * Double(w[row * columns + column])
        }
        result.append(sum)
      }
    }
    return result
  }
}

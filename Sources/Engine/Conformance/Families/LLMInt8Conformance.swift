import Platform
import Quantization
import Tensors

/// LLM.int8(): codes and maxima of both sides, outlier columns, and products in bitsandbytes' form and the paper's.
///
/// An output's name says the threshold: `t6.CA`, `t0.y`.
package enum LLMInt8Conformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "LLM.int8" }

  package static func run(_ run: inout ConformanceRun) throws {
    let columns = try run.fixture.dimensions("in.X", rank: 2)[1]
    let rows = try run.fixture.dimensions("in.W", rank: 2)[0]
    // bitsandbytes casts what comes in to FP16.
    let inputs = try run.fixture.floats("in.X").map {
      FloatFormats.float(f16: FloatFormats.f16($0))
    }
    let dense = try DenseWeight(run.fixture.view("in.W"))
    guard dense.columns == columns else {
      throw ConformanceError.malformed(
        file: run.item.file, item: "in.W", expected: "\(columns) columns",
        found: "\(dense.columns)")
    }
    let weights = dense.dequantized()
    let threshold = run.item.params["threshold"]?.double ?? 6
    let maxima = LLMInt8.rowMaxima(of: weights, columns: columns)
    let rounded = try LLMInt8.quantize(dense, layer: "W", pool: run.pool)
    var unsigned = [UInt8](repeating: 0, count: rows * columns)
    unsigned.withUnsafeMutableBufferPointer {
      if let base = $0.baseAddress { rounded.unpack(rows: 0..<rows, into: base) }
    }
    let codes = unsigned.map { Int8(Int($0) - 128) }
    func product(_ coded: LLMInt8.Inputs, with weights: [Float]) -> [Double] {
      LLMInt8.product(
        inputs, coded: coded, codes: codes, maxima: maxima, weights: weights, columns: columns)
    }
    for output in run.item.outputs {
      let dot = output.lastIndex(of: ".")
      let form = dot.map { String(output[..<$0]) } ?? ""
      let part = dot.map { String(output[output.index(after: $0)...]) } ?? output
      if form.isEmpty {
        switch part {
        case "CB": try run.check(output, codes)
        case "SCB": try run.check(output, maxima)
        case "outlier_cols":
          try run.check(
            output,
            LLMInt8.encode(inputs, columns: columns, threshold: Float(threshold)).outliers)
        default: run.skip(output, because: "its name is not known")
        }
        continue
      }
      let isPaper = form == "paper"
      guard let own = isPaper ? threshold : self.threshold(form, run.item) else {
        run.skip(output, because: "its name says neither the paper nor a threshold")
        continue
      }
      let coded = LLMInt8.encode(
        inputs, columns: columns, threshold: Float(own), excluding: isPaper ? .columns : .values)
      switch part {
      case "CA": try run.check(output, coded.codes)
      case "SCA": try run.check(output, coded.maxima)
      case "y":
        try run.check(output, product(coded, with: isPaper ? weights : rounded.dequantized()))
      default: run.skip(output, because: "its name is none of CA, SCA, y")
      }
    }
  }

  /// The threshold that `t6` names: that of the case where it has no other of that number.
  private static func threshold(_ name: String, _ item: ConformanceCase) -> Double? {
    guard name.hasPrefix("t"), let number = Double(name.dropFirst()) else { return nil }
    let own = item.params["threshold"]?.double ?? 6
    let compared = item.params["compare_threshold"]?.double ?? 0
    return number == own || number == compared || number == 0 ? number : own
  }
}

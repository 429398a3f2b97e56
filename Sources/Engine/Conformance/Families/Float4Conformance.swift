import Tensors

/// NVFP4 and MXFP4 as compressed-tensors stores them: the codes and scales of weights, and the values that stored ones stand
/// for.
package enum Float4Conformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "NVFP4/MXFP4" }

  package static func run(_ run: inout ConformanceRun) throws {
    let weights = try run.fixture.floats("in.W")
    let largest = weights.reduce(0) { max($0, $1.magnitude) }
    let global = Float4Groups.global(largest: largest)
    func groups(_ form: StoredForm) -> Float4Groups {
      weights.withUnsafeBufferPointer { Float4Groups($0, as: form, global: global) }
    }
    for output in run.item.outputs {
      switch output {
      case "nvfp4.weight_global_scale": try run.check(output, [global])
      case "nvfp4.weight_packed": try run.check(output, groups(.nvfp4).packed)
      case "nvfp4.weight_scale_e4m3":
        try run.check(output, groups(.nvfp4).scales)
      case "mxfp4.weight_packed": try run.check(output, groups(.mxfp4).packed)
      case "mxfp4.scale_exp_e8m0":
        try run.check(output, groups(.mxfp4).scales)
      case "nvfp4.dequant":
        let global = try run.fixture.floats("out.nvfp4.weight_global_scale")
        let scales = try run.fixture.view("out.nvfp4.weight_scale_e4m3").bytes.map {
          FloatFormats.float(e4m3: $0) / (global.first ?? 1)
        }
        try run.check(output, values("out.nvfp4.weight_packed", scales, run))
      case "mxfp4.dequant":
        let scales = try run.fixture.view("out.mxfp4.scale_exp_e8m0").bytes.map {
          FloatFormats.float(e8m0: $0)
        }
        try run.check(output, values("out.mxfp4.weight_packed", scales, run))
      default: run.skip(output, because: "it is neither codes, scales nor values")
      }
    }
  }

  /// Two codes a byte, each times the scale of its group.
  private static func values(
    _ name: String, _ scales: [Float], _ run: ConformanceRun
  ) throws -> [Float] {
    let codes = try run.fixture.view(name).elements(as: UInt8.self)
    let size = codes.count * 2 / max(1, scales.count)
    return codes.flatMap { [$0 & 15, $0 >> 4] }.enumerated().map { place, code in
      FloatFormats.float(e2m1: code) * scales[place / size]
    }
  }
}

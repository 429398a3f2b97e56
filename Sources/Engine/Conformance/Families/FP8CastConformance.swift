import Tensors

/// Conversions between float32 and the 8-bit floats, every byte and every tie of them.
package enum FP8CastConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool {
    item.method == "FP8" && item.id.contains("cast_table")
  }

  package static func run(_ run: inout ConformanceRun) throws {
    let values = try run.fixture.floats("in.x")
    try run.check("e4m3fn", values.map(FloatFormats.e4m3))
    try run.check("e5m2", values.map(FloatFormats.e5m2))
    let bytes = (0...255).map { UInt8($0) }
    try run.check("e4m3fn_decode_all", bytes.map { finite(FloatFormats.float(e4m3: $0)) })
    try run.check("e5m2_decode_all", bytes.map { finite(FloatFormats.float(e5m2: $0)) })
  }

  /// The table has 0 for bytes that stand for no finite number.
  private static func finite(_ value: Float) -> Float { value.isFinite ? value : 0 }
}

import Platform
import Quantization
import Tensors

/// compressed-tensors' `pack-quantized`: codes on its grid and the dense bit stream they are stored in.
///
/// An output's first part says bits, form and granularity: `w4asym_group128`.
package enum PackQuantizedConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool {
    item.method == "format:compressed-tensors"
      && item.params["format"]?.string == "pack-quantized"
  }

  package static func run(_ run: inout ConformanceRun) throws {
    var done: Set<String> = []
    for output in run.item.outputs {
      let parts = output.split(separator: ".")
      guard let label = parts.first, parts.count == 2, let format = format(label) else {
        run.skip(output, because: "its name does not say bits, form and granularity")
        continue
      }
      if done.insert(String(label)).inserted { try check(String(label), format, &run) }
    }
  }

  private static func check(
    _ label: String, _ format: WeightFormat, _ run: inout ConformanceRun
  ) throws {
    let weight = try RoundToNearest.quantize(
      DenseWeight(run.fixture.view("in.W")), as: format,
      .init(grid: .compressedTensors, scaleType: .f32), layer: label, pool: run.pool
    ).weight
    let (rows, columns, groups) = (weight.rows, weight.columns, weight.groups)
    let middle = 1 << (format.bits - 1)
    var codes = [UInt8](repeating: 0, count: rows * columns)
    weight.unpack(rows: 0..<rows, into: &codes)
    func check(_ part: String, _ values: [Int]) throws {
      if run.lists("\(label).\(part)") { try run.check("\(label).\(part)", values) }
    }
    if run.lists("\(label).weight_scale") {
      try run.check("\(label).weight_scale", weight.scales)
    }
    try check("codes", codes.map { Int($0) - middle })
    try check("zero_int8", weight.zeros.map { Int($0) - middle })
    // Packing is asked for from the codes of the fixture.
    let theirs = try run.fixture.view("out.\(label).codes").elements(as: Int8.self)
    let packed = try IntegerWeight(
      format: format, rows: rows, columns: columns,
      unpacked: theirs.map { UInt8(truncatingIfNeeded: Int($0) + middle) }, scales: weight.scales,
      zeros: weight.zeros)
    try check("weight_packed", words(packed.codes))
    // Zero points lie along the rows: a bit stream for each group.
    guard !format.isSymmetric else { return }
    let turned = (0..<groups).flatMap { group in
      (0..<rows).map { weight.zeros[$0 * groups + group] }
    }
    let streams = try IntegerWeight(
      format: WeightFormat(code: format.code, granularity: .channel), rows: groups, columns: rows,
      unpacked: turned, scales: [Float](repeating: 1, count: groups))
    let lines = words(streams.codes)
    let length = lines.count / max(1, groups)
    try check(
      "weight_zero_point",
      (0..<length).flatMap { word in (0..<groups).map { lines[$0 * length + word] } })
  }

  /// Bytes as signed little-endian words of 32 bits.
  private static func words(_ bytes: SharedBytes) -> [Int] {
    bytes.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count, by: 4).map { start in
        Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: Int32.self)))
      }
    }
  }

  private static func format(_ label: Substring) -> WeightFormat? {
    let parts = label.split(separator: "_")
    guard parts.count == 2, parts[0].hasPrefix("w") else { return nil }
    let isSymmetric = !parts[0].hasSuffix("asym")
    guard let bits = Int(parts[0].dropFirst().prefix { $0.isNumber }), (2...8).contains(bits),
      parts[0].hasSuffix("sym")
    else { return nil }
    let granularity: WeightFormat.Granularity
    switch parts[1] {
    case "tensor": granularity = .tensor
    case "channel": granularity = .channel
    default:
      guard parts[1].hasPrefix("group"), let size = Int(parts[1].dropFirst(5)) else { return nil }
      granularity = .group(size: size)
    }
    return WeightFormat(
      code: .integer(bits: bits), granularity: granularity, isSymmetric: isSymmetric)
  }
}

import Checkpoints
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct CompressedTensorsTests {
  private static let name = "layers.0.q"

  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func weight(
    bits: Int, _ zeroPoint: WeightFormat.ZeroPoint, rows: Int = 5, columns: Int = 64,
    group: Int = 32
  ) throws -> IntegerWeight {
    let scales = rows * columns / group
    return try IntegerWeight(
      format: WeightFormat(
        code: .integer(bits: bits), granularity: .group(size: group), zeroPoint: zeroPoint),
      rows: rows, columns: columns,
      unpacked: (0..<rows * columns).map { UInt8($0 * 29 % (1 << bits)) },
      scales: (0..<scales).map { Float($0 + 1) / 256 },
      zeros: zeroPoint == .integer ? (0..<scales).map { UInt8($0 % (1 << bits)) } : [])
  }

  private func write(_ weight: IntegerWeight) throws -> Checkpoint {
    let path = folder.path("artifact-\(weight.format)")
    let directory = try WholeDirectory(path: path)
    try CompressedTensors.write(
      Artifact(
        config: JSONObject(),
        layers: [
          .init(name: Self.name, weight: weight, activation: .float(type: .bf16))
        ], others: [], companions: [], notes: JSONObject()), into: directory)
    try directory.commit()
    return try Checkpoint(path: path)
  }

  @Test(arguments: [2, 3, 4, 8], [WeightFormat.ZeroPoint.fixed, .integer])
  func weightsComeBack(bits: Int, zeroPoint: WeightFormat.ZeroPoint) throws {
    let weight = try Self.weight(bits: bits, zeroPoint)
    let checkpoint = try write(weight)
    let found = try #require(
      try CompressedTensorsReader(checkpoint).weight(
        Self.name + ".weight", rows: weight.rows, columns: weight.columns))
    #expect(found.format == weight.format)
    #expect(found.codes == weight.codes)
    #expect(found.scales == weight.scales)
    #expect(found.zeros == weight.zeros)
  }

  /// Opening a large artifact takes no memory for its codes, and they outlive what opened the file.
  @Test func codesStayInTheFile() throws {
    let weight = try Self.weight(bits: 4, .fixed)
    var checkpoint: Checkpoint? = try write(weight)
    let file = try #require(checkpoint?.files.first?.bytes)
    let found = try #require(
      try checkpoint.flatMap {
        try CompressedTensorsReader($0).weight(
          Self.name + ".weight", rows: weight.rows, columns: weight.columns)
      })
    let first = try #require(found.codes.withUnsafeBytes { $0.baseAddress })
    let start = try #require(file.baseAddress)
    #expect(first > start && first + found.codes.count <= start + file.count)
    checkpoint = nil
    #expect(found.dequantized() == weight.dequantized())
  }
}

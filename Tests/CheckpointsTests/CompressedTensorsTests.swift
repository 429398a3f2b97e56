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
      zeros: zeroPoint == .integer ? (0..<scales).map { UInt8($0 % (1 << bits)) } : [],
      realZeros: zeroPoint == .real ? (0..<scales).map { Float($0) / 3 - 1 } : [])
  }

  private func write(_ weight: IntegerWeight) throws -> Checkpoint {
    let path = folder.path("artifact-\(weight.format)")
    let directory = try WholeDirectory(path: path)
    try CompressedTensors().write(
      Artifact(
        config: JSONObject(),
        layers: [
          .init(name: Self.name, weight: weight, activation: .float(type: .bf16))
        ], others: [], companions: [], notes: JSONObject()), into: directory)
    try directory.commit()
    return try Checkpoint(path: path)
  }

  @Test(arguments: [2, 3, 4, 8], [WeightFormat.ZeroPoint.fixed, .integer, .real])
  func weightsComeBack(bits: Int, zeroPoint: WeightFormat.ZeroPoint) throws {
    let weight = try Self.weight(bits: bits, zeroPoint)
    let checkpoint = try write(weight)
    let found = try #require(
      try CompressedTensorsReader(checkpoint).weight(
        Self.name + ".weight", rows: weight.rows, columns: weight.columns) as? IntegerWeight)
    #expect(found.format == weight.format)
    #expect(found.codes == weight.codes)
    #expect(found.scales == weight.scales)
    #expect(found.zeros == weight.zeros)
    #expect(found.realZeros == weight.realZeros)
    #expect(CompressedTensorsReader(checkpoint).names == [Self.name + ".weight"])
  }

  /// Real zero points are no part of the layout: whoever knows only that must refuse by name.
  @Test func realZeroPointsAreNotCalledCompressedTensors() throws {
    func config(_ zeroPoint: WeightFormat.ZeroPoint) throws -> ConfigFile {
      let checkpoint = try write(Self.weight(bits: 4, zeroPoint))
      return try #require(
        try ConfigFile(path: checkpoint.path + "/config.json")
          .optionalObject("quantization_config"))
    }
    let plain = try config(.integer)
    #expect(try plain.optionalText("quant_method") == CompressedTensors.name)
    #expect(try plain.optionalText("format") == "pack-quantized")
    let extended = try config(.real)
    #expect(try extended.optionalText("quant_method") == CompressedTensors.extensionName)
    #expect(try extended.optionalText("format") == "pack-quantized-real-zeros")
    #expect(CompressedTensors.extensionName != CompressedTensors.name)
    for method in [CompressedTensors.name, CompressedTensors.extensionName] {
      #expect(CompressedTensors.reads(quantMethod: method))
    }
    #expect(!CompressedTensors.reads(quantMethod: "gptq"))
    #expect(!CompressedTensors.reads(quantMethod: nil))
  }

  @Test func brokenRealZeroPointsAreRefused() throws {
    let name = Self.name + ".weight"
    func refuses(_ zeros: [Float], _ shape: Shape, wholeToo: Bool = false) throws {
      let path = folder.path("broken-\(zeros.count)-\(zeros[0])-\(wholeToo).safetensors")
      var entries: [SafetensorsWriter.Entry] = [
        .init(name: name + "_packed", dtype: .i32, shape: [1, 8]),
        .init(name: name + "_shape", dtype: .i64, shape: [2]),
        .init(name: name + "_scale", dtype: .f32, shape: [1, 2]),
        .init(name: name + "_real_zero_point", dtype: .f32, shape: shape),
      ]
      if wholeToo {
        entries.append(.init(name: name + "_zero_point", dtype: .i32, shape: [1, 2]))
      }
      let writer = try SafetensorsWriter(path: path, entries: entries)
      try writer.write(name + "_packed", [UInt32](repeating: 0, count: 8))
      try writer.write(name + "_shape", [Int64(1), 64])
      try writer.write(name + "_scale", [Float(1), 1])
      try writer.write(name + "_real_zero_point", zeros)
      if wholeToo { try writer.write(name + "_zero_point", [UInt32(0), 0]) }
      try writer.commit()
      let reader = try CompressedTensorsReader(Checkpoint(path: path))
      let error = #expect(throws: CheckpointError.self) {
        try reader.weight(name, rows: 1, columns: 64)
      }
      #expect(error?.description.contains("zero_point") == true)
    }
    try refuses([1, .nan], [1, 2])
    try refuses([-1e9, 1], [1, 2])
    try refuses([1], [1, 1])
    try refuses([1, 2], [1, 2], wholeToo: true)
  }

  /// Opening a large artifact takes no memory for its codes, and they outlive what opened the file.
  @Test func codesStayInTheFile() throws {
    let weight = try Self.weight(bits: 4, .fixed)
    var checkpoint: Checkpoint? = try write(weight)
    let file = try #require(checkpoint?.files.first?.bytes)
    let found = try #require(
      try checkpoint.flatMap {
        try CompressedTensorsReader($0).weight(
          Self.name + ".weight", rows: weight.rows, columns: weight.columns) as? IntegerWeight
      })
    let first = try #require(found.codes.withUnsafeBytes { $0.baseAddress })
    let start = try #require(file.baseAddress)
    #expect(first > start && first + found.codes.count <= start + file.count)
    checkpoint = nil
    #expect(found.dequantized() == weight.dequantized())
  }
}

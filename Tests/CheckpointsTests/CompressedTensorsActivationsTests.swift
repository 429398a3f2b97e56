import Checkpoints
import Platform
import Tensors
import TestSupport
import Testing

/// Quantized activations, 8-bit floats and LLM.int8() through a file.
@Suite struct CompressedTensorsActivationsTests {
  private static let name = "layers.0.q"
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func int8(rows: Int = 5, columns: Int = 64) throws -> IntegerWeight {
    try IntegerWeight(
      format: WeightFormat(code: .integer(bits: 8), granularity: .channel), rows: rows,
      columns: columns, unpacked: (0..<rows * columns).map { UInt8($0 * 29 % 255 + 1) },
      scales: (0..<rows).map { Float($0 + 1) / 300 })
  }

  private static func float8(
    _ type: DType, _ granularity: WeightFormat.Granularity, rows: Int = 5, columns: Int = 64
  ) throws -> ScaledFloatWeight {
    let format = WeightFormat(code: .scaledFloat(type: type), granularity: granularity)
    return try ScaledFloatWeight(
      format: format, rows: rows, columns: columns,
      codes: SharedBytes(byteCount: rows * columns) { bytes in
        for index in bytes.indices { bytes[index] = UInt8(index * 7 % 120) }
      },
      scales: (0..<format.scales(rows: rows, columns: columns)).map { Float($0 + 1) / 300 })
  }

  private func write(_ layers: [Artifact.Layer], _ name: String) throws -> String {
    let path = folder.path(name)
    let directory = try WholeDirectory(path: path)
    try CompressedTensors().write(
      Artifact(
        config: JSONObject(), layers: layers, others: [], companions: [], notes: JSONObject()),
      into: directory)
    try directory.commit()
    return path
  }

  private func reader(_ path: String) throws -> CompressedTensorsReader {
    try CompressedTensorsReader(
      Checkpoint(path: path),
      scheme: CompressedTensorsScheme(ConfigFile(path: path + "/config.json")))
  }

  private func quantization(_ path: String) throws -> ConfigFile {
    try ConfigFile(path: path + "/config.json").object("quantization_config")
  }

  private static let range = ActivationRange(lowest: -1.25, highest: 3.3)

  private static let int8Activations: [ActivationFormat] = [
    .int8PerToken, .int8(scaling: .token, isSymmetric: false),
    .int8(scaling: .tensor, isSymmetric: true),
    .int8(scaling: .fixed(scale: range.fixedScale(as: .symmetricInt8)), isSymmetric: true),
    .int8(scaling: .fixed(scale: range.fixedScale(as: .asymmetricInt8)), isSymmetric: false),
  ]

  @Test(arguments: int8Activations) func int8ComesBack(activation: ActivationFormat) throws {
    let weight = try Self.int8()
    let path = try write([.init(name: Self.name, weight: weight, activation: activation)], "int8")
    let reader = try reader(path)
    #expect(try reader.activation(of: Self.name) == activation)
    #expect(reader.names == [Self.name + ".weight"])
    let found = try #require(
      try reader.weight(Self.name + ".weight", rows: 5, columns: 64) as? IntegerWeight)
    #expect(found.isSigned && found.unsignedCodes == weight.codes && found.scales == weight.scales)
    let config = try quantization(path)
    #expect(try config.text("quant_method") == CompressedTensors.name)
    #expect(try config.text("format") == "int-quantized")
  }

  @Test(arguments: [
    WeightFormat.Granularity.tensor, .channel, .block(rows: 2, columns: 48),
    .block(rows: 128, columns: 128),
  ])
  func float8ComesBack(granularity: WeightFormat.Granularity) throws {
    for type in [DType.f8e4m3, .f8e5m2] {
      let weight = try Self.float8(type, granularity)
      let scalings: [ActivationScaling] = [
        .token, .tensor, .fixed(scale: Self.range.fixedScale(as: .float8(type: type))),
      ]
      for (index, scaling) in scalings.enumerated() {
        let activation = ActivationFormat.fp8(type: type, scaling: scaling)
        let path = try write(
          [.init(name: Self.name, weight: weight, activation: activation)], "\(type)-\(index)")
        let reader = try reader(path)
        #expect(try reader.activation(of: Self.name) == activation)
        let found = try #require(
          try reader.weight(Self.name + ".weight", rows: 5, columns: 64) as? ScaledFloatWeight)
        #expect(found.format == weight.format)
        #expect(found.codes == weight.codes && found.scales == weight.scales)
        let config = try quantization(path)
        // The layout has one type of 8-bit floats.
        #expect(
          try config.text("quant_method")
            == (type == .f8e4m3 ? CompressedTensors.name : CompressedTensors.extensionName))
        #expect(try config.text("format") == "float-quantized")
      }
    }
  }

  @Test(arguments: OutlierSplit.Form.allCases) func outliersComeBack(form: OutlierSplit.Form) throws
  {
    let codes = try Self.int8()
    let full = try DenseWeight(
      TensorView(
        dtype: .bf16, shape: [5, 64], copying: (0..<320).map { FloatFormats.bf16(Float($0)) }))
    let weight: any LinearWeight =
      form == .paper ? try SplitWeight(codes: codes, full: full) : codes
    let activation = ActivationFormat.int8WithOutliers(.init(threshold: 4.5, form: form))
    let path = try write([.init(name: Self.name, weight: weight, activation: activation)], "split")
    let config = try quantization(path)
    #expect(try config.text("quant_method") == CompressedTensors.extensionName)
    #expect(try config.text("format") == "int-quantized-outliers")
    let reader = try reader(path)
    #expect(try reader.activation(of: Self.name) == activation)
    #expect(reader.names == [Self.name + ".weight"])
    let found = try #require(try reader.weight(Self.name + ".weight", rows: 5, columns: 64))
    #expect(found.dequantized() == codes.dequantized())
    #expect(
      (found as? SplitWeight)?.full.dequantized() == (form == .paper ? full.dequantized() : nil))
  }

  /// Layers that run differently are told apart by name, each with its own static scale.
  @Test func groupsAreToldApart() throws {
    let weight = try Self.int8()
    let float8 = try Self.float8(.f8e4m3, .channel)
    let other = ActivationFormat.int8(
      scaling: .fixed(
        scale: ActivationRange(lowest: -9, highest: 2).fixedScale(as: .symmetricInt8)),
      isSymmetric: true)
    let plain = try DenseWeight(
      TensorView(dtype: .f32, shape: [1, 2], copying: [Float(1), 2]))
    let path = try write(
      [
        .init(name: "a", weight: weight, activation: Self.int8Activations[3]),
        .init(name: "b", weight: weight, activation: other),
        .init(name: "c", weight: float8, activation: .fp8(type: .f8e4m3, scaling: .token)),
        .init(name: "d", weight: weight, activation: .float(type: .bf16)),
        .init(name: "e", weight: plain, activation: .float(type: .bf16)),
      ], "mixed")
    let reader = try reader(path)
    #expect(try reader.activation(of: "a") == Self.int8Activations[3])
    #expect(try reader.activation(of: "b") == other)
    #expect(try reader.activation(of: "c") == .fp8(type: .f8e4m3, scaling: .token))
    #expect(try reader.activation(of: "d") == nil)
    #expect(try reader.activation(of: "e") == nil)
    let config = try quantization(path)
    #expect(try config.object("config_groups").root.members.count == 3)
    #expect(try config.text("format") == "mixed-precision")
  }

  // MARK: Hostile files

  private func scheme(_ inputs: String, method: String = CompressedTensors.name) throws {
    _ = try CompressedTensorsScheme(
      ConfigFile(
        path: "config.json",
        text: Array(
          """
          {"quantization_config": {"quant_method": "\(method)", "config_groups": {"group_0": {
            "targets": ["Linear"], "input_activations": \(inputs)}}}}
          """.utf8)))
  }

  @Test(arguments: [
    "3", "{}", "{\"num_bits\": 4}", "{\"num_bits\": 8, \"strategy\": \"group\", \"dynamic\": true}",
    "{\"num_bits\": 8, \"strategy\": \"token\", \"dynamic\": false}",
    "{\"num_bits\": 8, \"strategy\": \"token\", \"dynamic\": \"local\"}",
    "{\"num_bits\": 8, \"type\": \"float\", \"symmetric\": false}",
    "{\"num_bits\": 8, \"type\": \"complex\"}",
  ])
  func inputsThatAreNotKnownAreRefused(inputs: String) {
    #expect(throws: CheckpointError.self) { try scheme(inputs) }
  }

  @Test(arguments: ["-1", "0", "1e9", "\"6\""]) func thresholdsAreBounded(threshold: String) {
    let inputs = """
      {"num_bits": 8, "strategy": "token", "dynamic": true, "outlier_form": "paper",
       "outlier_threshold": \(threshold)}
      """
    #expect(throws: CheckpointError.self) {
      try scheme(inputs, method: CompressedTensors.extensionName)
    }
  }

  @Test(arguments: [Float(0), -1, .nan, .infinity, 1e38]) func badInputScales(scale: Float) throws {
    let path = folder.path("scales.safetensors")
    let writer = try SafetensorsWriter(
      path: path, entries: [.init(name: "a.input_scale", dtype: .f32, shape: [1])])
    try writer.write("a.input_scale", [scale])
    try writer.commit()
    let config = try ConfigFile(
      path: "config.json",
      text: Array(
        """
        {"quantization_config": {"config_groups": {"g": {
          "targets": ["Linear"], "input_activations": {"num_bits": 8}}}}}
        """.utf8))
    let reader = try CompressedTensorsReader(
      Checkpoint(path: path), scheme: CompressedTensorsScheme(config))
    #expect {
      _ = try reader.activation(of: "a")
    } throws: { "\($0)".contains("a.input_scale") }
  }

  /// In the paper's form outliers meet weights in full precision: a file without them is broken.
  @Test func fullWeightsMustBeThere() throws {
    let activation = ActivationFormat.int8WithOutliers(.init(threshold: 6, form: .paper))
    let path = try write(
      [.init(name: Self.name, weight: try Self.int8(), activation: activation)], "lacking")
    #expect {
      _ = try reader(path).weight(Self.name + ".weight", rows: 5, columns: 64)
    } throws: { "\($0)".contains("weight_full") }
  }

  @Test func codesThatAreNoNumbersAreRefused() throws {
    for (type, code) in [(DType.f8e4m3, UInt8(0xff)), (.f8e5m2, 0x7c), (.f8e5m2, 0xfe)] {
      let path = folder.path("codes-\(type)-\(code).safetensors")
      let writer = try SafetensorsWriter(
        path: path,
        entries: [
          .init(name: "a.weight", dtype: type, shape: [2, 2]),
          .init(name: "a.weight_scale", dtype: .f32, shape: [2, 1]),
        ])
      try writer.write("a.weight", [UInt8(0), 1, code, 3])
      try writer.write("a.weight_scale", [Float(1), 1])
      try writer.commit()
      #expect {
        _ = try CompressedTensorsReader(Checkpoint(path: path)).weight(
          "a.weight", rows: 2, columns: 2)
      } throws: { "\($0)".contains("a.weight") && "\($0)".contains("finite") }
    }
  }

  @Test func blocksMustFitTheirScales() throws {
    let path = folder.path("blocks.safetensors")
    let writer = try SafetensorsWriter(
      path: path,
      entries: [
        .init(name: "a.weight", dtype: .f8e4m3, shape: [4, 4]),
        .init(name: "a.weight_scale", dtype: .f32, shape: [2, 2]),
      ])
    try writer.write("a.weight", [UInt8](repeating: 1, count: 16))
    try writer.write("a.weight_scale", [Float](repeating: 1, count: 4))
    try writer.commit()
    func read(_ block: String) throws -> (any LinearWeight)? {
      let config = try ConfigFile(
        path: "config.json",
        text: Array(
          """
          {"quantization_config": {"config_groups": {"g": {"targets": ["Linear"], "weights": {
            "strategy": "block", "block_structure": \(block)}}}}}
          """.utf8))
      return try CompressedTensorsReader(
        Checkpoint(path: path), scheme: CompressedTensorsScheme(config)
      ).weight("a.weight", rows: 4, columns: 4)
    }
    #expect(try read("[2, 2]")?.format.granularity == .block(rows: 2, columns: 2))
    for block in ["[2, 4]", "[0, 2]", "[2]", "[2, 2, 2]", "\"2\"", "[99999999999, 2]"] {
      #expect(throws: CheckpointError.self) { try read(block) }
    }
    // Without the sizes nobody knows what four scales are for.
    #expect(throws: CheckpointError.self) {
      try CompressedTensorsReader(Checkpoint(path: path)).weight("a.weight", rows: 4, columns: 4)
    }
  }
}

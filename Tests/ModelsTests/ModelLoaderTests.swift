import Checkpoints
import FoundationEssentials
import Models
import Platform
import Tensors
import Testing

/// A copy of a fixture whose tensors and configuration can be spoiled.
private final class SpoiledModel {
  let path: String
  private let fixture: FixtureModel

  init(_ name: String) throws {
    fixture = FixtureModel(name: name)
    path =
      FileManager.default.temporaryDirectory.path
      + "/nibble-models-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: fixture.directory + "/config.json", toPath: path + "/config.json")
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }  // Only a temporary folder.

  /// Writes the tensors as `change` leaves them: nil takes one away.
  func write(
    adding extra: [(String, Shape)] = [],
    _ change: (StoredTensor) throws -> (String, DType, Shape, [UInt8])?
  ) throws {
    var parts: [(entry: SafetensorsWriter.Entry, bytes: [UInt8])] = []
    for tensor in try Checkpoint(path: fixture.directory + "/model.safetensors").tensors {
      guard let (name, dtype, shape, bytes) = try change(tensor) else { continue }
      parts.append((SafetensorsWriter.Entry(name: name, dtype: dtype, shape: shape), bytes))
    }
    for (name, shape) in extra {
      parts.append(
        (
          SafetensorsWriter.Entry(name: name, dtype: .f32, shape: shape),
          [UInt8](repeating: 0, count: shape.elementCount * 4)
        ))
    }
    let writer = try SafetensorsWriter(
      path: path + "/model.safetensors", entries: parts.map(\.entry))
    for part in parts { try writer.write(part.entry.name, part.bytes) }
    try writer.commit()
  }

  static func plain(_ tensor: StoredTensor) throws -> (String, DType, Shape, [UInt8]) {
    (tensor.name, tensor.dtype, tensor.shape, Array(try tensor.view().bytes))
  }
}

@Suite struct ModelLoaderTests {
  private func loadError(_ model: SpoiledModel) throws -> String {
    let error = try #require(throws: (any Error).self) { try Model.load(directory: model.path) }
    return "\(error)"
  }

  @Test func soundCopyLoads() throws {
    let model = try SpoiledModel("qwen2")
    try model.write { try SpoiledModel.plain($0) }
    #expect(try Model.load(directory: model.path).blocks.count == 2)
  }

  @Test(arguments: [
    ("qwen2", "model.layers.1.self_attn.k_proj.bias"),
    ("qwen3", "model.layers.0.self_attn.q_norm.weight"),
    ("qwen3", "lm_head.weight"),
    ("llama-linear", "model.norm.weight"),
    ("llama-linear", "model.embed_tokens.weight"),
    ("mistral-window", "model.layers.1.mlp.down_proj.weight"),
  ])
  func missingTensorIsNamed(_ fixture: String, _ name: String) throws {
    let model = try SpoiledModel(fixture)
    try model.write { $0.name == name ? nil : try SpoiledModel.plain($0) }
    #expect(try loadError(model).contains(name))
  }

  @Test func unexpectedTensorsAreNamed() throws {
    let model = try SpoiledModel("llama-linear")
    try model.write(adding: [
      ("model.layers.2.mlp.up_proj.weight", [2, 2]), ("model.layers.0.self_attn.q_proj.bias", [32]),
    ]) { try SpoiledModel.plain($0) }
    let error = try loadError(model)
    #expect(error.contains("model.layers.2.mlp.up_proj.weight"))
    #expect(error.contains("model.layers.0.self_attn.q_proj.bias"))
  }

  @Test func harmlessExtrasAreLetPass() throws {
    let model = try SpoiledModel("llama-linear")
    try model.write(adding: [
      ("model.layers.0.self_attn.rotary_emb.inv_freq", [4])
    ]) { try SpoiledModel.plain($0) }
    #expect(try Model.load(directory: model.path).configuration.tiedEmbeddings)
  }

  @Test func aStoredHeadThatIsNotTheEmbeddingIsUsed() throws {
    let model = try SpoiledModel("llama-linear")
    try model.write(adding: [("lm_head.weight", [64, 32])]) { try SpoiledModel.plain($0) }
    let loaded = try Model.load(directory: model.path)
    #expect(!loaded.configuration.tiedEmbeddings)
    #expect(loaded.head.weight.dequantized() != (loaded.embedding as? DenseWeight)?.dequantized())
  }

  @Test func anotherShapeIsRefused() throws {
    let name = "model.layers.0.mlp.gate_proj.weight"
    let model = try SpoiledModel("qwen3")
    try model.write { tensor in
      var part = try SpoiledModel.plain(tensor)
      if tensor.name == name { part.2 = [32, 48] }
      return part
    }
    let error = try loadError(model)
    #expect(error.contains(name))
    #expect(error.contains("[48, 32]"))
    #expect(error.contains("[32, 48]"))
  }

  @Test(arguments: [DType.i16, .u16]) func integersAreRefused(_ type: DType) throws {
    let name = "model.layers.1.self_attn.o_proj.weight"
    let model = try SpoiledModel("qwen3")
    try model.write { tensor in
      var part = try SpoiledModel.plain(tensor)
      if tensor.name == name { part.1 = type }
      return part
    }
    let error = try loadError(model)
    #expect(error.contains(name))
    #expect(error.contains("\(type)"))
  }

  @Test func normsThatAreNotFiniteAreRefused() throws {
    let name = "model.layers.1.input_layernorm.weight"
    let model = try SpoiledModel("qwen2")
    try model.write { tensor in
      var part = try SpoiledModel.plain(tensor)
      // The third number becomes a BF16 infinity.
      if tensor.name == name { part.3.replaceSubrange(4..<6, with: [0x80, 0x7f]) }
      return part
    }
    let error = try loadError(model)
    #expect(error.contains(name))
    #expect(error.contains("column 2"))
  }

  /// A base model that was saved by itself, and one with a text model inside.
  @Test(arguments: [("", "lm_head."), ("language_model.model.", "language_model.lm_head.")])
  func otherPrefixesAreKnown(prefix: String, head: String) throws {
    let model = try SpoiledModel("qwen3")
    try model.write { tensor in
      let (name, dtype, shape, bytes) = try SpoiledModel.plain(tensor)
      let renamed =
        name.hasPrefix("model.")
        ? prefix + name.dropFirst("model.".count)
        : name.replacing("lm_head.", with: head)
      return (renamed, dtype, shape, bytes)
    }
    let found = try Model.load(directory: model.path)
    let expected = try FixtureModel(name: "qwen3").model(.bf16)
    #expect(found.embedding.dequantized() == expected.embedding.dequantized())
    #expect(found.head.weight.dequantized() == expected.head.weight.dequantized())
    for id in expected.linears {
      #expect(found[id].weight.dequantized() == expected[id].weight.dequantized())
    }
  }

  @Test func quantizedCheckpointsAreRefusedByName() throws {
    let model = try SpoiledModel("llama-linear")
    try model.write { try SpoiledModel.plain($0) }
    let path = model.path + "/config.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let changed = text.replacing(
      "\"model_type\"",
      with: "\"quantization_config\": {\"quant_method\": \"gptq\"}, \"model_type\"",
      maxReplacements: 1)
    try WholeFile.write(changed, to: path)
    #expect(try loadError(model).contains("gptq"))
  }

  @Test func emptyAndBrokenFoldersAreErrors() throws {
    let model = try SpoiledModel("qwen2")
    #expect(try loadError(model).contains("model.safetensors"))
    try WholeFile.write("{\"model_type\":", to: model.path + "/config.json")
    #expect(try loadError(model).contains("config.json"))
    #expect(throws: (any Error).self) { try Model.load(directory: model.path + "/nothing") }
  }
}

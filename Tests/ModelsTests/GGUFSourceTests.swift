import Checkpoints
import FoundationEssentials
import Models
import Operators
import Platform
import Tensors
import TestSupport
import Testing

/// Models from GGUF files against the same weights in safetensors.
@Suite struct GGUFSourceTests {
  private static let ids: [Int32] = (0..<48).map { $0 * 29 % 64 }

  private static func logits(_ model: Model) throws -> [Float] {
    allValues(
      try model.forward(
        tokens: ids, cache: model.makeCache(.fp32), context: makeContext(), logits: .all))
  }

  private static func copy(
    _ directory: String, in folder: TemporaryFolder, factors: [Float]? = nil,
    _ change: (inout GGUFCopy) -> Void = { _ in }
  ) throws -> Model {
    var copy = try GGUFCopy(of: directory)
    change(&copy)
    try copy.write(to: folder.path("model.gguf"), factors: factors)
    return try Model.load(gguf: GGUFFile(path: folder.path("model.gguf")), precision: .f32)
  }

  @Test(arguments: ["llama-linear", "qwen2", "qwen3"])
  func logitsOfTheSameNumbersAreTheSameBits(name: String) throws {
    let folder = try TemporaryFolder()
    // The format does not say from which block on a window holds.
    let directory = try Self.edited(name, in: folder, [("use_sliding_window", .bool(false))])
    let expected = try Self.logits(Model.load(directory: directory, precision: .f32))
    let model = try Self.copy(directory, in: folder)
    #expect(try Self.logits(model) == expected)
    #expect(expected.contains { $0 != 0 })
  }

  @Test func halvesAreTheSameBitsToo() throws {
    let fixture = FixtureModel(name: "llama-linear")
    let folder = try TemporaryFolder()
    // The fixture is stored in BF16.
    let model = try Self.copy(fixture.directory, in: folder) { $0.type = { _ in .bf16 } }
    #expect(try Self.logits(model) == Self.logits(fixture.model()))
    #expect(try model.weightBytes == fixture.model().weightBytes)
  }

  @Test func gainsAreStoredWithTheirOffset() throws {
    let folder = try TemporaryFolder()
    let directory = try Self.edited(
      "gemma3", in: folder,
      [
        ("query_pre_attn_scalar", .number(JSONNumber(16))),
        ("sliding_window_pattern", .number(JSONNumber(6))),
        ("rope_local_base_freq", .number(JSONNumber(10_000))),
      ])
    let expected = try Self.logits(Model.load(directory: directory, precision: .f32))
    // The multiplier of the embedding is rounded to the type of the table, which is BF16.
    let model = try Self.copy(directory, in: folder) { $0.type = { _ in .bf16 } }
    #expect(largestDifference(try Self.logits(model), expected) < 1e-5)
  }

  /// Llama 3.1's scaling, which a GGUF file stores as what each frequency is divided by, and biases of rotated rows.
  @Test func rotaryFactorsAreOfATensor() throws {
    let fixture = FixtureModel(name: "llama3-scaling")
    let expected = try fixture.model()
    let rotary = expected.configuration.rotary
    let dimension = expected.configuration.headDimension
    let plain = RotaryEmbedding(base: rotary.base).frequencies(headDimension: dimension)
    let factors = zip(plain, rotary.frequencies(headDimension: dimension)).map { $0 / $1 }
    #expect(Set(factors).count > 1)
    let folder = try TemporaryFolder()
    let model = try Self.copy(fixture.directory, in: folder, factors: factors)
    #expect(largestDifference(try Self.logits(model), try Self.logits(expected)) < 1e-5)
    let without = try Self.copy(fixture.directory, in: folder)
    #expect(largestDifference(try Self.logits(without), try Self.logits(expected)) > 1e-3)
  }

  /// Blocks against a file of the numbers they stand for; the embedding, which the head shares, lies in blocks too.
  @Test(arguments: [GGUFTensorType.q8_0, .q4_0])
  func blocksAreTheNumbersTheyStandFor(type: GGUFTensorType) throws {
    let folder = try TemporaryFolder()
    let model = try Self.copy(FixtureModel(name: "qwen2").directory, in: folder) {
      $0.type = { _ in type }
    }
    #expect("\(model.embedding.format)" == "\(type)")
    #expect(model.configuration.tiedEmbeddings)
    let layer = model[LinearID(block: 1, projection: .k)]
    #expect("\(layer.weight.format)" == "\(type)")
    // Rows of 48 are no whole blocks.
    #expect("\(model[LinearID(block: 0, projection: .down)].weight.format)" == "F32")
    let decoded = try model.replacing(
      Dictionary(
        uniqueKeysWithValues: model.linears.map {
          ($0, try model[$0].replacing(weight: model[$0].weight.decoded()))
        })
    ).replacing(
      embedding: model.embedding.decoded(),
      head: model.head.replacing(weight: model.embedding.decoded()))
    #expect(largestDifference(try Self.logits(model), try Self.logits(decoded)) < 1e-4)
  }

  @Test func whatIsMissingOrTooMuchIsNamed() throws {
    let fixture = FixtureModel(name: "llama-linear")
    let folder = try TemporaryFolder()
    func words(_ change: (inout GGUFCopy) -> Void) -> String {
      do {
        _ = try Self.copy(fixture.directory, in: folder, change)
        return ""
      } catch { return "\(error)" }
    }
    #expect(words { _ in }.isEmpty)
    #expect(
      words { $0.without = ["blk.1.ffn_up.weight"] }
        .contains("model.layers.1.mlp.up_proj.weight"))
    let heads = words { $0.metadata["llama.attention.head_count"] = .unsigned(8, type: .u32) }
    #expect(heads.contains("attn_q.weight"), "\(heads)")
    let blocks = words { $0.metadata["llama.block_count"] = .unsigned(1, type: .u32) }
    #expect(blocks.contains("model.layers.1."), "\(blocks)")
    let family = words { $0.metadata["general.architecture"] = .string(Array("rwkv6".utf8)) }
    #expect(family.contains("rwkv6") && family.contains("llama"), "\(family)")
  }

  /// A fixture with some fields of its configuration changed.
  private static func edited(
    _ name: String, in folder: TemporaryFolder, _ fields: [(String, JSONValue)]
  ) throws -> String {
    let fixture = FixtureModel(name: name)
    var config = try ConfigFile(path: fixture.directory + "/config.json").root
    for (field, value) in fields { config.set(field, value) }
    let path = folder.path("edited")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try folder.file("edited/config.json", JSONValue.object(config).text())
    try FileManager.default.copyItem(
      atPath: fixture.directory + "/model.safetensors", toPath: path + "/model.safetensors")
    return path
  }
}

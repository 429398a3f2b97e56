import Checkpoints
import FoundationEssentials
import Models
import Platform
import Tensors
import TestSupport
import Testing

/// What is said of a model whose architecture nobody has written: the nearest that is known, and what differs.
@Suite struct NearestArchitectureTests {
  /// A fixture under another `model_type`, with one more tensor and without some.
  private func copy(
    _ name: String, as type: String, in folder: TemporaryFolder, adding extra: String? = nil,
    without: String? = nil
  ) throws -> String {
    let fixture = FixtureModel(name: name)
    let path = folder.path(type)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    var config = try ConfigFile(path: fixture.directory + "/config.json").root
    config.set("model_type", .string(type))
    try folder.file(type + "/config.json", JSONValue.object(config).text())
    let checkpoint = try Checkpoint(path: fixture.directory)
    var views = try checkpoint.tensors.map { ($0.name, try checkpoint.view($0.name)) }
    if let without { views.removeAll { $0.0.contains(without) } }
    if let extra {
      views.append((extra, try TensorView(dtype: .f32, shape: [1], copying: [Float(1)])))
    }
    let writer = try SafetensorsWriter(
      path: path + "/model.safetensors",
      entries: views.map { .init(name: $0.0, dtype: $0.1.dtype, shape: $0.1.shape) })
    for (name, view) in views { try writer.write(name, view.bytes) }
    try writer.commit()
    return path
  }

  private func words(_ path: String) -> String {
    do {
      _ = try Model.load(directory: path)
      return ""
    } catch { return "\(error)" }
  }

  @Test func tensorsTellTheNearest() throws {
    let folder = try TemporaryFolder()
    for (fixture, type, nearest) in [
      ("olmo2", "olmo3", "olmo2"), ("gemma2", "gemma4", "gemma2"), ("phi3", "phi5", "phi3"),
      ("qwen3-moe", "qwen3_next", "qwen3_moe"), ("gpt-oss", "new_moe", "gpt_oss"),
    ] {
      let found = words(try copy(fixture, as: type, in: folder))
      #expect(found.contains("\"\(type)\"; the nearest known is \(nearest)"), "\(found)")
      #expect(!found.contains("which"), "\(found)")
      #expect(found.contains("expected one of llama"), "\(found)")
    }
  }

  @Test func whatDiffersIsNamed() throws {
    let folder = try TemporaryFolder()
    let extra = words(
      try copy(
        "qwen3", as: "qwen3_5", in: folder, adding: "model.layers.1.linear_attn.A_log"))
    #expect(
      extra.contains("the nearest known is qwen3, which has no place for linear_attn.A_log"),
      "\(extra)")
    let less = words(try copy("llama-linear", as: "fewer", in: folder, without: "up_proj"))
    #expect(less.contains("is llama, which expects mlp.up_proj.weight"), "\(less)")
  }

  @Test func withoutTensorsTheNameTells() throws {
    func refusal(_ type: String) -> String {
      do {
        _ = try ModelConfiguration(
          ConfigFile(path: "config.json", text: Array("{\"model_type\": \"\(type)\"}".utf8)))
        return ""
      } catch { return "\(error)" }
    }
    #expect(refusal("gemma3n").contains("the nearest known is gemma3_text"))
    #expect(!refusal("rwkv6").contains("nearest"))
  }
}

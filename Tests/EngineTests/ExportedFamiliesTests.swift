import Checkpoints
import Engine
import Models
import Operators
import Platform
import Quantization
import Tensors
import TestSupport
import Testing

/// Families whose layers GGUF files join, or whose positions they spell in their own way.
///
/// Written and read again they yield the same logits to the bit. llama.cpp itself is asked by Tests/Peers/export_families.py.
@Suite struct ExportedFamiliesTests {
  private static func fixture(_ name: String) -> String {
    QuantizedCheckpointTests.folder + "/../../ModelsTests/Fixtures/" + name
  }

  private static func logits(_ model: Model, tokens: Int) throws -> [Float] {
    let ids = (0..<tokens).map { Int32($0 * 37 % 64) }
    let found = try model.forward(
      tokens: ids, cache: model.makeCache(),
      context: ExecutionContext(pool: WorkerPool(threads: 2), provider: .best), logits: .all)
    return ids.indices.flatMap { found.values(row: $0) }
  }

  private static func write(_ path: String, format: String, to target: String) throws {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: path))
    try laboratory.checkExport(format: format, recipe: .baseline, path: target)
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: .baseline, calibration: CalibrationOptions(), keeping: .nothing, compares: false))
    _ = try perform(laboratory, ExportJob(path: target, format: format))
  }

  @Test(
    arguments: [
      ("mixtral", "blk.1.ffn_down_exps.weight"), ("phi3", "blk.1.attn_qkv.weight"),
      ("llama-yarn", "blk.1.attn_q.weight"), ("llama3-scaling", "rope_freqs.weight"),
      ("llama-linear", "blk.1.attn_q.weight"), ("olmo2", "blk.1.post_ffw_norm.weight"),
    ])
  func theSameLogitsComeBack(name: String, tensor: String) throws {
    let folder = try TemporaryFolder()
    try Self.write(Self.fixture(name), format: "gguf:F32", to: folder.path("made"))
    let file = try GGUFFile(path: folder.path("made/model.gguf"))
    #expect(file.tensor(tensor)?.type == .f32)
    let before = try Model.load(directory: Self.fixture(name), precision: .f32)
    let after = try Model.load(gguf: file, precision: .f32)
    #expect(before.configuration.rotary.longContext == after.configuration.rotary.longContext)
    // Short and beyond the trained context of longrope.
    for tokens in [60, 100] {
      let (one, other) = (
        try Self.logits(before, tokens: tokens), try Self.logits(after, tokens: tokens)
      )
      // Llama 3.1's factors are quotients of frequencies: the last bit of some is lost.
      let bound = name == "llama3-scaling" ? (one.map(\.magnitude).max() ?? 0) * 1e-4 : 0
      #expect(zip(one, other).allSatisfy { abs($0 - $1) <= bound })
    }
  }

  /// What is written once is written again from the file, the same.
  @Test(arguments: ["mixtral", "phi3"])
  func aFileIsWrittenAgain(name: String) throws {
    let folder = try TemporaryFolder()
    try Self.write(Self.fixture(name), format: "gguf:F32", to: folder.path("made"))
    let path = folder.path("made/model.gguf")
    try Self.write(path, format: "gguf:F32", to: folder.path("again"))
    let (one, other) = (
      try GGUFFile(path: path), try GGUFFile(path: folder.path("again/model.gguf"))
    )
    #expect(one.tensors.count == other.tensors.count)
    for tensor in one.tensors {
      let copy = try #require(other.tensor(tensor.name), "\(tensor.name)")
      #expect(copy.shape == tensor.shape && Array(copy.bytes) == Array(tensor.bytes))
    }
  }

  /// Routers stay float32, experts are rounded, and their tensor has a dimension that counts them.
  @Test func expertsAreRoundedTogether() throws {
    let folder = try TemporaryFolder()
    try Self.write(Self.fixture("mixtral"), format: "gguf:Q8_0", to: folder.path("made"))
    let file = try GGUFFile(path: folder.path("made/model.gguf"))
    #expect(file.tensor("blk.0.ffn_gate_inp.weight")?.type == .f32)
    let experts = try #require(file.tensor("blk.0.ffn_up_exps.weight"))
    #expect(experts.type == .q8_0 && experts.shape.dimensions == [4, 48, 32])
    #expect(file["llama.expert_count"]?.integer == 4)
    #expect(file["llama.expert_used_count"]?.integer == 2)
    // Rows of 48 are no whole blocks of 32.
    #expect(file.tensor("blk.0.ffn_down_exps.weight")?.type == .f16)
    let (before, after) = (
      try Model.load(directory: Self.fixture("mixtral"), precision: .f32),
      try Model.load(gguf: file, precision: .f32)
    )
    for id in before.linears {
      let (one, other) = (before[id].weight.dequantized(), after[id].weight.dequantized())
      let size = one.map(\.magnitude).max() ?? 1
      #expect(zip(one, other).allSatisfy { abs($0 - $1) <= size / 100 }, "\(id)")
    }
  }

  @Test func whatLlamaCppWouldRunOtherwiseIsRefused() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: Self.fixture("qwen3-moe")))
    var words = ""
    do {
      try laboratory.checkExport(
        format: "gguf:F16", recipe: .baseline, path: folder.path("made"))
    } catch { words = "\(error)" }
    #expect(words.contains("norm_topk_prob"), "\(words)")
    // What other formats have no name for is still refused there.
    _ = try perform(laboratory, LoadJob(path: Self.fixture("phi3")))
    do {
      try laboratory.checkExport(
        format: "compressed-tensors", recipe: .baseline, path: folder.path("made"))
      words = ""
    } catch { words = "\(error)" }
    #expect(words.contains("does not lie in a tensor of its own"), "\(words)")
  }
}

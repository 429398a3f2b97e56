import Checkpoints
import Engine
import Evaluation
import FoundationEssentials
import Quantization
import Tensors
import TestSupport
import Testing

/// Weights so large, and so small, that FP16 holds no scale of theirs: the same model as with usual ones, and as good.
@Suite struct WideScalesTests {
  private static let source: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Cases/no-model-prefix"
  }()

  /// A copy in float32, `up` multiplied and `down` divided by a power of two.
  private func scaled(by factor: Float) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let source = try Checkpoint(path: Self.source)
    let writer = try SafetensorsWriter(
      path: folder.path("model.safetensors"),
      entries: source.tensors.map { .init(name: $0.name, dtype: .f32, shape: $0.shape) })
    for stored in source.tensors {
      let isUp = stored.name.contains("up_proj")
      let own: Float = isUp ? factor : stored.name.contains("down_proj") ? 1 / factor : 1
      try writer.write(stored.name, try stored.view().floats().map { $0 * own })
    }
    try writer.commit()
    for name in ["config.json", "tokenizer.json"] {
      try FileManager.default.copyItem(atPath: Self.source + "/" + name, toPath: folder.path(name))
    }
    return folder
  }

  private func kl(_ path: String, _ recipe: String) throws -> Double {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: path))
    let text = Self.source + "/text.txt"
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: try RecipeText.recipe(recipe),
        calibration: CalibrationOptions(text: text, samples: 4, length: 64), keeping: .nothing))
    return try perform(
      laboratory,
      EvaluateJob(
        options: EvaluationOptions(text: text, protocol: .paper, window: 32, windows: 8))
    ).kl.mean
  }

  @Test(arguments: ["weights=rtn:4:32", "weights=gptq:4:32"])
  func theMethodIsAsGood(recipe: String) throws {
    let (plain, wide) = (try scaled(by: 1), try scaled(by: 0x1p22))
    let (expected, found) = (try kl(plain.path, recipe), try kl(wide.path, recipe))
    #expect(found < expected * 1.3 + 0.005, "\(found) next to \(expected)")
  }
}

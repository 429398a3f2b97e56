import Engine
import Evaluation
import FoundationEssentials
import Quantization
import Synchronization
import TestSupport
import Testing

/// Small checkpoints as people have them, each with the perplexity that transformers finds in float32 (see the README in each).
@Suite struct CheckpointCasesTests {
  private static func folder(_ name: String) -> String {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    return parts.joined(separator: "/") + "/Cases/" + name
  }

  @Test(
    arguments: [
      ("bos-minus-one", 2666.9865, nil),
      ("tie-distinct-head", 2666.9865, "the stored head is used"),
      ("rope-scaling-beside-parameters", 4853.7529, nil),
      ("pad-beyond-vocab", 2666.9865, "1 added token has no row"),
    ] as [(String, Double, String?)])
  func hasTheReferencesPerplexity(name: String, right: Double, notice: String?) throws {
    let laboratory = try Laboratory(threads: 2)
    let said = Mutex<[String]>([])
    _ = try perform(laboratory, LoadJob(path: Self.folder(name))) { event in
      if case .log(_, let text) = event { said.withLock { $0.append(text) } }
    }
    if let notice { #expect(said.withLock { $0.contains { $0.contains(notice) } }) }
    let report = try perform(
      laboratory,
      EvaluateJob(
        options: EvaluationOptions(
          text: Self.folder(name) + "/text.txt", protocol: .paper, window: 32, windows: 8,
          baseline: .f32)))
    #expect(abs(report.baseline.perplexity / right - 1) < 1e-3, "\(report.baseline.perplexity)")
  }

  @Test func theChatTemplateIsInTheArtifact() throws {
    let laboratory = try Laboratory(threads: 2)
    let source = Self.folder("chat-template-file")
    _ = try perform(laboratory, LoadJob(path: source))
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: try RecipeText.recipe("weights=rtn:4:32"),
        calibration: CalibrationOptions(text: source + "/text.txt", samples: 2, length: 32),
        keeping: .nothing))
    let folder = try TemporaryFolder()
    let path = folder.path("artifact")
    _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
    let name = "/chat_template.jinja"
    #expect(
      FileManager.default.contents(atPath: path + name)
        == FileManager.default.contents(atPath: source + name))
  }
}

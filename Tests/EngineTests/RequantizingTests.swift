import Checkpoints
import Engine
import FoundationEssentials
import Models
import Platform
import Quantization
import Synchronization
import Tensors
import TestSupport
import Testing

/// Checkpoints that somebody else has quantized, quantized again and written.
@Suite struct RequantizingTests {
  /// A tokenizer of letters, all else unknown: the checkpoints themselves have none.
  private static let letters: String = {
    let tokens = ["?", " ", "a", "e", "o", "t", "n", "s", "h", "i"]
    let members = tokens.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
    return """
      {"model": {"type": "BPE", "unk_token": "?", "vocab": {\(members)}, "merges": []}}
      """
  }()

  /// A copy of a fixture that has a tokenizer.
  private static func checkpoint(_ name: String, in folder: TemporaryFolder) throws -> String {
    let path = folder.path(name)
    try FileManager.default.copyItem(
      atPath: QuantizedCheckpointTests.folder + "/" + name, toPath: path)
    try WholeFile.write(letters, to: path + "/tokenizer.json")
    return path
  }

  private static func quantize(_ path: String, _ recipe: String, to output: String) throws
    -> [String]
  {
    let laboratory = try Laboratory(threads: 2)
    let said = Mutex<[String]>([])
    _ = try perform(laboratory, LoadJob(path: path))
    try laboratory.checkExport(format: "compressed-tensors")
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe(recipe), calibration: CalibrationOptions(samples: 2, length: 32),
        keeping: .nothing))
    _ = try perform(laboratory, ExportJob(path: output, format: "compressed-tensors")) { event in
      if case .log(_, let text) = event { said.withLock { $0.append(text) } }
    }
    return said.withLock { $0 }
  }

  @Test(
    arguments: [
      "gptq-4-zeros", "gptq-4-order", "awq-4", "ct-nvfp4", "ct-mxfp4", "ct-pack-4-zeros",
      "ct-float-block", "fp8-block", "bnb-nf4", "bnb-8",
    ])
  func isWrittenWithoutWhatItWas(name: String) throws {
    let folder = try TemporaryFolder()
    let path = try Self.checkpoint(name, in: folder)
    let output = folder.path("artifact")
    let said = try Self.quantize(path, "weights=rtn:8:16 layer=0.q=fp", to: output)
    let names = try Checkpoint(path: output).tensors.map(\.name)
    for part in ["qweight", "qzeros", "g_idx", "scale_inv", "absmax", "SCB", "global_scale"] {
      #expect(!names.contains { $0.contains(part) }, "\(names)")
    }
    let text = try #require(FileManager.default.contents(atPath: output + "/config.json"))
    let words = String(decoding: text, as: UTF8.self)
    #expect(words.ranges(of: "quant_method").count == 1)
    let (source, made) = (try Model.load(directory: path), try Model.load(directory: output))
    for id in made.linears {
      let format = made[id].weight.format
      if id == LinearID(block: 0, projection: .q) {
        // Left alone by the recipe: the very numbers the source stands for.
        #expect(made[id].weight.dequantized() == source[id].weight.dequantized())
        let isDecoded = source[id].weight is DecodedWeight || source[id].weight is BlockWeight
        #expect(said.contains { $0.contains("that the recipe leaves") } == isDecoded, "\(said)")
        #expect(format.isFloat == isDecoded, "\(format)")
      } else {
        #expect("\(format)".hasPrefix("W8"))
        let (one, other) = (source[id].weight.dequantized(), made[id].weight.dequantized())
        let error = zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect(error < one.reduce(0) { $0 + $1 * $1 } * 1e-3)
      }
    }
    let laboratory = try Laboratory(threads: 1)
    let summary = try perform(laboratory, LoadJob(path: output))
    #expect(summary.against?.name == name)
  }

  /// A file that is only opened is one already.
  @Test func whatIsOnlyOpenedIsNotWritten() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 1)
    let path = try Self.checkpoint("ct-int-8-block", in: folder)
    _ = try perform(laboratory, LoadJob(path: path))
    let error = #expect(throws: Ended.self) {
      try perform(
        laboratory, ExportJob(path: folder.path("out"), format: "compressed-tensors"))
    }
    #expect(error != nil)
    #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
  }

  /// Told before any work: layers that share a tensor, a model held against another, a format that is none.
  @Test func whatCannotBeWrittenIsRefusedFirst() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 1)
    func refusal(_ format: String = "compressed-tensors") -> String {
      do {
        try laboratory.checkExport(format: format)
        return ""
      } catch { return "\(error)" }
    }
    let path = try Self.checkpoint("gptq-2", in: folder)
    _ = try perform(laboratory, LoadJob(path: path))
    #expect(refusal() == "")
    #expect(refusal("exl9").contains("exl9"))
    _ = try perform(laboratory, LoadJob(path: path, against: path))
    #expect(refusal().contains("held against gptq-2"))
    let models = QuantizedCheckpointTests.folder + "/../../ModelsTests/Fixtures"
    _ = try perform(laboratory, LoadJob(path: models + "/phi3"))
    #expect(refusal().contains("does not lie in a tensor of its own"))
  }
}

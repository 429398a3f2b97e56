import Engine
import FoundationEssentials
import Platform
import Quantization
import TestSupport
import Testing

/// What cannot be written is told before anything is computed, and nothing of the user's is touched.
@Suite struct ExportChecksTests {
  private static let laboratory: Laboratory = {
    // The built-in model always opens.
    guard let laboratory = try? Laboratory(threads: 2),
      (try? perform(laboratory, LoadJob(path: nil))) != nil
    else { fatalError("the built-in model does not open") }
    return laboratory
  }()

  private func refusal(_ format: String, _ recipe: String, path: String? = nil) -> String {
    do {
      try Self.laboratory.checkExport(
        format: format, recipe: RecipeText.recipe(recipe), path: path)
      return ""
    } catch { return "\(error)" }
  }

  @Test(
    arguments: [
      ("gguf", "weights=gptq:4:32"), ("gguf:Q4_K", "weights=rtn:8:128"), ("gptq", "weights=gptq:4"),
      ("gptq:v2", "weights=hqq:4 weights.symmetric=false"), ("awq", "weights=awq:4:64"),
      ("compressed-tensors", "weights=rtn:3:64 activations=int8"),
      ("compressed-tensors", "activations=fp8"),
      ("gguf", "weights=hqq:4:64"), ("onnx", "weights=rtn:4:64"), ("onnx", "weights=hqq:2:64"),
      ("compressed-tensors:nvfp4", ""), ("compressed-tensors:mxfp4", "weights=rtn:4:64"),
    ])
  func isHeld(format: String, recipe: String) {
    // HQQ's real zero points fit only where a minimum is stored.
    let expected = format.hasPrefix("gptq") && recipe.contains("hqq")
    #expect(refusal(format, recipe).isEmpty != expected, "\(refusal(format, recipe))")
  }

  /// What writing rounds besides the recipe is told and priced before it begins.
  @Test(arguments: [
    ("gguf", "weights=gptq:4:32", 0, ""), ("gguf:Q4_0", "weights=gptq:4:32", 56, "as they are"),
    ("gguf:Q6_K", "", 0, ""), ("gguf", "weights=rtn:4:16", 56, "Q4_0"),
    ("compressed-tensors", "weights=rtn:4:32", 0, ""),
    ("compressed-tensors:nvfp4", "weights=rtn:4:32", 56, "NVFP4"),
    // What the recipe treats otherwise is not turned.
    ("compressed-tensors:mxfp4", "weights=rtn:4:32 layer=0.q=8", 55, "MXFP4"),
    ("gguf:Q4_0", "weights=rtn:4:32 layer=0.q=8", 55, "Q4_0"),
  ])
  func whatIsRoundedOnceMoreIsTold(
    format: String, recipe: String, layers: Int, words: String
  ) throws {
    let found = try Self.laboratory.exportRounding(
      format: format, recipe: RecipeText.recipe(recipe), isWeighed: false)
    #expect(found.notes.isEmpty == (layers == 0), "\(found.notes)")
    if layers > 0 {
      let note = try #require(found.notes.first)
      #expect(note.hasPrefix("of \(layers) rounded layers"), "\(note)")
      #expect(note.contains(words), "\(note)")
    }
    #expect((found.seconds > 0) == (layers > 0 || format.contains("Q6_K")))
  }

  @Test(
    arguments: [
      ("gguf", "weights=rtn:3:64 activations=int8", "inputs are quantized", "rtn:3:64\""),
      ("gguf", "activations=fp8", "inputs are quantized", "rtn:8:32"),
      ("gptq", "activations=fp8", "integer codes", "rtn:4:128"),
      ("gptq", "weights=rtn:4:128 head=8", "embedding table and head", "rtn:4:128"),
      ("awq", "weights=rtn:3:64", "codes have 4 bits", "rtn:4:64"),
      ("awq", "weights=rtn:4:64 layer=0.q=8", "codes have 4 bits", "rtn:4:64\""),
      ("gptq", "weights=hqq:4:64", "whole numbers", "rtn:4:64 symmetric=false"),
      ("awq", "", "floating point", "rtn:4:128"),
      ("onnx", "weights=rtn:3:64", "2, 4 and 8 bits", "rtn:4:64"),
      (
        "compressed-tensors:mxfp4", "weights=rtn:8:channel activations=int8", "weights alone",
        "rtn:8"
      ),
    ])
  func reasonAndNearestAreTold(format: String, recipe: String, reason: String, nearest: String) {
    let words = refusal(format, recipe)
    #expect(words.contains("cannot hold the recipe"), "\(words)")
    #expect(words.contains(reason), "\(words)")
    #expect(words.contains("nearest recipe") && words.contains(nearest), "\(words)")
    // The nearest recipe is one that the format takes.
    let quoted = words.split(separator: "\"").last.map(String.init) ?? ""
    #expect(!quoted.isEmpty)
  }

  @Test func aPriceTellsWhatEachFormatHolds() throws {
    let report = try perform(
      Self.laboratory,
      AssessJob(
        recipe: RecipeText.recipe("weights=rtn:3:64 activations=int8"),
        calibration: CalibrationOptions()))
    let exports = try #require(report.exports)
    #expect(exports.first { $0.format == "compressed-tensors" }?.problem == nil)
    for format in ["gguf", "gptq", "awq"] {
      #expect(exports.first { $0.format == format }?.words?.isEmpty == false)
    }
    let baseline = try perform(
      Self.laboratory, AssessJob(recipe: .baseline, calibration: CalibrationOptions()))
    #expect(baseline.exports == nil)
  }

  @Test func placesAreLookedAtFirst() throws {
    let folder = try TemporaryFolder()
    try folder.file("file", "mine")
    #expect(
      refusal("gguf", "weights=rtn:4", path: folder.path("file")).contains("a file of this name"))
    func output(_ format: String, _ name: String) -> String {
      do {
        try Laboratory.checkOutput(
          format: format, path: folder.path(name), unfinished: folder.path(name + ".unfinished"))
        return ""
      } catch { return "\(error)" }
    }
    #expect(output("gguf", "new") == "")
    #expect(output("gguf:Q9_Z", "new").contains("unknown export format 'gguf:Q9_Z'"))
    #expect(output("gguf", "file").contains("nothing was overwritten"))
    // A folder of the user's where unfinished work would go.
    try FileManager.default.createDirectory(
      atPath: folder.path("new.unfinished"), withIntermediateDirectories: true)
    try folder.file("new.unfinished/thesis.txt", "years of work")
    #expect(output("gguf", "new").contains("none of a run"))
    let error = #expect(throws: Ended.self) {
      try perform(
        Self.laboratory,
        QuantizeJob(
          recipe: RecipeText.recipe("weights=rtn:4"), calibration: CalibrationOptions(samples: 1),
          keeping: .folder(path: folder.path("new.unfinished"), resumes: false), compares: false))
    }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    #expect(message.contains("none of a run"))
    #expect(try folder.text("new.unfinished/thesis.txt") == "years of work")
    #expect(try folder.names() == ["file", "new.unfinished"])
  }

  /// The disk must have room for the kept blocks and all that is written next to them in the chosen format, tokenizer and
  /// configuration too, not for the weights alone.
  @Test func theDiskIsAskedForAllThatIsWritten() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let recipe = try RecipeText.recipe("weights=rtn:4")
    func run(writes: Int?) throws {
      _ = try perform(
        laboratory,
        QuantizeJob(
          recipe: recipe, calibration: CalibrationOptions(samples: 1),
          keeping: .folder(path: folder.path("kept"), resumes: false, writes: writes),
          compares: false))
    }
    let error = #expect(throws: Ended.self) { try run(writes: 1 << 60) }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    #expect(message.contains("free disk for finished blocks, live activations and the result"))
    #expect(try folder.names() == [])
    let all = try laboratory.expectedBytes(format: "gguf:F32", recipe: recipe)
    let weights = try laboratory.expectedBytes(format: "gguf:Q4_0", recipe: recipe)
    #expect(all > 3 * weights)
    try run(writes: all)
    #expect(try folder.names() == ["kept"])
  }

  /// A run that is killed before it has marked its folder leaves it empty, with a lock, or with half of the mark.
  @Test func aFolderThatIsNotMarkedYetIsNobodyElses() throws {
    let folder = try TemporaryFolder()
    let kept = folder.path("kept")
    try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
    #expect(!QuantizationCheckpoint.isForeign(kept))
    for name in ["lock", ".unfinished-run-of-nibble.7f3a.tmp"] {
      try folder.file("kept/\(name)", "")
      #expect(!QuantizationCheckpoint.isForeign(kept), "\(name)")
    }
    try folder.file("kept/notes.txt", "mine")
    #expect(QuantizationCheckpoint.isForeign(kept))
  }

  /// What a run left goes when it is done; what somebody else put next to it stays.
  @Test func onlyWhatARunWroteIsRemoved() throws {
    let folder = try TemporaryFolder()
    let kept = folder.path("kept")
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    func run(_ resumes: Bool) throws {
      _ = try perform(
        laboratory,
        QuantizeJob(
          recipe: RecipeText.recipe("weights=rtn:4"), calibration: CalibrationOptions(samples: 1),
          keeping: .folder(path: kept, resumes: resumes), compares: false))
    }
    try run(false)
    #expect(!QuantizationCheckpoint.isForeign(kept))
    try folder.file("kept/notes.txt", "mine")
    try QuantizationCheckpoint.remove(kept)
    #expect(try FileManager.default.contentsOfDirectory(atPath: kept) == ["notes.txt"])
    // Now it is the user's: nothing is written to it.
    #expect(throws: Ended.self) { try run(false) }
    try FileManager.default.removeItem(atPath: kept)
    try run(false)
    try QuantizationCheckpoint.remove(kept)
    #expect(try folder.names() == [])
  }
}

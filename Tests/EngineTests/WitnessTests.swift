import Engine
import FoundationEssentials
import Profiling
import Quantization
import TestSupport
import Testing

/// Programs that are asked to run the same files: found or told missing, never fetched.
@Suite struct WitnessTests {
  /// A program in place of Python that answers as one would.
  private static func python(_ body: String, in folder: TemporaryFolder) throws -> String {
    let path = try folder.file("python", "#!/bin/sh\n" + body + "\n")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    return path
  }

  private func testify(_ python: String, in folder: TemporaryFolder) throws -> Witness.Testimony {
    let model = try GGUFOpeningTests.demo(in: folder)
    return try Witness.llamaCpp.evaluate(
      model, text: folder.path("text"), window: 64, windows: 1, python: python)
  }

  @Test func whatItSaysIsRead() throws {
    let folder = try TemporaryFolder()
    let python = try Self.python(
      """
      case "$2" in *json.dumps*) echo noise; echo noise >&2
      echo '{"program": "", "version": "9.9", "perplexity": 12.5, "tokens": 31, "begins": false, "system": "AVX2 = 1"}';; esac
      """, in: folder)
    let found = try testify(python, in: folder)
    #expect(found.perplexity == 12.5 && found.tokens == 31 && found.version == "9.9")
    #expect(found.program == "llama.cpp" && found.system == "AVX2 = 1")
  }

  /// Timed on what is written for it, which is there while it runs.
  @Test func whatItTimesStandsNextToOurs() throws {
    let folder = try TemporaryFolder()
    let python = try Self.python(
      """
      case "$2" in *perf_counter*) [ -f "$3" ] || exit 4; echo "$3" > "\(folder.path("asked"))"
      echo '{"version": "9.9", "prefill": [100, 120, 110], "decode": [10, 12, 14], "kernels": ["AVX2 = 1"]}';; esac
      """, in: folder)
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    func bench(_ witness: Witness, _ python: String) throws -> BenchReport {
      try perform(
        laboratory,
        BenchJob(
          options: BenchOptions(
            prompt: 8, generate: 4, repetitions: 1, includesBaseline: false, witness: witness),
          python: python))
    }
    // Without a recipe there is nothing to hand over: our own figures stand, and the reason is told.
    let bare = try bench(.llamaCpp, python)
    #expect(bare.witnesses == nil)
    #expect(bare.notes?.contains { $0.contains("quantize first") } == true, "\(bare.notes ?? [])")
    _ = try perform(
      laboratory,
      QuantizeJob(
        recipe: RecipeText.recipe("weights=rtn:4:32"), calibration: CalibrationOptions(),
        keeping: .nothing, compares: false))
    for (witness, part, file) in [
      (Witness.llamaCpp, WitnessSpeed.Part.model, "model.gguf"),
      (.onnxRuntime, .linears, "model.onnx"),
    ] {
      let report = try bench(witness, python)
      let found = try #require(report.witnesses?.first, "\(report.notes ?? [])")
      #expect(found.program == witness.rawValue && found.version == "9.9" && found.part == part)
      #expect(found.prefill.tokensPerSecond == 110 && found.decode.tokensPerSecond == 12)
      #expect(found.ourPrefill.tokensPerSecond > 0 && found.ourDecode.tokensPerSecond > 0)
      #expect(found.kernels == ["AVX2 = 1"] && found.threads == 2)
      let path = String(decoding: try folder.bytes("asked"), as: UTF8.self)
      #expect(path.hasSuffix("/artifact/\(file)\n"))
      // What was written for it is gone.
      #expect(!FileManager.default.fileExists(atPath: String(path.dropLast())))
    }
    let missing = try bench(.onnxRuntime, Self.python("exit 1", in: folder))
    #expect(missing.witnesses == nil)
    #expect(missing.notes?.contains { $0.contains("pip install onnxruntime") } == true)
  }

  @Test func whatIsMissingOrFailsIsToldWithARemedy() throws {
    let folder = try TemporaryFolder()
    func words(_ python: String) -> String {
      do {
        _ = try testify(python, in: folder)
        return ""
      } catch { return "\(error)" }
    }
    #expect(words(folder.path("none")).contains("NIBBLE_PYTHON"))
    let without = try Self.python("exit 1", in: folder)
    #expect(words(without).contains("pip install llama-cpp-python"))
    let failing = try Self.python(
      "case \"$2\" in *json.dumps*) echo out of memory >&2; exit 3;; esac", in: folder)
    #expect(words(failing).contains("out of memory"))
    let silent = try Self.python("exit 0", in: folder)
    #expect(words(silent).contains("it said nothing"))
    let chatty = try Self.python("case \"$2\" in *json.dumps*) echo done;; esac", in: folder)
    #expect(words(chatty).contains("expected figures as JSON, found 'done'"))
  }
}

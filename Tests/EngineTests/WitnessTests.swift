import Engine
import FoundationEssentials
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
  }
}

import Checkpoints
import CommandLineFace
import FoundationEssentials
import Platform
import Tensors
import TestSupport
import Testing

/// GGUF files on the command line: what they are, and what is said of files that are not as they should be.
@Suite struct GGUFCommandTests {
  private static let model: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/") + "/Sources/DemoModel/tales-5M"
  }()

  private static func copy(
    in folder: TemporaryFolder, _ name: String = "m.gguf", _ change: (inout GGUFCopy) -> Void
  ) throws -> String {
    var copy = try GGUFCopy(of: model)
    change(&copy)
    try copy.write(to: folder.path(name))
    return folder.path(name)
  }

  @Test func inspectTellsTheMix() throws {
    let folder = try TemporaryFolder()
    let path = try Self.copy(in: folder) { copy in
      copy.type = { $0.contains("attn_v") ? .q8_0 : .q4_0 }
      copy.metadata["general.file_type"] = .unsigned(2, type: .u32)
    }
    let ran = Ran(["inspect", path, "--tensors"])
    #expect(ran.code == 0, "\(ran.error)")
    #expect(ran.out.contains("calls itself Q4_0"))
    #expect(ran.out.contains("as stored, Q4_0"))
    #expect(ran.out.contains("blk.7.attn_v.weight"))
    let json = try Ran(["inspect", path, "--json"]).json()
    #expect(json[path: "stored.label"]?.string == "Q4_0")
    #expect(json[path: "stored.shares.0.type"]?.string == "Q4_0")
    #expect(json[path: "stored.shares.1.type"]?.string == "Q8_0")
    json.expectNumbers(["fileBytes", "stored.roles.0.shares.0.bytes"])
    // A directory that holds it says the same.
    #expect(try Ran(["inspect", folder.path, "--json"]).json() == json)
  }

  @Test func planTakesWeightsAsTheyAreStored() throws {
    let folder = try TemporaryFolder()
    let path = try Self.copy(in: folder) { $0.type = { _ in .q4_0 } }
    let stored = try Ran(["plan", path, "--context", "256", "--json"]).json()
    let plain = try Ran(["plan", Self.model, "--context", "256", "--json"]).json()
    let ratio =
      (stored[path: "memory.weights"]?.double ?? 0) / (plain[path: "memory.weights"]?.double ?? 1)
    #expect(abs(ratio - 4.5 / 16) < 0.01, "\(ratio)")
    #expect(Ran(["plan", path]).out.contains("the model as stored (4.5"))
  }

  @Test func layersAreHeldAgainstABase() throws {
    let folder = try TemporaryFolder()
    let path = try Self.copy(in: folder) { $0.type = { _ in .q4_0 } }
    let ran = Ran([
      "layers", path, "--against", "built-in", "--samples", "1", "--sample-length", "64",
    ])
    #expect(ran.code == 0, "\(ran.error)")
    #expect(
      ran.out.contains("m.gguf (Q4_0) against tales-5M (built-in) (FP baseline)"), "\(ran.out)")
    #expect(ran.out.contains("Worst: block"))
    let json = try Ran(["layers", path, "--against", "built-in", "--weights-only", "--json"]).json()
    json.expectNumbers(["layers.0.weightError", "layers.55.bits"])
    let alone = Ran(["layers", path])
    #expect(alone.code == 1 && alone.error.contains("--against BASE"))
  }

  @Test func evaluateNamesBothSides() throws {
    let folder = try TemporaryFolder()
    let path = try Self.copy(in: folder) { $0.type = { _ in .q8_0 } }
    let alone = Ran(["evaluate", path, "--windows", "1"])
    #expect(alone.code == 0, "\(alone.error)")
    #expect(alone.out.contains("as stored, Q8_0 on the built-in evaluation text"), "\(alone.out)")
    #expect(!alone.out.contains("baseline"), "\(alone.out)")
    #expect(alone.out.contains("no BOS"))
    let held = Ran(["evaluate", path, "--against", Self.model, "--windows", "1"])
    #expect(held.code == 0, "\(held.error)")
    #expect(held.out.contains("m.gguf (Q8_0) on"), "\(held.out)")
    #expect(held.out.contains("baseline BF16"), "\(held.out)")
    let refused = Ran(["evaluate", path, "--against", "built-in", "--weights", "rtn:4"])
    #expect(refused.code == 2 && refused.error.contains("--against"), "\(refused.error)")
  }

  /// Cut at every length of the header and some of the data, and with bytes of the header changed: words and exit code 1, or
  /// a file that is read.
  @Test func whatIsCutOrHostileIsTold() throws {
    let folder = try TemporaryFolder()
    let path = try Self.copy(in: folder) { $0.type = { _ in .q4_0 } }
    let whole = try folder.bytes("m.gguf")
    for count in [0, 3, 4, 11, 23, 24, 100, 5_000, 40_000, whole.count / 2, whole.count - 40] {
      let cut = try folder.file("cut.gguf", Array(whole[..<count]))
      let ran = Ran(["inspect", cut])
      #expect(ran.code == 1, "\(count) bytes: \(ran.out)")
      #expect(ran.error.contains("cut.gguf"), "\(count) bytes: \(ran.error)")
    }
    var seed: UInt64 = 7
    for _ in 0..<60 {
      var bytes = whole
      for _ in 0..<3 {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[Int(seed >> 33) % 900] = UInt8(truncatingIfNeeded: seed >> 20)
      }
      let changed = try folder.file("changed.gguf", bytes)
      let ran = Ran(["inspect", changed])
      #expect(ran.code == 0 || ran.code == 1)
      if ran.code == 1 { #expect(ran.error.contains("changed.gguf"), "\(ran.error)") }
    }
    let missing = Ran(["evaluate", path, "--against", folder.path("nothing.gguf")])
    #expect(missing.code == 1 && missing.error.contains("nothing.gguf"))
  }
}

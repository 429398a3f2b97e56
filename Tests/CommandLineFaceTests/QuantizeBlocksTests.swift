import TestSupport
import Testing

/// A quantization that is split over tasks is the same bytes as one run.
@Suite struct QuantizeBlocksTests {
  private static let settings = [
    "--weights", "gptq:4:64", "--samples", "4", "--sample-length", "64", "--threads", "2",
  ]

  private func quantize(_ output: String, _ more: String...) -> Ran {
    Ran(["quantize", "-o", output] + Self.settings + more)
  }

  @Test func threeTasksMakeTheBytesOfOne() throws {
    let folder = try TemporaryFolder()
    #expect(quantize(folder.path("whole")).code == 0)
    let (split, kept) = (folder.path("split"), folder.path("split.unfinished"))
    let early = quantize(split, "--blocks", "3..5")
    #expect(early.code == 1)
    #expect(early.error.contains("expected the blocks before 3 done in \(kept), found 0 of them"))
    #expect(quantize(split, "--blocks", "0..2").out.contains("3 of 8 blocks are kept in \(kept)"))
    #expect(quantize(split, "--blocks", "0..2").out.contains("nothing was to do"))
    #expect(quantize(split, "--blocks", "3..5").out.contains("6 of 8 blocks"))
    let last = quantize(split, "--blocks", "6..7")
    #expect(last.code == 0, "\(last.error)")
    #expect(last.out.contains("Continued after block 6."))
    for name in ["model.safetensors", "config.json", "tokenizer.json"] {
      #expect(try folder.bytes("split/\(name)") == folder.bytes("whole/\(name)"), "\(name)")
    }
    #expect(try folder.names() == ["split", "whole"])
  }

  @Test func blocksThatTheModelLacksAreNamed() throws {
    let folder = try TemporaryFolder()
    let ran = quantize(folder.path("out"), "--blocks", "4..8")
    #expect(ran.code == 1)
    #expect(ran.error.contains("--blocks: expected blocks from 0 to 7, found 4..8"))
    #expect(try folder.names().isEmpty)
  }
}

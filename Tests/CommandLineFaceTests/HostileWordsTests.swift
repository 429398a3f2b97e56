import FoundationEssentials
import Glibc
import Platform
import Synchronization
import TerminalUI
import TestSupport
import Testing

@testable import CommandLineFace

/// What a terminal would act on is shown, whatever file it comes from, and a write that failed is a failure.
@Suite struct HostileWordsTests {
  private static func isSafe(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      case 0x09, 0x0A: true
      case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: false
      default: true
      }
    }
  }

  private static let name = #"M\u001b]0;PWN\u0007\u009b31m\u202e"#
  private static let machines = """
    [[machine]]
    name = "\(name)"
    memory-gb = 80
    bandwidth-gbs = 3350
    fp32-tflops = 67
    bf16-tflops = 989

    """

  /// A picture keeps its colours; what was drawn into it was made harmless as it was drawn.
  @Test func picturesKeepTheirColours() {
    let told = Mutex("")
    let streams = OutputStreams(out: { text in told.withLock { $0 += text } }, error: { _ in })
    var picture = CellBuffer(width: 24, height: 2)
    picture.put("a\u{1b}[31mb\u{9b}c", x: 0, y: 0, style: Style(attributes: .bold))
    streams.clear()
    #expect(told.withLock { $0 } == "\u{1b}[2J\u{1b}[H")
    streams.show(picture)
    let text = told.withLock { $0 }
    #expect(text.contains("\u{1b}[0;1") && text.split(separator: "\n").count == 2)
    #expect(!text.contains("\u{1b}[31m") && !text.contains("\u{9b}"))
  }

  @Test func namesOfMachines() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("m.toml", Self.machines)
    let ran = Ran(["plan", "--machines", file, "--machine", "nope"])
    #expect(ran.code == 1 && ran.error.contains("M^[]0;PWN^G<9B>31m<202E>"), "\(ran.error)")
    #expect(Self.isSafe(ran.error))
    let asked = Ran(["plan", "--machines", file, "--machine", "\u{1b}[31m\u{202e}"])
    #expect(asked.code == 1 && Self.isSafe(asked.error), "what was typed is shown too")
    #expect(Self.isSafe(Ran(["plan", "--\u{1b}[31m"]).error))
  }

  @Test func documents() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("c1\u{9b}\u{202e}\u{7f}.toml", "name = 3")
    let ran = Ran(["themes", "--themes", folder.path, "--json"])
    #expect(Self.isSafe(ran.out + ran.error))
    #expect(ran.out.contains("\\u009B\\u202E\\u007F"), "\(ran.out)")
    _ = try StrictJSON.parse(Array(ran.out.utf8))
    #expect(Self.isSafe(Ran(["themes", "--themes", folder.path]).out))
    #expect(!Self.isSafe(path))
  }

  /// One that is nested too deep stops no command that can do without it.
  @Test func deepFilesAreToldAndPassedOver() throws {
    let folder = try TemporaryFolder()
    let deep = "[" + String(repeating: "a.", count: 140_000) + "a]\nb = 1\n"
    let file = try folder.file("deep.toml", deep)
    for ran in [
      Ran(["evaluate", "--recipe", file]), Ran(["plan", "--machines", file]),
      Ran(["themes", "--themes", folder.path]),
    ] {
      #expect((ran.error + ran.out).contains("at most 32 levels"), "\(ran.error)")
    }
  }

  private func ran(failing code: Int32) -> (code: Int32, error: String) {
    final class Heard: @unchecked Sendable { var text = "" }
    let heard = Heard()
    let result = Program.run(
      ["glossary"],
      output: OutputStreams(out: { _ in }, error: { heard.text += $0 }, failure: { code }))
    return (result, heard.text)
  }

  @Test func aWriteThatFailedIsAFailure() {
    let full = ran(failing: ENOSPC)
    #expect(full.code == 1)
    #expect(full.error == "nibble: could not write standard output: No space left on device\n")
    let closed = ran(failing: EPIPE)
    #expect(closed.code == 141 && closed.error.isEmpty)
  }

  @Test func streamsRememberWhatFailed() async {
    let full = open("/dev/full", O_WRONLY)
    let stream = StandardStream(full)
    #expect(stream.failure == nil)
    stream.write("words")
    #expect(stream.failure == ENOSPC)
    close(full)
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_IGN)
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      close(ends[0])
      let stream = StandardStream(ends[1])
      stream.write("words")
      #expect(stream.failure == EPIPE)
      // What is opened next does not take the place of a closed stream.
      close(1)
      StandardStream.reserve()
      #expect(open("/dev/null", O_RDONLY) > 2)
      let output = StandardStream(1)
      output.write("words")
      #expect(output.failure == EBADF)
    }
  }
}

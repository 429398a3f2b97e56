import CursesBackend
import FoundationEssentials
import TerminalUI
import Testing

@MainActor @Suite struct TerminalTests {
  /// The error of opening a terminal in a test run, whose input is never one that we may take.
  private func failure(_ environment: TerminalEnvironment) -> TerminalError? {
    do {
      _ = try Terminal(environment: environment)
      return nil
    } catch {
      return error as? TerminalError
    }
  }

  @Test func withoutTermThereIsNoTerminal() {
    #expect(failure(TerminalEnvironment(term: nil)) == .noTerm)
    #expect(failure(TerminalEnvironment(term: "")) == .noTerm)
  }

  @Test func errorsQuoteHostileNames() {
    let text = "\(TerminalError.unknownTerm(name: "\u{1b}[31m"))"
    #expect(!text.unicodeScalars.contains("\u{1b}"))
    #expect(text.contains("TERM="))
  }

  @Test func overlaysAreRefusedForStrangeNames() {
    let environment = TerminalEnvironment(term: nil, cacheFolder: "/nonexistent")
    for term in ["", "../xterm", "a b", "x\n", "xterm,", String(repeating: "x", count: 99)] {
      #expect(TerminfoOverlay(term: term, environment: environment) == nil)
    }
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/tic")))
  func overlaysAreCompiledOnce() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nibble-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }  // a leftover in /tmp is harmless
    let path = folder.path()
    let environment = TerminalEnvironment(term: "xterm", cacheFolder: path)
    let overlay = try #require(TerminfoOverlay(term: "xterm", environment: environment))
    #expect(overlay.entry == "nibble1-xterm")
    let compiled = "\(path)/nibble/terminfo/n/nibble1-xterm"
    #expect(FileManager.default.fileExists(atPath: compiled))
    let contents = try FileManager.default.contentsOfDirectory(atPath: path + "/nibble/terminfo")
    #expect(contents == ["n"])
    #expect(TerminfoOverlay(term: "xterm", environment: environment) != nil)
    #expect(
      overlay.whileFindable { ProcessInfo.processInfo.environment["TERMINFO_DIRS"] }?
        .hasPrefix(path) == true)
  }
}

import FoundationEssentials
import Testing
import Workbench

@Suite struct RegistrationTests {
  /// The sources of the target, beside these tests.
  static let sources: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/") + "/Sources/Workbench"
  }()

  static let hasSources = FileManager.default.fileExists(atPath: sources)

  @Test(.enabled(if: hasSources)) func everyScreenFileIsInTheList() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.sources + "/Screens")
    let files = Set(names.filter { $0.hasSuffix("Screen.swift") }.map { String($0.dropLast(6)) })
    let listed = Set(Screens.all.map { "\($0)" })
    #expect(files == listed)
  }

  @Test func screensHaveNamesOfTheirOwn() {
    #expect(Set(Screens.all.map { $0.id }).count == Screens.all.count)
    #expect(Screens.all.count > Screens.walk)
    for screen in Screens.all { #expect(screen.question.hasSuffix("?")) }
  }

  /// State and screens know no clock, no chance and no files: only the folders that deal with files do.
  @Test(.enabled(if: hasSources)) func nothingButSessionsAndThemesTouchesTheWorld() throws {
    var checked = 0
    let folders = ["", "Keys", "Overlays", "Screens", "State", "Views"]
    let names = try folders.flatMap { folder in
      try FileManager.default.contentsOfDirectory(atPath: "\(Self.sources)/\(folder)").map {
        "\(folder)/\($0)"
      }
    }
    for name in names where name.hasSuffix(".swift") {
      let text = try String(contentsOfFile: "\(Self.sources)/\(name)", encoding: .utf8)
      checked += 1
      for word in [
        "Date(", "random(", "FileManager", "import Foundation", "ProcessInfo", "getenv",
        "clock_gettime",
      ] {
        #expect(!text.contains(word), "\(name) uses \(word)")
      }
    }
    #expect(checked > 30)
  }
}

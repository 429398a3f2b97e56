import FoundationEssentials
import Testing
import Workbench

@Suite struct RegistrationTests {
  /// The sources of the target, next to these tests.
  static let sources: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/") + "/Sources/Workbench"
  }()

  static let hasSources = FileManager.default.fileExists(atPath: sources)

  @Test(.enabled(if: hasSources)) func everyRoomIsInTheList() throws {
    let rooms = try FileManager.default.contentsOfDirectory(atPath: Self.sources + "/Screens")
    let listed = Screens.all.map { "\($0)" }
    #expect(Set(rooms.map { "\($0)Screen" }) == Set(listed))
    #expect(rooms.count == listed.count)
  }

  @Test func screensHaveNamesOfTheirOwn() {
    #expect(Set(Screens.all.map { $0.id }).count == Screens.all.count)
    #expect(Screens.all.count > Screens.walk.count)
    for screen in Screens.all { #expect(screen.question.hasSuffix("?")) }
  }

  /// State and screens know no clock, no chance and no files: only the folders that deal with files do.
  @Test(.enabled(if: hasSources)) func nothingButSessionsAndThemesTouchesTheWorld() throws {
    var checked = 0
    let names = try FileManager.default.subpathsOfDirectory(atPath: Self.sources)
    for name in names
    where name.hasSuffix(".swift") && !name.hasPrefix("Sessions/") && !name.hasPrefix("Themes/") {
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

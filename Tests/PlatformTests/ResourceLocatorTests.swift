import FoundationEssentials
import Platform
import TestSupport
import Testing

@Suite struct ResourceLocatorTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func make(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder.path(path), withIntermediateDirectories: true)
  }

  private func locator(_ extra: [String: String] = [:]) -> ResourceLocator {
    let environment = ["HOME": folder.path("home")].merging(extra) { $1 }
    return ResourceLocator(environment: environment, executable: folder.path("bin/nibble"))
  }

  @Test func looksInTheDocumentedOrder() throws {
    let search = locator([
      "NIBBLE_HOME": folder.path("n"), "XDG_DATA_HOME": folder.path("x"),
    ]).search(for: "Themes", of: "Workbench")
    #expect(
      search.places.map(\.path) == [
        folder.path("n/Themes"), folder.path("x/nibble/Themes"),
        folder.path("bin/nibble_Workbench.resources/Themes"),
        folder.path("bin/../share/nibble/Themes"),
      ])
    #expect(
      search.places.map(\.origin) == [
        "NIBBLE_HOME", "XDG_DATA_HOME", "next to the executable", "installation",
      ])
    #expect(search.found == nil)
  }

  @Test func firstThatExistsIsFound() throws {
    try make("share/nibble/Themes")
    try make("bin")
    #expect(
      locator().search(for: "Themes", of: "Workbench").found
        == folder.path("bin/../share/nibble/Themes"))
    try make("bin/nibble_Workbench.resources/Themes")
    #expect(
      locator().search(for: "Themes", of: "Workbench").found
        == folder.path("bin/nibble_Workbench.resources/Themes"))
    try make("home/.local/share/nibble/Themes")
    let search = locator().search(for: "Themes", of: "Workbench")
    #expect(search.found == folder.path("home/.local/share/nibble/Themes"))
    #expect(search.existing.count == 3)
    try folder.file("Themes", "a file is no folder")
    #expect(
      locator(["NIBBLE_HOME": folder.path]).search(for: "Themes", of: "Workbench").found
        == folder.path("home/.local/share/nibble/Themes"))
  }

  @Test func thePathOfTheUserIsTheOnlyOne() throws {
    try make("home/.local/share/nibble/Themes")
    let search = locator().search(
      for: "Themes", of: "Workbench", explicit: folder.path("mine"), flag: "--themes")
    #expect(search.found == nil)
    #expect(search.places.map(\.path) == [folder.path("mine")])
    #expect(search.places.map(\.origin) == ["--themes"])
    try make("mine")
    #expect(
      locator().search(for: "Themes", of: "Workbench", explicit: folder.path("mine")).found
        == folder.path("mine"))
  }

  @Test func relativeAndAbsentVariables() {
    let relative = locator(["XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "c"])
    #expect(relative.dataFolder == folder.path("home/.local/share/nibble"))
    #expect(relative.cacheFolder == folder.path("home/.cache/nibble"))
    let bare = ResourceLocator(environment: [:], executable: nil)
    #expect(bare.dataFolder == nil && bare.cacheFolder == nil)
    #expect(bare.search(for: "Themes", of: "Workbench").places == [])
  }

  @Test func withoutProcTheNameItWasStartedWithLeadsToTheProgram() throws {
    let found = ResourceLocator.executable(startedAs: "sh", searchPath: "/nonexistent:/bin")
    #expect(found == ResourceLocator.executable(startedAs: "/bin/sh", searchPath: ""))
    #expect(found?.hasPrefix("/") == true)
    #expect(ResourceLocator.executable(startedAs: "no-such-program", searchPath: "/bin") == nil)
  }

  @Test func thisProcessHasAnExecutable() {
    let search = ResourceLocator().search(for: "Themes", of: "Workbench")
    #expect(search.places.contains { $0.origin == "next to the executable" })
  }
}

import FoundationEssentials
import Shell
import TestSupport
import Testing
import Workbench

/// What a typed path could lead to, on a disk.
@Suite struct PathListerTests {
  static func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["plain", "broken"] {
      try FileManager.default.createDirectory(
        atPath: folder.path(name), withIntermediateDirectories: true)
    }
    for (name, text) in [
      ("notes.txt", "no model"), ("false.gguf", "no GGUF"), ("broken/config.json", "{"),
    ] { try folder.file(name, text) }
    return folder
  }

  @Test func foldersAndModelsAreListedAndNothingElse() throws {
    let folder = try Self.folder()
    let typed = folder.path("")
    let listing = PathLister.listing(typed: typed + "pl", home: nil)
    #expect(listing.folder == typed)
    #expect(listing.entries.map(\.name) == ["broken", "false.gguf", "plain"])
    #expect(listing.entries.map(\.isFolder) == [false, false, true])
    #expect(listing.entries.prefix(2).allSatisfy { $0.problem?.contains("cannot be") == true })
    #expect(listing.matches(typed + "pl").map(\.name) == ["plain"])
    let own = PathLister.listing(typed: "~/", home: String(typed.dropLast()))
    #expect(own.entries == listing.entries)
  }

  @Test func aModelIsToldByArchitectureAndSize() throws {
    let models = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
    let listing = PathLister.listing(typed: models + "/ModelsTests/Fixtures/", home: nil)
    let model = try #require(
      listing.entries.first { $0.about?.hasPrefix("llama, ") == true }, "\(listing.entries)")
    #expect(model.about?.hasSuffix("B") == true)
  }

  /// Of a folder with more names than are listed, those that begin as was typed.
  @Test func aLargeFolderIsListedByTheBeginning() throws {
    let folder = try TemporaryFolder()
    for number in 100..<350 {
      try FileManager.default.createDirectory(
        atPath: folder.path("d\(number)"), withIntermediateDirectories: true)
    }
    let all = PathLister.listing(typed: folder.path(""), home: nil)
    #expect(all.entries.count == 200 && all.left == 50)
    let some = PathLister.listing(typed: folder.path("D34"), home: nil)
    #expect(some.entries.map(\.name) == (340..<350).map { "d\($0)" })
    #expect(some.left == 240)
  }

  @Test func whatIsNotThereIsSaid() throws {
    let listing = PathLister.listing(typed: "/no/such/folder/x", home: nil)
    #expect(listing.problem == "There is no folder /no/such/folder/")
    #expect(listing.entries.isEmpty)
    #expect(PathLister.listing(typed: "", home: nil).problem == nil)
  }
}

import FoundationEssentials
import Shell
import TestSupport
import Testing

/// The models that were opened last.
@Suite struct RecentModelsTests {
  @Test func theNewestComesFirstAndOnlyOnce() throws {
    let folder = try TemporaryFolder()
    let recents = RecentModels(file: folder.path("state/models.json"))
    #expect(recents.read().paths.isEmpty && recents.read().problem == nil)
    for number in 0..<15 { try recents.add("/nowhere/model-\(number)") }
    try recents.add("/nowhere/model-9")
    let paths = recents.read().paths
    #expect(paths.count == 12 && Set(paths).count == 12)
    #expect(paths.prefix(3) == ["/nowhere/model-9", "/nowhere/model-14", "/nowhere/model-13"])
  }

  /// A damaged file is told, and the next model begins it anew.
  @Test func aDamagedFileIsTold() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("models.json")
    try "{not json".write(toFile: path, atomically: true, encoding: .utf8)
    let recents = RecentModels(file: path)
    #expect(recents.read().paths.isEmpty)
    #expect(recents.read().problem?.hasPrefix("\(path): expected a JSON array") == true)
    try recents.add("/nowhere/model")
    #expect(recents.read().paths == ["/nowhere/model"] && recents.read().problem == nil)
  }

  @Test func withoutAFolderNothingIsKept() throws {
    let recents = RecentModels(file: nil)
    try recents.add("/nowhere/model")
    #expect(recents.read().paths.isEmpty)
  }
}

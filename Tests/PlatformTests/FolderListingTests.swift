import Platform
import TestSupport
import Testing

/// A folder that is not there is empty; one that cannot be listed is told.
@Suite struct FolderListingTests {
  @Test func namesAreSortedAndHiddenOnesLeftOut() throws {
    let folder = try TemporaryFolder()
    for name in ["b", "a", ".hidden", "한글"] { try folder.file(name, "") }
    #expect(try FolderListing.names(in: folder.path) == ["a", "b", "한글"])
    #expect(try FolderListing.names(in: folder.path("nowhere")).isEmpty)
  }

  @Test func whatIsNoFolderIsTold() throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("file", "")
    let error = #expect(throws: PlatformError.self) { try FolderListing.names(in: file) }
    #expect(error.map { "\($0)".contains(file) } == true)
  }
}

import Glibc
import Platform
import TestSupport
import Testing

/// Where a directory can be put, and where not.
@Suite struct OutputPlaceTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func nothingAndAnEmptyDirectoryAreFree() throws {
    #expect(OutputPlace.obstacle(at: folder.path("new")) == nil)
    #expect(OutputPlace.obstacle(at: folder.path("new/")) == nil)
    #expect(mkdir(folder.path("empty"), 0o755) == 0)
    #expect(OutputPlace.obstacle(at: folder.path("empty")) == nil)
  }

  @Test func whatIsTakenIsToldByWhatItIs() throws {
    #expect(mkdir(folder.path("full"), 0o755) == 0)
    try folder.file("full/.hidden", "mine")
    try folder.file("plain", "mine")
    #expect(symlink(folder.path("full"), folder.path("link")) == 0)
    #expect(symlink(folder.path("gone"), folder.path("dangling")) == 0)
    #expect(mkfifo(folder.path("pipe"), 0o644) == 0)
    for (name, words) in [
      ("full", "not empty"), ("plain", "a file of this name"), ("link", "a link of this name"),
      ("dangling", "points to nothing"), ("pipe", "neither file nor directory"),
      ("no/such/place", "does not exist"), ("plain/inside", "a part of the path is a file"),
      ("..", "the name of a directory"), (String(repeating: "n", count: 300), "too long"),
    ] {
      let found = OutputPlace.obstacle(at: folder.path(name))
      #expect(found?.contains(words) == true, "\(name.prefix(20)): \(found ?? "nothing")")
    }
    #expect(try folder.text("full/.hidden") == "mine")
  }

  /// An administrator writes everywhere; who is none is told.
  @Test(.enabled(if: geteuid() != 0, "an administrator can write everywhere"))
  func aFolderThatCannotBeWrittenTo() throws {
    #expect(mkdir(folder.path("locked"), 0o555) == 0)
    #expect(
      OutputPlace.obstacle(at: folder.path("locked/new"))?.contains("cannot be written to") == true)
  }

  @Test func anEmptyDirectoryIsFilledOnlyWhileItIsEmpty() throws {
    #expect(mkdir(folder.path("run"), 0o755) == 0)
    let directory = try WholeDirectory(path: folder.path("run"), fillingEmpty: true)
    try WholeFile.write("one", to: directory.path(of: "a"))
    try directory.commit()
    #expect(try folder.text("run/a") == "one")

    #expect(mkdir(folder.path("other"), 0o755) == 0)
    let late = try WholeDirectory(path: folder.path("other"), fillingEmpty: true)
    try folder.file("other/theirs", "kept")
    #expect(throws: PlatformError.self) { try late.commit() }
    #expect(try folder.text("other/theirs") == "kept")
    #expect(throws: PlatformError.self) {
      try WholeDirectory(path: folder.path("other"), fillingEmpty: true)
    }
    #expect(try folder.names() == ["other", "run"])
  }
}

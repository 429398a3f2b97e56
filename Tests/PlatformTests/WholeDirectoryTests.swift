import Glibc
import Platform
import TestSupport
import Testing

@Suite struct WholeDirectoryTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func appearsAtCommit() throws {
    let directory = try WholeDirectory(path: folder.path("run"))
    try WholeFile.write("one", to: directory.path(of: "a"))
    #expect(mkdir(directory.path(of: "inner"), 0o755) == 0)
    try WholeFile.write("two", to: directory.path(of: "inner/b"))
    #expect(try !folder.names().contains("run"))
    try directory.commit()
    #expect(try folder.names() == ["run"])
    #expect(try folder.text("run/a") == "one")
    #expect(try folder.text("run/inner/b") == "two")
    #expect(throws: PlatformError.self) { try directory.commit() }
  }

  @Test func abandoningLeavesNothing() throws {
    do {
      let directory = try WholeDirectory(path: folder.path("run"))
      try WholeFile.write("one", to: directory.path(of: "a"))
    }
    #expect(try folder.names() == [])
  }

  @Test func doesNotReplaceUnasked() throws {
    #expect(mkdir(folder.path("run"), 0o755) == 0)
    #expect(throws: PlatformError.self) { try WholeDirectory(path: folder.path("run")) }
    #expect(try folder.names() == ["run"])
    let late = try WholeDirectory(path: folder.path("other"))
    #expect(mkdir(folder.path("other"), 0o755) == 0)
    #expect(throws: PlatformError.self) { try late.commit() }
    #expect(try folder.names() == ["other", "run"])
  }

  @Test func replacesWhereAsked() throws {
    #expect(mkdir(folder.path("run"), 0o755) == 0)
    try folder.file("run/old", "old")
    let directory = try WholeDirectory(path: folder.path("run/"), replacing: true)
    try WholeFile.write("new", to: directory.path(of: "new"))
    #expect(try folder.text("run/old") == "old")
    try directory.commit()
    #expect(try folder.text("run/new") == "new")
    #expect(throws: (any Error).self) { try folder.text("run/old") }
    #expect(try folder.names() == ["run"])
    try folder.file("plain", "x")
    #expect(throws: PlatformError.self) {
      try WholeDirectory(path: folder.path("plain"), replacing: true)
    }
  }
}

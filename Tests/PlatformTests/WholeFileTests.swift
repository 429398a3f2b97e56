import Glibc
import Platform
import TestSupport
import Testing

@Suite struct WholeFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func writesAndReplaces() throws {
    try WholeFile.write("one", to: folder.path("a"))
    #expect(try folder.text("a") == "one")
    try WholeFile.write([1, 2], to: folder.path("a"))
    #expect(try folder.bytes("a") == [1, 2])
    try WholeFile.write("", to: folder.path("a"))
    #expect(try folder.bytes("a") == [])
    #expect(try folder.names() == ["a"])
  }

  @Test func piecesComeTogether() throws {
    let writer = try WholeFileWriter(path: folder.path("a"), reserving: 1 << 20)
    for piece in 0..<100 { try writer.append([UInt8](repeating: UInt8(piece), count: 1000)) }
    #expect(try folder.names().count == 1)
    #expect(try !folder.names().contains("a"))
    try writer.commit()
    #expect(writer.byteCount == 100_000)
    #expect(try folder.bytes("a") == (0..<100_000).map { UInt8($0 / 1000) })
    #expect(try folder.names() == ["a"])
    #expect(throws: PlatformError.self) { try writer.append([1]) }
    #expect(throws: PlatformError.self) { try writer.commit() }
  }

  @Test func piecesMayComeInAnyOrder() throws {
    let writer = try WholeFileWriter(path: folder.path("a"))
    try writer.append([1, 2])
    try writer.write([7, 8], at: 6)
    try writer.write([3, 4], at: 2)
    try writer.commit()
    #expect(try folder.bytes("a") == [1, 2, 3, 4, 0, 0, 7, 8])
  }

  @Test func abandoningKeepsTheOldFile() throws {
    try folder.file("a", "old")
    let writer = try WholeFileWriter(path: folder.path("a"))
    try writer.append([1, 2, 3])
    writer.abandon()
    #expect(try folder.text("a") == "old")
    #expect(try folder.names() == ["a"])
    do {
      let forgotten = try WholeFileWriter(path: folder.path("a"))
      try forgotten.append([1])
    }
    #expect(try folder.text("a") == "old")
    #expect(try folder.names() == ["a"])
  }

  @Test func failedCommitKeepsTheOldState() throws {
    let writer = try WholeFileWriter(path: folder.path("a"))
    try writer.append([1])
    #expect(mkdir(folder.path("a"), 0o700) == 0)
    #expect(throws: PlatformError.self) { try writer.commit() }
    #expect(try folder.names() == ["a"])
  }

  @Test func followsLinksAndKeepsPermissions() throws {
    try folder.file("real", "old")
    #expect(chmod(folder.path("real"), 0o640) == 0)
    #expect(symlink("real", folder.path("link")) == 0)
    try WholeFile.write("new", to: folder.path("link"))
    #expect(try folder.text("real") == "new")
    #expect(try folder.names() == ["link", "real"])
    var status = stat()
    #expect(lstat(folder.path("link"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    #expect(stat(folder.path("real"), &status) == 0 && status.st_mode & 0o777 == 0o640)
  }

  @Test func refusesWhatIsNoFile() throws {
    #expect(throws: PlatformError.notRegularFile(path: folder.path, found: "a directory")) {
      try WholeFile.write("x", to: folder.path)
    }
    #expect(throws: PlatformError.self) { try WholeFile.write("x", to: "/dev/null") }
    for path in ["", "/", folder.path("a/.."), folder.path("absent/a"), folder.path("a\0b")] {
      #expect(throws: PlatformError.self) { try WholeFile.write("x", to: path) }
    }
    #expect(try folder.names() == [])
    // What stands before a zero byte is another file.
    try folder.file("a", "old")
    #expect(throws: PlatformError.self) { try WholeFile.write("x", to: folder.path("a\0b")) }
    #expect(try folder.text("a") == "old")
  }

  @Test func absurdReserveIsAnError() throws {
    #expect(throws: PlatformError.self) {
      try WholeFileWriter(path: folder.path("a"), reserving: 1 << 60)
    }
    #expect(try folder.names() == [])
  }

  @Test func longNames() throws {
    let name = String(repeating: "n", count: 255)
    try WholeFile.write("x", to: folder.path(name))
    #expect(try folder.names() == [name])
  }
}

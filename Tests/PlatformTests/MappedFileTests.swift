import Glibc
import Platform
import TestSupport
import Testing

@Suite struct MappedFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func mapsAndReads() throws {
    let content = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let file = try MappedFile(path: try folder.file("a", content))
    #expect(file.byteCount == content.count)
    #expect(Array(file.bytes) == content)
    #expect(try file.read(at: 9_990, count: 10) == Array(content.suffix(10)))
    #expect(try file.read(at: 10_000, count: 0) == [])
    try file.checkUnchanged()
    file.willNeed(0..<10_000)
    file.release(0..<10_000)
    file.release(-5..<1 << 40)
    #expect(Array(file.bytes) == content)
  }

  @Test func readsOnlyInside() throws {
    let file = try MappedFile(path: try folder.file("a", [1, 2, 3]))
    for (offset, count) in [(0, 4), (3, 1), (4, 0), (-1, 1), (1, -1), (Int.max, Int.max)] {
      #expect(
        throws: PlatformError.outOfBounds(
          path: file.path, offset: offset, count: count, size: 3)
      ) { try file.read(at: offset, count: count) }
    }
  }

  @Test func emptyFile() throws {
    let file = try MappedFile(path: try folder.file("a", []))
    #expect(file.bytes.isEmpty)
    #expect(try file.read(at: 0, count: 0) == [])
  }

  @Test func refusesWhatIsNoFile() throws {
    #expect(throws: PlatformError.notRegularFile(path: folder.path, found: "a directory")) {
      try MappedFile(path: folder.path)
    }
    let pipe = folder.path("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(throws: PlatformError.notRegularFile(path: pipe, found: "a pipe")) {
      try MappedFile(path: pipe)
    }
    #expect(throws: PlatformError.notRegularFile(path: "/dev/zero", found: "a device")) {
      try MappedFile(path: "/dev/zero")
    }
    let absent = folder.path("absent")
    let error = #expect(throws: PlatformError.self) { try MappedFile(path: absent) }
    #expect(error?.description == "could not open \(absent): No such file or directory")
    #expect(throws: PlatformError.self) { try MappedFile(path: folder.path("a\0b")) }
  }

  @Test func linksAreFollowedOnlyWhereMeant() throws {
    try folder.file("a", [1])
    #expect(symlink("a", folder.path("link")) == 0)
    #expect(try MappedFile(path: folder.path("link")).byteCount == 1)
    #expect(throws: PlatformError.self) {
      try MappedFile(path: folder.path("link"), followingLink: false)
    }
  }

  @Test func noticesChanges() throws {
    let path = try folder.file("a", [UInt8](repeating: 5, count: 10_000))
    let file = try MappedFile(path: path)
    #expect(truncate(path, 100) == 0)
    #expect(
      throws: PlatformError.changedSinceOpening(
        path: path, expectedBytes: 10_000, foundBytes: 100)
    ) { try file.checkUnchanged() }
    #expect(
      throws: PlatformError.changedSinceOpening(
        path: path, expectedBytes: 10_000, foundBytes: 100)
    ) { try file.read(at: 50, count: 100) }
    #expect(try file.read(at: 50, count: 50) == [UInt8](repeating: 5, count: 50))
  }
}

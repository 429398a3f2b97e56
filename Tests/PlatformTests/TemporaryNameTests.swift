import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing

/// What a killed program leaves is taken away by the next that makes the same, and nothing else is.
@Suite struct TemporaryNameTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func leftoversOfTheSameNameGo() throws {
    try folder.file(".a.0abcdefghijkl.tmp", "torn")
    try FileManager.default.createDirectory(
      atPath: folder.path(".a.0abcdefghijkm.tmp/in"), withIntermediateDirectories: true)
    let others = [
      ".b.0abcdefghijkl.tmp", ".a.0abcdefghijkl.old", ".a.short.tmp", "a.0abcdefghijkl.tmp",
      ".a.0ABCDEFGHIJKL.tmp", ".a.b.0abcdefghijkl.tmp",
    ]
    for name in others { try folder.file(name, "mine") }
    try WholeFile.write("new", to: folder.path("a"))
    #expect(try folder.names() == (others + ["a"]).sorted())

    try folder.file(".d.0abcdefghijkl.tmp", "torn")
    let made = try WholeDirectory(path: folder.path("d"))
    #expect(try !folder.names().contains(".d.0abcdefghijkl.tmp"))
    try made.commit()
    #expect(try folder.names() == (others + ["a", "d"]).sorted())
  }

  /// Two that write the same at a time do not take each other for dead.
  @Test func whatIsHeldStays() throws {
    let first = try WholeFileWriter(path: folder.path("a"))
    let second = try WholeFileWriter(path: folder.path("a"))
    try first.append([1])
    try second.append([2])
    try first.commit()
    try second.commit()
    #expect(try folder.bytes("a") == [2])

    let one = try WholeDirectory(path: folder.path("d"))
    let other = try WholeDirectory(path: folder.path("d"))
    try WholeFile.write("x", to: one.path(of: "x"))
    try one.commit()
    #expect(throws: PlatformError.self) { try other.commit() }
    #expect(try folder.names() == ["a", "d"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("d")) == ["x"])
  }
}

import Glibc
import Platform
import TestSupport
import Testing

/// A file that is cut off while it is mapped is told, and kills nobody.
///
/// In processes of their own, since losses count for
/// all of one.
@Suite struct LostPagesTests {
  @Test func lostPagesReadAsZerosAndAreTold() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let path = try folder.file("a", [UInt8](repeating: 7, count: 1 << 20))
      let file = try MappedFile(path: path)
      let other = try MappedFile(path: folder.file("b", [UInt8](repeating: 9, count: 10_000)))
      let writer = try WholeFileWriter(path: folder.path("copy"))
      #expect(file.bytes.allSatisfy { $0 == 7 } && MappedFile.losses == 0)
      #expect(truncate(path, 5000) == 0)
      #expect(file.bytes[4095] == 7)
      #expect(file.bytes[(1 << 20) - 1] == 0 && file.bytes[300_000] == 0)
      #expect(MappedFile.losses == 1)
      #expect(other.bytes.allSatisfy { $0 == 9 })
      // Longer again: what was read is not so all the same.
      #expect(truncate(path, 1 << 20) == 0)
      #expect(throws: PlatformError.self) { try file.checkUnchanged() }
      try other.checkUnchanged()
      // What was made meanwhile may be made of zeros.
      try writer.append([1])
      #expect(throws: PlatformError.sourceLost(path: folder.path("copy"))) { try writer.commit() }
      #expect(try folder.names() == ["a", "b"])
      try WholeFile.write("later", to: folder.path("c"))
    }
  }

  @Test func otherFaultsStillEndTheProgram() async {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      // The runtime's report of a crash takes its time.
      signal(SIGBUS, SIG_DFL)
      let folder = try TemporaryFolder()
      let path = try folder.file("a", [UInt8](repeating: 7, count: 10_000))
      _ = try MappedFile(path: path)
      let number = open(path, O_RDONLY)
      let address = mmap(nil, 10_000, PROT_READ, MAP_PRIVATE, number, 0)
      truncate(path, 0)
      // A mapping that nobody guards.
      exit(address?.load(as: UInt8.self) == 7 ? 0 : 1)
    }
  }

  @Test func aFileThatIsReplacedIsTold() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("a", "old")
    let file = try MappedFile(path: path)
    try file.checkUnchanged()
    try WholeFile.write("new", to: path)
    #expect(throws: PlatformError.replacedSinceOpening(path: path)) { try file.checkUnchanged() }
    #expect(unlink(path) == 0)
    #expect(throws: PlatformError.replacedSinceOpening(path: path)) { try file.checkUnchanged() }
  }
}

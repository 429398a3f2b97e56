import Platform
import TestSupport
import Testing

@Suite struct ProcessMemoryTests {
  private static let table = """
    55d000-55e000 r-xp 00000000 fd:00 12   /usr/bin/program
    Size:                 16 kB
    Rss:                   8 kB
    AnonHugePages:         0 kB
    55e000-55f000 rw-p 00001000 fd:00 12   /usr/bin/program
    Rss:                   4 kB
    7f0000-7f8000 r--p 00000000 fd:00 99   /data/a model/model.safetensors
    Rss:                 100 kB
    7f8000-7f9000 rw-p 00000000 00:00 0
    Rss:                2048 kB
    AnonHugePages:      2048 kB
    7ff000-7ff100 rw-p 00000000 00:00 0    [stack]
    Rss:                  12 kB
    """

  @Test func theTableIsReadByKind() {
    let memory = ProcessMemory(Self.table)
    #expect(memory.mappings.count == 5)
    #expect(memory.residentBytes == (8 + 4 + 100 + 2048 + 12) * 1024)
    #expect(memory.codeBytes == 12 * 1024, "a program's data are its own")
    #expect(memory.dataFileBytes == 100 * 1024)
    #expect(memory.hugePageBytes == 2048 * 1024)
    #expect(memory.mappings[2].path == "/data/a model/model.safetensors")
  }

  @Test func whatIsNoTableHasNoMappings() {
    #expect(ProcessMemory("").residentBytes == 0)
    #expect(ProcessMemory("Rss: 4 kB\nnonsense\n").mappings.isEmpty)
  }

  @Test func pagesOfAMappedFileAreFoundWhenTheyAreTouched() throws {
    let folder = try TemporaryFolder()
    let file = try MappedFile(path: try folder.file("a", [UInt8](repeating: 3, count: 1 << 20)))
    func found() throws -> Int {
      let memory = try #require(ProcessMemory.read())
      return memory.mappings.reduce(0) { $1.path.hasSuffix("/a") ? $0 + $1.residentBytes : $0 }
    }
    var sum = 0
    for place in stride(from: 0, to: 1 << 20, by: 4096) { sum += Int(file.bytes[place]) }
    #expect(sum == 3 * 256)
    #expect(try found() == 1 << 20)
    file.release(0..<1 << 20)
    #expect(try found() < 1 << 20)
  }
}

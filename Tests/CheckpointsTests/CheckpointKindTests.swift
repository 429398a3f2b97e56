import Checkpoints
import TestSupport
import Testing

@Suite struct CheckpointKindTests {
  @Test func contentDecides() throws {
    let folder = try TemporaryFolder()
    #expect(try CheckpointKind(of: folder.path) == .directory)
    #expect(
      try CheckpointKind(of: folder.file("odd.name", safetensors("{}"))) == .safetensors)
    #expect(try CheckpointKind(of: folder.file("x.bin", "GGUF\u{3}")) == .gguf)
    #expect(try CheckpointKind(of: folder.file("a.index.json", "{}")) == .index)
    #expect(throws: CheckpointError.self) { try CheckpointKind(of: folder.file("a.json", "{}")) }
    #expect(throws: CheckpointError.self) { try CheckpointKind(of: folder.path("absent")) }
    #expect(throws: CheckpointError.self) { try CheckpointKind(of: "/dev/zero") }
  }
}

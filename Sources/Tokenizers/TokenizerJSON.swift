import Platform

/// The reader of a tokenizer.json: the file that Hugging Face's `tokenizers` writes.
///
/// It accepts what the stages here execute exactly and names what they do not. `truncation` and
/// `padding` concern batches, not text, and are left unread.
struct TokenizerJSON {
  let file: String
  let vocabulary: Vocabulary
  let model: WordModel
  let added: [AddedVocabulary.Token]
  let normalizer: Normalizer?
  let preTokenizer: PreTokenizer?
  let postProcessor: PostProcessor
  let decoder: Decoder?

  /// Reads the text of a tokenizer.json; `file` names it in errors.
  init(_ text: UnsafeRawBufferPointer, file: String) throws(TokenizerError) {
    let root = try JSONFields(parsing: text, file: file)
    self.file = file
    let model = try root.required("model")
    // The oldest files name no type.
    switch try model.optionalString("type") ?? "BPE" {
    case "BPE":
      vocabulary = try Self.readVocabulary(model)
      self.model = .bytePairs(try Self.readModel(model, vocabulary))
    case "Unigram":
      let unigram = try Self.readUnigram(model)
      vocabulary = unigram.vocabulary
      self.model = .unigram(unigram)
    case let type:
      throw .unsupported(file: file, field: "model.type", found: "\"\(type)\"")
    }
    added = try Self.readAddedTokens(root, vocabulary)
    normalizer = try root.optional("normalizer").map(Self.readNormalizer)
    preTokenizer = try root.optional("pre_tokenizer").map(Self.readPreTokenizer)
    postProcessor = try root.optional("post_processor").map(Self.readPostProcessor) ?? .init()
    decoder = try root.optional("decoder").map(Self.readDecoder)
    try checkSpecialIDs(root)
  }

  private func checkSpecialIDs(_ root: JSONFields) throws(TokenizerError) {
    let addedIDs = Set(added.map(\.id))
    for id in postProcessor.prefix + postProcessor.suffix
    where vocabulary.token(id) == nil && !addedIDs.contains(id) {
      throw .malformed(
        file: file, field: "post_processor", expected: "ids of tokens", found: "\(id)")
    }
  }
}

extension TokenizerJSON {
  private static func readVocabulary(_ model: JSONFields) throws(TokenizerError) -> Vocabulary {
    let vocab = try model.required("vocab")
    guard let members = vocab.value.object?.members else { throw vocab.wrong("an object") }
    var tokens: [(bytes: [UInt8], id: Int)] = []
    tokens.reserveCapacity(members.count)
    for member in members {
      guard let id = member.value.integer else {
        throw JSONFields(
          value: member.value, path: "\(vocab.path).\(member.name)", file: vocab.file
        )
        .wrong("an integer")
      }
      tokens.append((Array(member.name.utf8), id))
    }
    return try Vocabulary(tokens, file: model.file, field: vocab.path)
  }

  private static func readModel(
    _ model: JSONFields, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> BytePairEncoding {
    var options = BytePairEncoding.Options()
    if let dropout = try model.optional("dropout"), dropout.value.double != 0 {
      throw .unsupported(file: model.file, field: dropout.path, found: dropout.value.kind)
    }
    if let unknown = try model.optionalString("unk_token") {
      guard let id = vocabulary.id(of: Array(unknown.utf8)) else {
        throw .malformed(
          file: model.file, field: "model.unk_token", expected: "a token of the vocabulary",
          found: Vocabulary.quoted(unknown.utf8))
      }
      options.unknownID = id
    }
    options.fusesUnknown = try model.flag("fuse_unk", default: false)
    options.fallsBackToBytes = try model.flag("byte_fallback", default: false)
    options.ignoresMerges = try model.flag("ignore_merges", default: false)
    options.continuingPrefix = Array(
      (try model.optionalString("continuing_subword_prefix") ?? "").utf8)
    options.endSuffix = Array((try model.optionalString("end_of_word_suffix") ?? "").utf8)

    let list = try model.required("merges")
    guard let entries = list.value.array else { throw list.wrong("an array") }
    var merges: [(left: Int32, right: Int32, id: Int32)] = []
    merges.reserveCapacity(entries.count)
    for (rank, entry) in entries.enumerated() {
      let entry = JSONFields(value: entry, path: "\(list.path)[\(rank)]", file: model.file)
      let (left, right) = try pair(entry)
      func id(_ token: [UInt8]) throws(TokenizerError) -> Int32 {
        guard let id = vocabulary.id(of: token) else {
          throw .malformed(
            file: model.file, field: entry.path, expected: "tokens of the vocabulary",
            found: Vocabulary.quoted(token))
        }
        return id
      }
      merges.append(
        (
          try id(left), try id(right),
          try id(left + right.dropFirst(options.continuingPrefix.count))
        ))
    }
    return BytePairEncoding(vocabulary: vocabulary, merges: merges, options: options)
  }

  /// A merge is written `"a b"` or `["a", "b"]`.
  private static func pair(_ entry: JSONFields) throws(TokenizerError) -> ([UInt8], [UInt8]) {
    if let text = entry.value.string {
      let parts = text.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
      if parts.count == 2 { return (Array(parts[0]), Array(parts[1])) }
    } else if let parts = entry.value.array, parts.count == 2, let left = parts[0].string,
      let right = parts[1].string
    {
      return (Array(left.utf8), Array(right.utf8))
    }
    throw entry.wrong("two tokens")
  }

  private static func readAddedTokens(
    _ root: JSONFields, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> [AddedVocabulary.Token] {
    guard let list = try root.optional("added_tokens") else { return [] }
    let entries = try list.items()
    let limit = min(1 << 24, max((vocabulary.count + entries.count) * 4, 256))
    var tokens: [AddedVocabulary.Token] = []
    var contents: Set<[UInt8]> = []
    var ids: Set<Int32> = []
    for entry in entries {
      let idField = try entry.required("id")
      guard let wide = idField.value.integer, (0..<limit).contains(wide),
        let id = Int32(exactly: wide)
      else { throw idField.wrong("an id in 0..<\(limit)") }
      let content = Array(try entry.string("content").utf8)
      // The reference ignores such tokens, too: they would be found everywhere.
      if content.isEmpty { continue }
      let known = vocabulary.id(of: content)
      guard known == id || (known == nil && vocabulary.token(id) == nil) else {
        let expected = known.map { "\($0), its id in the vocabulary" } ?? "an id of its own"
        throw idField.wrong(expected)
      }
      guard contents.insert(content).inserted, ids.insert(id).inserted else {
        throw entry.wrong("each added token and id once")
      }
      tokens.append(
        AddedVocabulary.Token(
          content: content, id: id, isSpecial: try entry.flag("special", default: false),
          isSingleWord: try entry.flag("single_word", default: false),
          stripsLeft: try entry.flag("lstrip", default: false),
          stripsRight: try entry.flag("rstrip", default: false),
          isNormalized: try entry.flag("normalized", default: false)))
    }
    return tokens
  }
}

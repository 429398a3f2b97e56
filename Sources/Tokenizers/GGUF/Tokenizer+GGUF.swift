extension Tokenizer {
  /// A tokenizer from the metadata of a GGUF file.
  ///
  /// Special tokens that are spelled in a text are found, as in the tokenizer.json that the file was made from.
  ///
  /// - Throws: `TokenizerError` naming the file and the field; vocabularies other than SentencePiece's merges and
  ///   byte-level pairs, and cuts that are not known, are refused by name.
  package init(gguf file: GGUFVocabulary) throws(TokenizerError) {
    guard !file.tokens.isEmpty else { throw file.wrong("tokens", "tokens", "none") }
    let kinds = try file.checkedKinds()
    let bos = try file.checked(file.bosID, "bos_token_id")
    let eos = try file.checked(file.eosID, "eos_token_id")
    let maker: GGUFPipelineMaker
    switch file.model {
    case "llama": maker = try .sentencePiece(file, kinds)
    case "gpt2": maker = try .bytePairs(file)
    case let other:
      let known = [
        "bert": "WordPiece", "t5": "SentencePiece's unigram model", "rwkv": "RWKV's greedy one",
        "plamo2": "PLaMo's",
      ]
      let name = known[other].map { " (\($0))" } ?? ""
      throw .unsupported(
        file: file.file, field: "tokenizer.ggml.model",
        found: "\(Vocabulary.quoted(other.utf8))\(name); known are llama and gpt2")
    }
    let prefix = file.addsBOS ?? maker.addsBOS ? [bos].compactMap(\.self) : []
    let suffix = file.addsEOS ?? false ? [eos].compactMap(\.self) : []
    self.init(
      HuggingFacePipeline(
        model: maker.model, added: file.addedTokens(kinds), normalizer: maker.normalizer,
        preTokenizer: maker.preTokenizer,
        postProcessor: PostProcessor(prefix: prefix, suffix: suffix), decoder: maker.decoder),
      bosID: bos, eosID: eos, templates: file.templates)
  }
}

/// The stages that a kind of GGUF vocabulary asks for.
private struct GGUFPipelineMaker {
  var model: WordModel
  var normalizer: Normalizer?
  var preTokenizer: PreTokenizer?
  var decoder: Decoder
  var addsBOS: Bool

  /// SentencePiece: blanks become U+2581, one before each run of text, and the best score merges first.
  static func sentencePiece(
    _ file: GGUFVocabulary, _ kinds: [GGUFVocabulary.Kind]
  ) throws(TokenizerError) -> Self {
    guard let scores = file.scores, scores.count == file.tokens.count else {
      throw file.wrong(
        "scores", "one for each of \(file.tokens.count) tokens", "\(file.scores?.count ?? 0)")
    }
    if let bad = scores.firstIndex(where: { !$0.isFinite }) {
      throw file.wrong("scores[\(bad)]", "a finite number", "\(scores[bad])")
    }
    let pieces = file.tokens.indices.map { id in
      SentencePieceModel.Piece(
        text: file.tokens[id], score: scores[id],
        kind: SentencePieceModel.Kind(rawValue: UInt64(kinds[id].rawValue)) ?? .normal)
    }
    let space = SentencePieceNormalizer.space
    let addsPrefix = file.addsSpacePrefix ?? true
    let escaping = Normalizer.replacing([0x20], with: space)
    var steps: [Decoder] = [.replace(space, with: [0x20]), .byteFallback, .fuse]
    if addsPrefix { steps.append(.strip(content: [0x20], start: 1, stop: 0)) }
    return Self(
      model: .scoredMerges(
        ScoredMerging(
          pieces: pieces, vocabulary: try vocabulary(file),
          unknownID: try file.checked(file.unknownID, "unknown_token_id"))),
      normalizer: addsPrefix ? .sequence([.prepending(space), escaping]) : escaping,
      preTokenizer: nil, decoder: .sequence(steps), addsBOS: true)
  }

  /// Byte-level pairs: the text is cut by the patterns that a name stands for.
  static func bytePairs(_ file: GGUFVocabulary) throws(TokenizerError) -> Self {
    guard let name = file.pre, let pre = GGUFPreTokenizer.named(name) else {
      throw .unsupported(
        file: file.file, field: "tokenizer.ggml.pre",
        found: (file.pre.map { Vocabulary.quoted($0.utf8) } ?? "none") + "; known are "
          + GGUFPreTokenizer.names.joined(separator: ", ")
          + (file.pre.flatMap(GGUFPreTokenizer.nearest).map { "; the nearest is \($0)" } ?? ""))
    }
    var stages: [PreTokenizer] = pre.cutsPunctuation ? [.punctuation(.contiguous)] : []
    for pattern in pre.patterns {
      do throws(PatternError) {
        stages.append(.pattern(try SplitPattern(pattern), .isolated, isInverted: false))
      } catch {
        throw .unsupported(
          file: file.file, field: "tokenizer.ggml.pre", found: error.words(pattern))
      }
    }
    stages.append(.byteLevel(addsPrefixSpace: file.addsSpacePrefix ?? false, splits: false))
    let vocabulary = try vocabulary(file)
    var options = BytePairEncoding.Options()
    options.ignoresMerges = pre.ignoresMerges
    return Self(
      model: .bytePairs(
        BytePairEncoding(
          vocabulary: vocabulary, merges: try merges(file, vocabulary), options: options)),
      normalizer: nil, preTokenizer: .sequence(stages), decoder: .byteLevel,
      addsBOS: pre.addsBOS)
  }

  private static func vocabulary(_ file: GGUFVocabulary) throws(TokenizerError) -> Vocabulary {
    try Vocabulary(
      file.tokens.enumerated().map { ($1, $0) }, file: file.file, field: "tokenizer.ggml.tokens")
  }

  private static func merges(
    _ file: GGUFVocabulary, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> [(left: Int32, right: Int32, id: Int32)] {
    guard let list = file.merges else { throw file.wrong("merges", "merges", "none") }
    var merges: [(left: Int32, right: Int32, id: Int32)] = []
    merges.reserveCapacity(list.count)
    for (rank, text) in list.enumerated() {
      // A token may begin with a blank, but no other blank stands in one.
      guard let blank = text.dropFirst().firstIndex(of: 0x20) else {
        throw file.wrong("merges[\(rank)]", "two tokens", Vocabulary.quoted(text))
      }
      let (left, right) = (Array(text[..<blank]), Array(text[(blank + 1)...]))
      guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right),
        let id = vocabulary.id(of: left + right)
      else {
        throw file.wrong("merges[\(rank)]", "tokens of the vocabulary", Vocabulary.quoted(text))
      }
      merges.append((leftID, rightID, id))
    }
    return merges
  }
}

/// The tokenizer that the metadata of a GGUF file describes, field by field, as `tokenizer.ggml.*` names them.
///
/// A plain value: whoever reads the container fills it in, `Tokenizer.init(gguf:)` makes it run.
package struct GGUFVocabulary: Sendable {
  /// What a token is for; raw values are those of `tokenizer.ggml.token_type`.
  package enum Kind: Int, Sendable {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  /// Names the file in errors.
  package var file: String
  /// `tokenizer.ggml.model`: `llama` (SentencePiece), `gpt2` (byte-level pairs).
  package var model: String
  /// `tokenizer.ggml.pre`: how byte-level text is cut into words.
  package var pre: String?
  /// Spelled as in the file, the place the id.
  package var tokens: [[UInt8]]
  package var scores: [Float]?
  package var kinds: [Int]?
  /// `left right`, best first.
  package var merges: [[UInt8]]?
  package var bosID: Int?
  package var eosID: Int?
  package var unknownID: Int?
  package var addsBOS: Bool?
  package var addsEOS: Bool?
  package var addsSpacePrefix: Bool?
  package var templates = ChatTemplates()
  /// What texts it cuts otherwise than the tokenizer it was made from, in words; nil for none that is known.
  package var caveat: String?

  package init(file: String, model: String, tokens: [[UInt8]]) {
    self.file = file
    self.model = model
    self.tokens = tokens
  }
}

extension GGUFVocabulary {
  func wrong(_ field: String, _ expected: String, _ found: String) -> TokenizerError {
    .malformed(
      file: file, field: "tokenizer.ggml.\(field)", expected: expected, found: found)
  }

  /// An id that must be of a token, where it is there.
  func checked(_ id: Int?, _ field: String) throws(TokenizerError) -> Int32? {
    guard let id else { return nil }
    guard tokens.indices.contains(id) else {
      throw wrong(field, "the id of a token, 0..<\(tokens.count)", "\(id)")
    }
    return Int32(truncatingIfNeeded: id)
  }

  /// The kind of each token; all are normal where the file does not say.
  func checkedKinds() throws(TokenizerError) -> [Kind] {
    guard let kinds else { return [Kind](repeating: .normal, count: tokens.count) }
    guard kinds.count == tokens.count else {
      throw wrong("token_type", "one for each of \(tokens.count) tokens", "\(kinds.count)")
    }
    var result: [Kind] = []
    result.reserveCapacity(kinds.count)
    for (id, number) in kinds.enumerated() {
      // Some writers leave a token without a type; it is an ordinary one.
      guard let kind = number == 0 ? .normal : Kind(rawValue: number) else {
        throw wrong("token_type[\(id)]", "a type from 0 to 6", "\(number)")
      }
      result.append(kind)
    }
    return result
  }

  /// Tokens that are found in a text before it is cut: those that stand for no text, and those a user added.
  func addedTokens(_ kinds: [Kind]) -> [AddedVocabulary.Token] {
    kinds.indices.compactMap { id in
      guard [.control, .userDefined, .unknown].contains(kinds[id]), !tokens[id].isEmpty else {
        return nil
      }
      return AddedVocabulary.Token(
        content: tokens[id], id: Int32(truncatingIfNeeded: id),
        isSpecial: kinds[id] == .control || kinds[id] == .unknown)
    }
  }
}

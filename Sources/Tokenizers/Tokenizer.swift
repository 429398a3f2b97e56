/// Text to the ids a model reads, and back.
///
/// A value that never changes; it may be used from many threads at once.
package struct Tokenizer: Sendable {
  private let pipeline: any TokenizationPipeline
  /// Begins a text, where the model has such a token.
  package private(set) var bosID: Int32?
  /// Ends a text, where the model has such a token.
  package private(set) var eosID: Int32?

  /// What its files hold to make a text of messages.
  package private(set) var templates: ChatTemplates
  /// Ids from here on have no row in the model; nil where that is not known.
  private var rowCount: Int?

  init(
    _ pipeline: any TokenizationPipeline, bosID: Int32?, eosID: Int32?,
    templates: ChatTemplates = ChatTemplates()
  ) {
    self.pipeline = pipeline
    self.bosID = bosID
    self.eosID = eosID
    self.templates = templates
  }

  /// One more than the largest id.
  package var vocabularySize: Int { pipeline.idLimit }

  /// The ids of `text`.
  ///
  /// - Parameter addSpecialTokens: whether to add what the file puts around a text; special tokens
  ///   that are spelled in the text are found either way.
  /// - Throws: `TokenizerError.textTooLong` above 1 GiB, `.idBeyondModel` from a tokenizer that was fitted.
  package func encode(
    _ text: String, addSpecialTokens: Bool = false
  ) throws(TokenizerError) -> [Int32] {
    try encodeChecked(Array(text.utf8), addSpecialTokens)
  }

  /// The ids of a text in UTF-8.
  ///
  /// - Throws: `TokenizerError.invalidUTF8` with the offset of the first wrong byte,
  ///   `.textTooLong` above 1 GiB, `.idBeyondModel` from a tokenizer that was fitted.
  package func encode(
    utf8 text: some Sequence<UInt8>, addSpecialTokens: Bool = false
  ) throws(TokenizerError) -> [Int32] {
    let text = Array(text)
    try UTF8Validation.check(text)
    return try encodeChecked(text, addSpecialTokens)
  }

  private func encodeChecked(
    _ text: [UInt8], _ addSpecialTokens: Bool
  ) throws(TokenizerError) -> [Int32] {
    guard text.count <= MergeQueue.longestText else {
      throw .textTooLong(bytes: text.count, limit: MergeQueue.longestText)
    }
    let ids = text.withUnsafeBufferPointer {
      pipeline.encode($0, addSpecialTokens: addSpecialTokens)
    }
    if let rowCount, let id = ids.first(where: { Int($0) >= rowCount }) {
      throw .idBeyondModel(token: token(for: id) ?? "", id: id, model: rowCount)
    }
    return ids
  }

  /// The text of `ids`; bytes that are not UTF-8 become U+FFFD as in the reference, ids without a
  /// token add nothing.
  package func decode(
    _ ids: some Sequence<Int32>, skippingSpecialTokens: Bool = true
  ) -> String {
    let bytes = pipeline.decode(
      kept(ids, skippingSpecialTokens), invalidBytes: .replaced)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The bytes that `ids` stand for, which need not be UTF-8.
  package func decodeBytes(
    _ ids: some Sequence<Int32>, skippingSpecialTokens: Bool = true
  ) -> [UInt8] {
    pipeline.decode(kept(ids, skippingSpecialTokens), invalidBytes: .kept)
  }

  private func kept(_ ids: some Sequence<Int32>, _ skippingSpecialTokens: Bool) -> [Int32] {
    skippingSpecialTokens ? ids.filter { !pipeline.isSpecial($0) } : Array(ids)
  }

  /// A token as its file spells it (`Ġthe`, `▁the`, `<0x0A>`), or nil.
  package func token(for id: Int32) -> String? {
    pipeline.token(id).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The id of a token as its file spells it, or nil.
  package func id(of token: String) -> Int32? { pipeline.id(of: Array(token.utf8)) }

  /// Whether a token stands for no text, such as the end of a text.
  package func isSpecial(_ id: Int32) -> Bool { pipeline.isSpecial(id) }

  /// The same tokenizer with the ids that a model's configuration names; nil keeps what there is.
  package func replacing(bosID: Int32? = nil, eosID: Int32? = nil) -> Tokenizer {
    var copy = self
    copy.bosID = bosID ?? self.bosID
    copy.eosID = eosID ?? self.eosID
    return copy
  }

  /// Added tokens, such as a padding token, that a model with this many rows of embeddings has none for; ascending.
  package func addedTokens(beyond model: Int) -> [Int32] {
    guard vocabularySize > model else { return [] }
    return (max(model, 0)..<vocabularySize).compactMap { id in
      let id = Int32(truncatingIfNeeded: id)
      return pipeline.token(id) == nil ? nil : id
    }
  }

  /// The same tokenizer for a model with this many rows of embeddings: encoding refuses a text that holds one of
  /// `addedTokens(beyond:)`, and no other.
  ///
  /// - Throws: `TokenizerError.vocabularyMismatch` where tokens of the vocabulary itself have no row.
  package func fitted(vocabularySize model: Int) throws(TokenizerError) -> Tokenizer {
    guard pipeline.modelIDLimit <= model else {
      throw .vocabularyMismatch(tokenizer: pipeline.modelIDLimit, model: model)
    }
    var copy = self
    copy.rowCount = model
    return copy
  }

  /// Checks that a model with this many rows of embeddings has one for every id; it may have more,
  /// since many are padded.
  ///
  /// - Throws: `TokenizerError.vocabularyMismatch`.
  package func check(vocabularySize model: Int) throws(TokenizerError) {
    guard vocabularySize <= model else {
      throw .vocabularyMismatch(tokenizer: vocabularySize, model: model)
    }
  }
}

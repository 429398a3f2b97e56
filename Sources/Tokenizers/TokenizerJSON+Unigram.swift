import Platform

extension TokenizerJSON {
  /// Reads a `Unigram` model: pieces with their scores in the order of their ids.
  static func readUnigram(_ model: JSONFields) throws(TokenizerError) -> UnigramModel {
    let list = try model.required("vocab")
    let entries = try list.items()
    var tokens: [(bytes: [UInt8], id: Int)] = []
    var scores: [Double] = []
    for (id, entry) in entries.enumerated() {
      guard let pair = entry.value.array, pair.count == 2, let text = pair[0].string,
        let score = pair[1].double, score.isFinite
      else { throw entry.wrong("a piece and its score") }
      tokens.append((Array(text.utf8), id))
      scores.append(score)
    }
    let vocabulary = try Vocabulary(tokens, file: model.file, field: list.path)
    var unknownID: Int32?
    if let field = try model.optional("unk_id") {
      guard let id = field.value.integer, tokens.indices.contains(id) else {
        throw field.wrong("the place of a piece, 0..<\(tokens.count)")
      }
      unknownID = Int32(truncatingIfNeeded: id)
    }
    return UnigramModel(
      vocabulary: vocabulary, scores: scores, unknownID: unknownID,
      fallsBackToBytes: try model.flag("byte_fallback", default: false))
  }
}

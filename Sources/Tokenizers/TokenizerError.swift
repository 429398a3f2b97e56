/// What is wrong with a tokenizer's file, or with what it was asked to do.
package enum TokenizerError: Error, Equatable, Sendable {
  /// A file could not be read; `reason` is in the system's words.
  case unreadable(file: String, reason: String)
  /// A folder holds none of the files that a tokenizer is read from.
  case notFound(directory: String, expected: [String])
  /// A field holds something that no reader could use.
  case malformed(file: String, field: String, expected: String, found: String)
  /// A field asks for something that exists, but that is not executed here.
  case unsupported(file: String, field: String, found: String)
  /// Text that is not UTF-8, with the offset of its first wrong byte.
  case invalidUTF8(offset: Int)
  /// More text than one call takes.
  case textTooLong(bytes: Int, limit: Int)
  /// The tokenizer makes ids that the model has no row for.
  case vocabularyMismatch(tokenizer: Int, model: Int)
  /// A text holds an added token that the model has no row for.
  case idBeyondModel(token: String, id: Int32, model: Int)
}

extension TokenizerError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(file): \(reason)"
    case .notFound(let directory, let expected):
      "expected \(expected.joined(separator: " or ")), found neither: \(directory)"
    case .malformed(let file, let field, let expected, let found):
      "\(file): \(field): expected \(expected), found \(found)"
    case .unsupported(let file, let field, let found):
      "\(file): \(field): not executable here: \(found)"
    case .invalidUTF8(let offset):
      "the text is not UTF-8: wrong byte at offset \(offset)"
    case .textTooLong(let bytes, let limit):
      "expected at most \(limit) bytes of text, found \(bytes)"
    case .vocabularyMismatch(let tokenizer, let model):
      "the tokenizer does not match the model: expected at most \(model) tokens, "
        + "the size of the model's vocabulary, found \(tokenizer)"
    case .idBeyondModel(let token, let id, let model):
      "the text holds \"\(token)\": expected ids below \(model), the size of the model's vocabulary, found \(id)"
    }
  }
}

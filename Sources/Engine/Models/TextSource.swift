import DemoModel
import FoundationEssentials
import Platform
import Tokenizers

/// A text as token ids, and what it is called.
struct TextSource {
  var name: String
  var ids: [Int32]

  /// The line that separates documents of the built-in texts.
  private static let separator = "<|endoftext|>"

  /// Reads a user's file as one stream, special tokens of the tokenizer's own choice in front.
  ///
  /// - Throws: `EngineError.textUnreadable` for a file that is empty or no UTF-8.
  static func file(_ path: String, tokenizer: Tokenizer) throws -> TextSource {
    let text = try read(path)
    guard !text.isEmpty else {
      throw EngineError.textUnreadable(path: path, reason: "found an empty file")
    }
    return TextSource(
      name: path.split(separator: "/").last.map(String.init) ?? path,
      ids: try tokenizer.encode(text, addSpecialTokens: true))
  }

  /// The token a document begins with, where the tokenizer has one.
  static func begin(_ tokenizer: Tokenizer) -> Int32? {
    tokenizer.id(of: separator) ?? tokenizer.bosID
  }

  /// Reads one of the built-in texts: each document as id 0 followed by its tokens, under the open model's
  /// own tokenizer with its begin token where that is another model.
  static func builtIn(_ path: String, name: String, tokenizer: Tokenizer) throws -> TextSource {
    var ids: [Int32] = []
    let begin = begin(tokenizer)
    for document in try documents(path) {
      if let begin { ids.append(begin) }
      ids += try tokenizer.encode(document, addSpecialTokens: false)
    }
    return TextSource(name: name, ids: ids)
  }

  /// The text of a file.
  ///
  /// - Throws: `EngineError.textUnreadable` for bytes that are no UTF-8; `PlatformError`.
  static func read(_ path: String) throws -> String {
    let file = try MappedFile(path: path)
    let bytes = try file.read(at: 0, count: file.byteCount)
    if let offset = UTF8Validation.firstInvalidOffset(in: bytes) {
      throw EngineError.textUnreadable(
        path: path, reason: "found other bytes at offset \(offset)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The documents of a built-in text, without their separators.
  static func documents(_ path: String) throws -> [String] { split(try read(path)) }

  /// The documents of a text, which lines of `<|endoftext|>` separate; one where there are none.
  static func split(_ text: String) -> [String] {
    var documents: [String] = []
    var lines: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line == separator {
        // A blank line before the separator belongs to neither document.
        while lines.last?.isEmpty == true { lines.removeLast() }
        documents.append(lines.joined(separator: "\n"))
        lines = []
      } else {
        lines.append(line)
      }
    }
    // A text need not end with a separator.
    while lines.last?.isEmpty == true { lines.removeLast() }
    documents.append(lines.joined(separator: "\n"))
    return documents.filter { !$0.isEmpty }
  }

  /// Windows for calibration, taken at random places.
  ///
  /// - Throws: `EngineError.textTooShort` when the text does not fill one window.
  func windows(count: Int, length: Int, seed: UInt64) throws -> [[Int32]] {
    try places(count: count, length: length, seed: seed).map { Array(ids[$0]) }
  }

  /// Where the windows for calibration lie.
  ///
  /// - Throws: `EngineError.textTooShort` when the text does not fill one window.
  func places(count: Int, length: Int, seed: UInt64) throws -> [Range<Int>] {
    guard ids.count >= length else {
      throw EngineError.textTooShort(text: name, tokens: ids.count, needed: length)
    }
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      let first = Int.random(in: 0...ids.count - length, using: &generator)
      return first..<first + length
    }
  }
}

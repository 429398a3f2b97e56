import Platform

/// A trace from a file: CSV with the columns of Azure's public traces of LLM inference, or JSON lines with the fields of
/// Mooncake's.
///
/// CSV: `TIMESTAMP,ContextTokens,GeneratedTokens`, times as `2023-11-16 18:17:03.9799600` or in seconds
/// (github.com/Azure/AzurePublicDataset). JSON lines: `timestamp` in milliseconds, `input_length`, `output_length` and
/// `hash_ids`, one for each 512 tokens of the prompt (github.com/kvcache-ai/Mooncake). Prompts that begin with the same ids
/// begin with the same tokens.
package struct TraceFile {
  package let path: String
  /// Tokens a request may have in all.
  package let context: Int
  /// Whether requests that are longer are left out and counted, rather than refused.
  package let dropsLong: Bool
  /// Requests after which reading ends; nil for all.
  package let most: Int?

  /// Tokens of one of Mooncake's ids.
  static let hashedTokens = 512

  package init(path: String, context: Int, dropsLong: Bool = false, most: Int? = nil) {
    self.path = path
    self.context = context
    self.dropsLong = dropsLong
    self.most = most
  }

  /// - Throws: `TraceError` that names line and field.
  package func read() throws(TraceError) -> RequestTrace {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
    return try trace(file.bytes)
  }

  /// Reads the text of a file.
  package func trace(_ text: [UInt8]) throws(TraceError) -> RequestTrace {
    let result: Result<RequestTrace, TraceError> = text.withUnsafeBytes { bytes in
      do throws(TraceError) { return .success(try trace(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  private func trace(_ bytes: UnsafeRawBufferPointer) throws(TraceError) -> RequestTrace {
    var lines = TextLines(bytes)
    guard let first = lines.next() else { throw .empty(path: path) }
    var rows = RequestRows(self)
    if first.text.first == UInt8(ascii: "{") {
      var line: TextLines.Line? = first
      while let row = line, !rows.isFull {
        try rows.addJSON(row)
        line = lines.next()
      }
    } else {
      let columns = try CSVColumns(first, path)
      while !rows.isFull, let row = lines.next() { try rows.addCSV(row, columns) }
    }
    return try rows.trace()
  }
}

/// The lines of a text that hold anything, with their numbers.
struct TextLines {
  struct Line {
    /// From 1.
    var number: Int
    /// Without its end.
    var text: Slice<UnsafeRawBufferPointer>

    var string: String { String(decoding: text, as: UTF8.self) }
  }

  private let bytes: UnsafeRawBufferPointer
  private var place = 0
  private var number = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    // A byte order mark says nothing here.
    if bytes.count >= 3, bytes[0] == 0xef, bytes[1] == 0xbb, bytes[2] == 0xbf { place = 3 }
  }

  mutating func next() -> Line? {
    while place < bytes.count {
      let start = place
      while place < bytes.count, bytes[place] != UInt8(ascii: "\n") { place += 1 }
      var end = place
      place += 1
      number += 1
      if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
      if end > start { return Line(number: number, text: bytes[start..<end]) }
    }
    return nil
  }
}

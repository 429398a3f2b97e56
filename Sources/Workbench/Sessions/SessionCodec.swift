import FoundationEssentials

/// Messages and lines to bytes and back: JSON, measured numbers kept to six significant digits, options to the last.
package enum SessionCodec {
  /// The longest line that is written.
  package static let longestLine = 65_536

  /// One line, without its line break.
  package static func encode(_ line: SessionLine) throws(SessionError) -> [UInt8] {
    try json(Shortened(line))
  }

  /// The lines of a message: one, or several pieces when it is too long for one.
  package static func lines(of message: Message, at: Int) throws(SessionError) -> [[UInt8]] {
    let whole = try encode(SessionLine(at: at, item: .message(message)))
    guard whole.count > longestLine else { return [whole] }
    let text = String(decoding: try json(Shortened(message)), as: UTF8.self)
    // Quoting at most doubles the length of JSON text.
    let pieces = text.unicodeScalars.chunks(of: longestLine / 3)
    var lines: [[UInt8]] = []
    for (index, piece) in pieces.enumerated() {
      let part = MessagePart(index: index, count: pieces.count, text: piece)
      lines.append(try json(SessionLine(at: at, item: .part(part))))
    }
    return lines
  }

  /// The message as a reader of the file will have it: what was measured with six digits, what somebody said exactly.
  ///
  /// Applying this one, not the original, is what makes a replay equal to what was seen live.
  package static func canonical(_ message: Message) throws(SessionError) -> Message {
    switch message {
    case .launch, .input, .tick, .recording, .notice, .glossary, .readOnly, .paths: return message
    case .job, .catalog, .lesson: break
    }
    return try decode(Message.self, try json(Shortened(message)))
  }

  static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: some Sequence<UInt8>,
    with decoder: JSONDecoder = SessionCodec.decoder()
  ) throws(SessionError) -> Value {
    do {
      return try decoder.decode(type, from: Data(bytes))
    } catch {
      throw .cannotEncode(reason: words(error))
    }
  }

  /// A decoder, which may serve for many lines.
  static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  static func json(_ value: some Encodable) throws(SessionError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      return Array(try encoder.encode(value))
    } catch {
      throw .cannotEncode(reason: words(error))
    }
  }

  /// What a decoder complains about, in words.
  static func words(_ error: any Error) -> String {
    func path(_ keys: [any CodingKey]) -> String {
      keys.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
      return "expected \"\(key.stringValue)\" in \(path(context.codingPath)), found none"
    case DecodingError.typeMismatch(let type, let context):
      return "expected \(type) at \(path(context.codingPath))"
    case DecodingError.valueNotFound(let type, let context):
      return "expected \(type) at \(path(context.codingPath)), found null"
    case DecodingError.dataCorrupted(let context):
      let place = path(context.codingPath)
      return (place.isEmpty ? "" : "\(place): ") + context.debugDescription
    default: return "\(error)"
    }
  }
}

extension String.UnicodeScalarView {
  /// The text in pieces of at most `bytes` bytes.
  fileprivate func chunks(of bytes: Int) -> [String] {
    var pieces: [String] = []
    var piece = String.UnicodeScalarView()
    var used = 0
    for scalar in self {
      let width = UTF8.width(scalar)
      if used + width > bytes {
        pieces.append(String(piece))
        piece = String.UnicodeScalarView()
        used = 0
      }
      piece.append(scalar)
      used += width
    }
    if !piece.isEmpty { pieces.append(String(piece)) }
    return pieces
  }
}

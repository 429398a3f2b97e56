import TerminalUI

/// A session as it was read: header, lines in order, and what was odd about the file.
package struct Session: Hashable, Sendable {
  package var header: SessionHeader
  package var lines: [SessionLine]
  /// Such as that the file was cut in the middle of its last line.
  package var remarks: [String]

  package init(header: SessionHeader, lines: [SessionLine], remarks: [String] = []) {
    self.header = header
    self.lines = lines
    self.remarks = remarks
  }

  /// When the last line is, in milliseconds.
  package var milliseconds: Int { lines.last?.at ?? 0 }

  /// The places to jump to.
  package var markers: [(at: Int, title: String)] {
    lines.compactMap { line in
      if case .marker(let title) = line.item { (line.at, title) } else { nil }
    }
  }

  /// The file as bytes, a line each.
  package func encoded() throws(SessionError) -> [UInt8] {
    var bytes = try SessionCodec.json(header)
    bytes.append(0x0A)
    for line in lines {
      if case .message(let message) = line.item {
        for piece in try SessionCodec.lines(of: message, at: line.at) { bytes += piece + [0x0A] }
      } else {
        bytes += try SessionCodec.encode(line) + [0x0A]
      }
    }
    return bytes
  }
}

extension Session {
  /// The most bytes a session file may have.
  static let mostBytes = 512 << 20

  /// Reads a session.
  ///
  /// Keys are those of the file: `FormerLetters` makes them those of today.
  /// A last line that is cut off is left out and remarked; anything else that is wrong is refused.
  ///
  /// - Throws: `SessionError` naming file and line.
  package init(parsing bytes: [UInt8], path: String) throws(SessionError) {
    guard bytes.count <= Self.mostBytes else {
      throw .tooLarge(path: path, bytes: bytes.count, most: Self.mostBytes)
    }
    var reader = SessionReader(bytes: bytes, path: path)
    let header = try reader.header()
    let (lines, remarks) = try reader.lines()
    self.init(header: header, lines: lines, remarks: remarks)
  }
}

/// Reads the lines of a session file one after the other.
private struct SessionReader {
  let path: String
  private let rows: [ArraySlice<UInt8>]
  /// Whether the last row ends with a line break.
  private let isWhole: Bool

  private struct Probe: Decodable {
    var nibble: String?
    var format: Int?
    var program: String?
  }

  init(bytes: [UInt8], path: String) {
    self.path = path
    isWhole = bytes.last == 0x0A
    rows = bytes.split(separator: 0x0A, omittingEmptySubsequences: true)
  }

  mutating func header() throws(SessionError) -> SessionHeader {
    guard let first = rows.first else { throw .noHeader(path: path) }
    guard let probe = try? SessionCodec.decode(Probe.self, first) else {
      throw .noHeader(path: path)
    }
    guard probe.nibble == "session" else {
      throw .notASession(
        path: path, found: probe.nibble.map { "a nibble \($0)" } ?? "something else")
    }
    guard [SessionHeader.formerFormat, SessionHeader.currentFormat].contains(probe.format) else {
      throw .unknownFormat(
        path: path, found: probe.format ?? 0, known: SessionHeader.currentFormat,
        program: probe.program)
    }
    do {
      return try SessionCodec.decode(SessionHeader.self, first)
    } catch {
      throw .badLine(path: path, line: 1, reason: reason(error))
    }
  }

  func lines() throws(SessionError) -> ([SessionLine], [String]) {
    var lines: [SessionLine] = []
    var remarks: [String] = []
    var pieces: [MessagePart] = []
    var time = 0
    for (index, row) in SessionRows.lines(rows.dropFirst()).enumerated() {
      let number = index + 2
      let line: SessionLine
      do throws(SessionError) {
        line = try row.get()
      } catch {
        guard number == rows.count, !isWhole else {
          throw .badLine(path: path, line: number, reason: reason(error))
        }
        remarks.append("the file was cut in the middle of line \(number); it plays up to there")
        break
      }
      try check(line, number: number, after: time)
      time = line.at
      guard case .part(let part) = line.item else {
        if case .unknown(let kind) = line.item {
          remarks.append("line \(number): \"\(kind)\" is not known here and is left out")
        } else {
          lines.append(line)
        }
        continue
      }
      if let message = try joined(part, &pieces, number: number) {
        lines.append(SessionLine(at: line.at, item: .message(message)))
      }
    }
    if !pieces.isEmpty { remarks.append("the last message is not whole; it is left out") }
    return (lines, remarks)
  }

  private func check(_ line: SessionLine, number: Int, after time: Int) throws(SessionError) {
    guard (0...SessionLine.longest).contains(line.at) else {
      throw .impossibleTime(path: path, line: number, found: line.at)
    }
    guard line.at >= time else {
      throw .timeRunsBack(path: path, line: number, from: time, to: line.at)
    }
    if case .message(.tick(let milliseconds)) = line.item,
      !(0...SessionLine.longest).contains(milliseconds)
    {
      throw .impossibleTime(path: path, line: number, found: milliseconds)
    }
    if case .question(let question) = line.item,
      !question.choices.indices.contains(question.answer)
    {
      throw .badLine(
        path: path, line: number,
        reason: "the answer \(question.answer) is none of \(question.choices.count) choices")
    }
  }

  /// Adds a piece; the message once all of them are there.
  private func joined(
    _ part: MessagePart, _ pieces: inout [MessagePart], number: Int
  ) throws(SessionError) -> Message? {
    guard part.index == pieces.count, part.count > part.index, part.count <= 65_536,
      pieces.isEmpty || pieces[0].count == part.count
    else {
      throw .badLine(path: path, line: number, reason: "a piece of a message out of order")
    }
    pieces.append(part)
    guard pieces.count == part.count else { return nil }
    let text = pieces.map(\.text).joined()
    pieces = []
    do {
      return try SessionCodec.decode(Message.self, text.utf8)
    } catch {
      throw .badLine(path: path, line: number, reason: reason(error))
    }
  }

  private func reason(_ error: SessionError) -> String {
    if case .cannotEncode(let reason) = error { reason } else { "\(error)" }
  }
}

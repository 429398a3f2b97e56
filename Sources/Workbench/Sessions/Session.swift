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
  /// A last line that is cut off is left out and remarked, and so are lines that are wrong, as long as there are more that are
  /// not.
  ///
  /// - Throws: `SessionError` naming file and line.
  package init(parsing bytes: [UInt8], path: String) throws(SessionError) {
    guard bytes.count <= Self.mostBytes else {
      throw .tooLarge(path: path, bytes: bytes.count, most: Self.mostBytes)
    }
    var reader = SessionReader(bytes: bytes, path: path)
    let header = try reader.header()
    let (lines, remarks) = try reader.read()
    self.init(header: header, lines: lines, remarks: remarks)
  }
}

import Platform
import TerminalUI

/// Sessions on disk: reading whole files, listing folders.
package enum SessionFile {
  /// The ending of session files.
  package static let ending = ".session"

  /// Reads a session file; one of former letters is read as if it had been recorded with those of today.
  ///
  /// - Throws: `SessionError` naming the file, and the line if one is wrong.
  package static func read(_ path: String) throws(SessionError) -> Session {
    FormerLetters.translated(try recorded(path))
  }

  /// The session as its file has it.
  private static func recorded(_ path: String) throws(SessionError) -> Session {
    let bytes: [UInt8]
    do {
      let file = try MappedFile(path: path)
      guard file.byteCount <= Session.mostBytes else {
        throw SessionError.tooLarge(path: path, bytes: file.byteCount, most: Session.mostBytes)
      }
      bytes = try file.read(at: 0, count: file.byteCount)
    } catch let error as SessionError {
      throw error
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
    return try Session(parsing: bytes, path: path)
  }

  /// Files longer than this are not read whole for a list.
  private static let longInList = 4 << 20

  /// What the browser shows of a file, readable or not; a long one is looked at in its first and last lines, and read whole when
  /// it is played.
  package static func entry(_ path: String) -> SessionEntry {
    do {
      if let entry = try glance(path) { return entry }
      let session = try recorded(path)
      let exercises = session.lines.count {
        switch $0.item {
        case .task, .question: true
        default: false
        }
      }
      return SessionEntry(
        path: path, title: session.header.title, kind: session.header.kind,
        language: session.header.language, milliseconds: session.milliseconds,
        exercises: exercises)
    } catch {
      return SessionEntry(unreadable: path, problem: "\(error)")
    }
  }

  /// What the first and the last lines of a long file say; nil for a short one.
  private static func glance(_ path: String) throws -> SessionEntry? {
    let file = try MappedFile(path: path)
    guard file.byteCount > longInList, file.byteCount <= Session.mostBytes else { return nil }
    let reach = min(file.byteCount, 4 * SessionCodec.longestLine)
    let head = try file.read(at: 0, count: reach)
    let tail = try file.read(at: file.byteCount - reach, count: reach)
    guard let first = head.firstIndex(of: 0x0A),
      let end = tail.lastIndex(of: 0x0A), let last = tail[..<end].lastIndex(of: 0x0A)
    else { return nil }
    let header = try Session(parsing: Array(head[...first]), path: path).header
    struct Time: Decodable { var at: Int }
    let time = try SessionCodec.decode(Time.self, tail[(last + 1)..<end])
    guard (0...SessionLine.longest).contains(time.at) else { return nil }
    return SessionEntry(
      path: path, title: header.title, kind: header.kind, language: header.language,
      milliseconds: time.at)
  }
}

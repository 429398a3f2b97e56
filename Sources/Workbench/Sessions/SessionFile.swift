import Platform
import TerminalUI

/// Sessions on disk: reading whole files, listing folders.
package enum SessionFile {
  /// The ending of session files.
  package static let ending = ".session"

  /// Reads a session file.
  ///
  /// - Throws: `SessionError` naming the file, and the line if one is wrong.
  package static func read(_ path: String) throws(SessionError) -> Session {
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

  /// What the browser shows of a file, readable or not.
  package static func entry(_ path: String) -> SessionEntry {
    do {
      let session = try read(path)
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
}

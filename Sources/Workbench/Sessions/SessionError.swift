/// What is wrong with a session file.
package enum SessionError: Error, Hashable, Sendable {
  case unreadable(path: String, reason: String)
  case tooLarge(path: String, bytes: Int, most: Int)
  case noHeader(path: String)
  case notASession(path: String, found: String)
  /// `program` is the version that wrote the file, where it says so.
  case unknownFormat(path: String, found: Int, known: Int, program: String?)
  case badLine(path: String, line: Int, reason: String)
  case timeRunsBack(path: String, line: Int, from: Int, to: Int)
  case impossibleTime(path: String, line: Int, found: Int)
  case cannotEncode(reason: String)
}

extension SessionError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .tooLarge(let path, let bytes, let most):
      "\(path): \(bytes) bytes; a session has at most \(most)"
    case .noHeader(let path): "\(path): expected a session header in the first line, found none"
    case .notASession(let path, let found):
      "\(path): expected a nibble session, found \(found)"
    case .unknownFormat(let path, let found, let known, let program):
      "\(path): expected session format \(known), found \(found)"
        + (program.map { ", recorded with nibble \($0)" } ?? "")
        + (found < known
          ? ": replay it with the program that recorded it, or record it again with this one"
          : ": replay it with a newer nibble")
    case .badLine(let path, let line, let reason): "\(path), line \(line): \(reason)"
    case .timeRunsBack(let path, let line, let from, let to):
      "\(path), line \(line): time runs back from \(from) to \(to) ms"
    case .impossibleTime(let path, let line, let found):
      "\(path), line \(line): expected a time from 0 to \(SessionLine.longest) ms, found \(found)"
    case .cannotEncode(let reason): "a message cannot be written: \(reason)"
    }
  }
}

extension SessionError {
  /// What is wrong with a line, without file and line.
  var cause: String {
    switch self {
    case .badLine(_, _, let reason), .cannotEncode(let reason): reason
    case .timeRunsBack(_, _, let from, let to): "time runs back from \(from) to \(to) ms"
    case .impossibleTime(_, _, let found): "\(found) ms is no time"
    default: "\(self)"
    }
  }
}

/// What is wrong with a trace: where, what was expected, what was found.
package enum TraceError: Error, Hashable, Sendable {
  case unreadable(path: String, reason: String)
  /// - Parameter line: from 1.
  case badLine(path: String, line: Int, field: String, expected: String, found: String)
  case badOption(option: String, expected: String, found: String)
  case empty(path: String)
}

extension TraceError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): expected a trace that can be read, \(reason)"
    case .badLine(let path, let line, let field, let expected, let found):
      "\(path), line \(line): \(field): expected \(expected), found \(found)"
    case .badOption(let option, let expected, let found):
      "--\(option): expected \(expected), found \(found)"
    case .empty(let path): "\(path): expected one request or more, found none"
    }
  }
}

/// What is wrong with a file of a lesson, and where.
package struct LessonProblem: Error, Hashable, Sendable, Codable, CustomStringConvertible {
  package var path: String
  /// From 1; 0 where it is not of a line.
  package var line: Int
  package var reason: String

  package init(_ path: String, line: Int = 0, _ reason: String) {
    self.path = path
    self.line = line
    self.reason = reason
  }

  package var description: String {
    line > 0 ? "\(path), line \(line): \(reason)" : "\(path): \(reason)"
  }
}

/// Why fixtures could not be run, or a case of them not be read.
package enum ConformanceError: Error, Equatable, Sendable {
  case unreadable(path: String, reason: String)
  case malformed(file: String, item: String, expected: String, found: String)
  case duplicateCase(id: String)
  case wrongHash(file: String, expected: String, found: String)
  case missingTensor(file: String, name: String)
  /// What this build cannot do for a case, in words.
  case unsupported(String)
}

extension ConformanceError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreadable(let path, let reason): "could not read \(path): \(reason)"
    case .malformed(let file, let item, let expected, let found):
      "\(file), \(item): expected \(expected), found \(found)"
    case .duplicateCase(let id): "the manifest has two cases '\(id)'"
    case .wrongHash(let file, let expected, let found):
      "\(file) is not the file of the manifest: expected SHA-256 \(expected), found \(found)"
    case .missingTensor(let file, let name): "\(file) has no tensor \(name)"
    case .unsupported(let words): words
    }
  }
}

import FoundationEssentials
import Glibc
import Platform

/// The models that were opened last, newest first, kept in the user's state folder.
package struct RecentModels: Sendable {
  /// Paths that are kept.
  private static let most = 12

  /// nil where nothing is kept.
  private let file: String?

  package init(file: String?) { self.file = file }

  /// What is kept, and why it could not be read, if so.
  package func read() -> (paths: [String], problem: String?) {
    guard let file, FileManager.default.fileExists(atPath: file) else { return ([], nil) }
    do {
      let data = try Data(contentsOf: URL(filePath: file))
      let paths = try JSONDecoder().decode([String].self, from: data)
      return (Array(paths.prefix(Self.most)), nil)
    } catch {
      return ([], "\(file): expected a JSON array of the paths of models, found something else")
    }
  }

  /// Puts a model first.
  ///
  /// - Throws: what writing the file throws.
  package func add(_ path: String) throws {
    guard let file else { return }
    let whole = Self.absolute(path)
    let paths = [whole] + read().paths.filter { $0 != whole }
    let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    try FileManager.default.createDirectory(
      atPath: folder.joined(separator: "/"), withIntermediateDirectories: true)
    let data = try JSONEncoder().encode(Array(paths.prefix(Self.most)))
    try WholeFile.write(String(decoding: data, as: UTF8.self), to: file)
  }

  /// The path as it is found from any folder.
  private static func absolute(_ path: String) -> String {
    guard let found = realpath(path, nil) else { return path }
    defer { free(found) }
    return String(cString: found)
  }
}

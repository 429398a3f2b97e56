import FoundationEssentials

/// The checkout the tests were built from.
enum SourceTree {
  /// The root of the checkout: three folders above this file.
  static let root: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  /// Paths of the files below `folder` that end in `suffix`, relative to the root, sorted.
  static func files(_ folder: String, suffix: String) throws -> [String] {
    let base = root + "/" + folder
    return try FileManager.default.subpathsOfDirectory(atPath: base)
      .filter { $0.hasSuffix(suffix) }
      .map { folder + "/" + $0 }
      .sorted()
  }

  /// The lines of a file given relative to the root.
  static func lines(_ path: String) throws -> [String] {
    try String(contentsOfFile: root + "/" + path, encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}

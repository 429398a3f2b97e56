import Checkpoints
import DemoModel
import FoundationEssentials
import Models
package import Platform

/// A file as it was when a sweep was planned.
package struct FrozenFile: Hashable, Sendable, Codable {
  /// Absolute; of a built-in one the name alone, since it lies next to the program wherever that runs.
  package var path: String
  package var bytes: Int
  /// Seconds since 1970 with nanoseconds, as the file system says.
  package var modified: String
  package var sha256: String

  /// - Parameter name: what it is kept as; nil for its path.
  /// - Throws: `PlatformError` for a file that cannot be read.
  package init(at path: String, as name: String? = nil) throws(PlatformError) {
    let file = try MappedFile(path: path)
    self.path = name ?? path
    bytes = file.byteCount
    modified = file.modified
    sha256 = withExtendedLifetime(file) { SHA256.hexDigest(file.bytes) }
  }

  /// Holds it against what is there now: size and time first, the content where these differ.
  ///
  /// - Throws: `SweepError.changed`.
  package func check(at place: String, what: String) throws(SweepError) {
    let file: MappedFile
    do throws(PlatformError) { file = try MappedFile(path: place) } catch {
      throw .changed(what: "\(what), \(place),", expected: "a file", found: error.cause)
    }
    guard file.byteCount != bytes || file.modified != modified else { return }
    let digest = withExtendedLifetime(file) { SHA256.hexDigest(file.bytes) }
    guard digest != sha256 else { return }
    throw .changed(
      what: "\(what), \(place),", expected: "SHA-256 \(sha256)",
      found: "\(digest) of \(file.byteCount) bytes")
  }
}

/// A model, a text or a trace that tasks depend on, as it was when the sweep was planned.
package struct FrozenInput: Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable {
    case model
    case text
    case calibration = "calibration text"
    case trace
  }

  package var kind: Kind
  /// As the plan has it.
  package var name: String
  /// nil for the built-in one.
  package var path: String?
  package var files: [FrozenFile]
  /// Of the names and digests of the files: the same content has the same digest wherever it lies.
  package var sha256: String

  /// Reads it; of a model the weights, and what else lies next to them that says how they are read.
  ///
  /// - Throws: what reading the files throws.
  package init(
    _ kind: Kind, _ source: SweepPlan.Source, locator: ResourceLocator,
    log: (String) -> Void = { _ in }
  ) throws {
    self.kind = kind
    name = source.name
    path = source.path
    let demo = try DemoModel(locator: locator)
    switch (kind, source.path) {
    case (.model, nil):
      files = try Self.modelFiles(demo.directory).map {
        try FrozenFile(at: $0, as: Self.last($0))
      }
    case (.model, let path?):
      log("Hashing \(path)")
      files = try Self.allModelFiles(path).map { try FrozenFile(at: $0) }
    case (.calibration, nil): files = [try Self.builtIn(demo.calibrationText)]
    case (_, nil): files = [try Self.builtIn(demo.evaluationText)]
    case (_, let path?): files = [try FrozenFile(at: path)]
    }
    let isModel = kind == .model
    let lines = files.map { (isModel ? Self.last($0.path) + " " : "") + $0.sha256 + "\n" }
    sha256 = Array(lines.sorted().joined().utf8).withUnsafeBytes { SHA256.hexDigest($0) }
  }

  /// Holds every file against what is there now.
  ///
  /// - Throws: `SweepError.changed`; `DemoModelError` where the built-in model is gone.
  package func check(locator: ResourceLocator) throws {
    for file in files {
      let place =
        file.path.hasPrefix("/")
        ? file.path : try DemoModel(locator: locator).directory + "/" + file.path
      try file.check(at: place, what: "the \(kind.rawValue) '\(name)'")
    }
  }

  private static func builtIn(_ path: String) throws -> FrozenFile {
    try FrozenFile(at: path, as: last(path))
  }

  private static func last(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// The files of a model, and of the one that an artifact says it was made from, whose figures it is held against.
  private static func allModelFiles(_ path: String) throws -> [String] {
    if path.hasSuffix(".json") { return [path] }
    var files = try modelFiles(path)
    if let config = files.first(where: { last($0) == "config.json" }),
      let source = try ConfigFile(path: config).optionalObject("nibble")?.optionalText("source"),
      source.hasPrefix("/"), FileManager.default.fileExists(atPath: source)
    {
      files += try modelFiles(source)
    }
    return files
  }

  /// Ends of the names of files that say how weights are read.
  private static let companions = [".json", ".model", ".jinja", "merges.txt", "vocab.txt"]

  private static func modelFiles(_ path: String) throws -> [String] {
    let stored = try StoredModel(path: path)
    var files = Set(try stored.files().map(\.path))
    if case .directory(let directory) = stored {
      for name in try FolderListing.names(in: directory.path)
      where companions.contains(where: name.hasSuffix) {
        files.insert(directory.path(of: name))
      }
    }
    return files.sorted()
  }
}

import FoundationEssentials
import Platform

/// The folder of a sweep.
///
/// Files by the id of a task say all there is to know: nothing is appended to, and nobody but the file system need be asked
/// what is done.
///
///     sweep.json          what it was planned with
///     plan.toml           the plan
///     plan.jsonl          its tasks, a line each
///     results/ID.json     what came of one: whole, or not there
///     times/ID.json       how long that took
///     failed/ID.json      how one failed, with its last lines
///     logs/ID.log         what one said
///     submit/             what was handed to Slurm: lists, scripts, ids of jobs
///     kept/               what baselines say, so that one task can use what another found
///     summary.json, .csv  what 'collect' made
///
/// Beyond 1000 tasks the first two digits of an id are a folder of their own.
package struct SweepFolder: Sendable {
  /// Absolute.
  package let path: String
  package let header: SweepHeader

  private static let shardedTasks = 1000

  /// Opens the folder of a sweep.
  ///
  /// - Throws: `SweepError.noSweep`, `.damaged`.
  package init(opening path: String) throws(SweepError) {
    self.path = Self.trimmed(SweepPlanFile.absolute(path))
    let file = self.path + "/sweep.json"
    guard let data = FileManager.default.contents(atPath: file) else {
      throw .noSweep(path: path, reason: "there is no sweep.json in it")
    }
    do {
      header = try JSONDecoder().decode(SweepHeader.self, from: data)
    } catch {
      throw .damaged(path: file, reason: ErrorWords.of(error))
    }
    guard header.schema == SweepHeader.currentSchema else {
      throw .damaged(
        path: file,
        reason: "expected layout \(SweepHeader.currentSchema), found \(header.schema)")
    }
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.last == "/" { path.removeLast() }
    return path
  }

  /// Writes the folder of a sweep; does nothing where it holds this very one.
  ///
  /// - Throws: `SweepError.otherFolder` where it holds something else, which stays as it is; `PlatformError`.
  package static func write(
    _ expansion: SweepExpansion, plan text: String, to path: String
  ) throws -> SweepFolder {
    let path = trimmed(SweepPlanFile.absolute(path))
    var lines = ""
    for task in expansion.tasks { lines += try task.line() + "\n" }
    let digest = Array(lines.utf8).withUnsafeBytes { SHA256.hexDigest($0) }
    let header = try SweepHeader(
      tasks: expansion.tasks.count, planSHA256: digest, inputs: expansion.inputs)
    if FileManager.default.fileExists(atPath: path + "/sweep.json") {
      let there = try SweepFolder(opening: path)
      guard there.header.planSHA256 == digest else {
        throw SweepError.otherFolder(path: path, reason: "it holds a sweep of other tasks")
      }
      guard there.header.program.file.sha256 == header.program.file.sha256 else {
        throw SweepError.otherFolder(path: path, reason: "another program planned it")
      }
      return there
    }
    if let obstacle = OutputPlace.obstacle(at: path) {
      throw SweepError.otherFolder(path: path, reason: obstacle)
    }
    for name in ["results", "times", "failed", "logs"] {
      try FileManager.default.createDirectory(
        atPath: path + "/" + name, withIntermediateDirectories: true)
    }
    try WholeFile.write(text, to: path + "/plan.toml")
    try WholeFile.write(lines, to: path + "/plan.jsonl")
    // Comes last: with it the folder is a sweep.
    try write(header, to: path + "/sweep.json")
    return try SweepFolder(opening: path)
  }

  /// Writes JSON, keys sorted; the file appears whole.
  static func write(_ value: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    try WholeFile.write([UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")], to: path)
  }

  /// Writes a file of the sweep itself; it appears whole.
  func write(_ text: String, to name: String) throws(PlatformError) {
    try WholeFile.write(text, to: path + "/" + name)
  }

  /// Writes the file of a task.
  func keep(_ value: some Encodable, in folder: String, _ id: String) throws {
    let place = place(folder, id, "json")
    if isSharded { try makeFolder(of: place) }
    try Self.write(value, to: place)
  }

  /// Makes the folder that a file is to lie in.
  func makeFolder(of file: String) throws {
    let folder = file.prefix(upTo: file.lastIndex(of: "/") ?? file.startIndex)
    try FileManager.default.createDirectory(
      atPath: String(folder), withIntermediateDirectories: true)
  }

  static func decode<Value: Decodable>(_ type: Value.Type, _ data: Data) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(type, from: data)
  }

  private var isSharded: Bool { header.tasks > Self.shardedTasks }

  /// Where the file of a task lies.
  func place(_ folder: String, _ id: String, _ suffix: String) -> String {
    let shard = isSharded ? "\(id.prefix(2))/" : ""
    return "\(path)/\(folder)/\(shard)\(id).\(suffix)"
  }

  /// Where what a task says goes.
  package func log(of id: String) -> String { place("logs", id, "log") }

  /// The ids that have a file in a folder.
  func ids(in folder: String) throws -> Set<String> {
    let root = path + "/" + folder
    let names = try FolderListing.names(in: root)
    let files =
      isSharded ? try names.flatMap { try FolderListing.names(in: root + "/" + $0) } : names
    return Set(files.map { String($0.prefix { $0 != "." }) })
  }

  /// Takes a file away, where it is there.
  ///
  /// - Throws: where it stays.
  func remove(_ folder: String, _ id: String) throws {
    let place = place(folder, id, "json")
    guard FileManager.default.fileExists(atPath: place) else { return }
    try FileManager.default.removeItem(atPath: place)
  }
}

import FoundationEssentials
package import Platform

/// The finished runs on disk: one folder a run, `run.json` in it.
///
/// The default place is `$XDG_DATA_HOME/nibble/runs`. Files are written whole.
package struct Workspace: Sendable {
  package let directory: String

  package init(directory: String? = nil, locator: ResourceLocator = ResourceLocator()) {
    self.directory = directory ?? (locator.dataFolder ?? ".") + "/runs"
  }

  /// All runs, the newest first; folders that hold no run are passed over and named in `problems`.
  package func runs() -> (runs: [RunRecord], problems: [String]) {
    var names: [String] = []
    var runs: [RunRecord] = []
    var problems: [String] = []
    do { names = try FolderListing.names(in: directory) } catch { problems.append("\(error)") }
    for name in names.reversed() where !name.hasPrefix(Self.unfinished) {
      do {
        runs.append(try run(named: name))
      } catch {
        problems.append("\(error)")
      }
    }
    return (runs, problems)
  }

  /// One run, by id or by the path of its folder.
  ///
  /// - Throws: `EngineError.unknownRun` or `.badRun`.
  package func run(named name: String) throws -> RunRecord {
    let path = folder(of: name) + "/run.json"
    guard let data = FileManager.default.contents(atPath: path) else {
      let known = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      throw EngineError.unknownRun(name: name, known: known.sorted())
    }
    do {
      return try JSONDecoder().decode(RunRecord.self, from: data)
    } catch {
      throw EngineError.badRun(path: path, reason: ErrorWords.of(error))
    }
  }

  /// Writes a run under a free id made of `stem` and a number, and yields it with that id.
  ///
  /// The folder is filled under another name and appears whole.
  ///
  /// - Parameter files: what else lies in the run's folder, by name.
  package func save(
    _ run: RunRecord, stem: String, files: (RunRecord) throws -> [String: [UInt8]] = { _ in [:] }
  ) throws -> RunRecord {
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    var run = run
    var number = 1
    repeat {
      let digits = "\(number)"
      run.id = String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-" + stem
      number += 1
    } while try taken(number - 1)
    let unfinished = directory + "/" + Self.unfinished + run.id
    if FileManager.default.fileExists(atPath: unfinished) {
      // Left by a run that was ended while it saved.
      try FileManager.default.removeItem(atPath: unfinished)
    }
    try FileManager.default.createDirectory(
      atPath: unfinished, withIntermediateDirectories: false)
    do {
      for (name, bytes) in try files(run) {
        try WholeFile.write(bytes, to: unfinished + "/" + name)
      }
      try write(run, to: unfinished)
      try FileManager.default.moveItem(atPath: unfinished, toPath: directory + "/" + run.id)
    } catch {
      try? FileManager.default.removeItem(atPath: unfinished)
      throw error
    }
    return run
  }

  /// Before the name of a folder that is being filled.
  private static let unfinished = ".unfinished-"

  private func write(_ run: RunRecord, to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try WholeFile.write([UInt8](try encoder.encode(run)), to: folder + "/run.json")
  }

  /// The path of a run's folder, by id or by path.
  package func folder(of name: String) -> String {
    name.contains("/") ? name : directory + "/" + name
  }

  /// Changes what a run is called, or what is said of it.
  ///
  /// - Throws: `EngineError.unknownRun` or `.badRun`.
  package func change(_ name: String, _ change: (inout RunRecord) -> Void) throws -> RunRecord {
    var run = try run(named: name)
    change(&run)
    try write(run, to: folder(of: name))
    return run
  }

  /// Takes a run out of the workspace, with all that lies in its folder.
  ///
  /// - Throws: `EngineError.unknownRun` or `.badRun`.
  package func delete(_ name: String) throws {
    _ = try run(named: name)
    try FileManager.default.removeItem(atPath: folder(of: name))
  }

  /// Whether any run has this number already.
  private func taken(_ number: Int) throws -> Bool {
    let digits = "\(number)"
    let prefix = String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-"
    return try FolderListing.names(in: directory).contains { $0.hasPrefix(prefix) }
  }
}

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
    for name in names.reversed() {
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
    let folder = name.contains("/") ? name : directory + "/" + name
    let path = folder + "/run.json"
    guard let data = FileManager.default.contents(atPath: path) else {
      let known = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      throw EngineError.unknownRun(name: name, known: known.sorted())
    }
    do {
      return try JSONDecoder().decode(RunRecord.self, from: data)
    } catch {
      throw EngineError.badRun(path: path, reason: "\(error)")
    }
  }

  /// Writes a run under a free id made of `stem` and a number, and yields it with that id.
  package func save(_ run: RunRecord, stem: String) throws -> RunRecord {
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    var run = run
    var number = 1
    repeat {
      let digits = "\(number)"
      run.id = String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-" + stem
      number += 1
    } while try taken(number - 1)
    let folder = directory + "/" + run.id
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try WholeFile.write([UInt8](try encoder.encode(run)), to: folder + "/run.json")
    return run
  }

  /// Whether any run has this number already.
  private func taken(_ number: Int) throws -> Bool {
    let digits = "\(number)"
    let prefix = String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-"
    return try FolderListing.names(in: directory).contains { $0.hasPrefix(prefix) }
  }
}

import FoundationEssentials
import Platform

/// The tasks of a sweep, and what came of them.
extension SweepFolder {
  private var planPath: String { path + "/plan.jsonl" }

  /// All tasks, in the order of the plan.
  ///
  /// - Throws: `SweepError.damaged`.
  package func tasks() throws -> [SweepTask] {
    let file = try plan()
    let bytes = try file.read(at: 0, count: file.byteCount)
    guard bytes.withUnsafeBytes(SHA256.hexDigest) == header.planSHA256 else {
      throw SweepError.damaged(
        path: planPath, reason: "its SHA-256 is not the one that sweep.json tells")
    }
    return try bytes.split(separator: UInt8(ascii: "\n")).enumerated().map {
      try task($0.element, line: $0.offset)
    }
  }

  /// One task by its place in the plan, from 0, without reading the others.
  ///
  /// - Throws: `SweepError.noSuchTask`, `.damaged`.
  package func task(at index: Int) throws -> SweepTask {
    guard (0..<header.tasks).contains(index) else {
      throw SweepError.noSuchTask(
        path: path, expected: "an index from 0 to \(header.tasks - 1)", found: "\(index)")
    }
    let file = try plan()
    let bytes = try file.read(at: 0, count: file.byteCount)
    var start = 0
    for _ in 0..<index {
      guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { break }
      start = end + 1
    }
    return try task(bytes[start...].prefix { $0 != UInt8(ascii: "\n") }, line: index)
  }

  private func plan() throws -> MappedFile {
    do throws(PlatformError) { return try MappedFile(path: planPath) } catch {
      throw SweepError.damaged(path: planPath, reason: error.cause)
    }
  }

  private func task(_ line: ArraySlice<UInt8>, line number: Int) throws -> SweepTask {
    let task: SweepTask
    do {
      task = try Self.decode(SweepTask.self, Data(line))
    } catch {
      throw SweepError.damaged(
        path: planPath, reason: "line \(number + 1): \(ErrorWords.of(error))")
    }
    guard try task.identity() == task.id else {
      throw SweepError.damaged(
        path: planPath, reason: "line \(number + 1): its id is not that of what it says")
    }
    return task
  }

  /// What came of a task; nil where there is nothing yet, or nothing that can be read: it is run again then.
  package func result(of task: SweepTask) -> SweepResult? {
    guard let data = FileManager.default.contents(atPath: place("results", task.id, "json")),
      let result = try? Self.decode(SweepResult.self, data), result.answers(task)
    else { return nil }
    return result
  }

  /// Keeps what came of a task, and takes away that it failed before.
  ///
  /// - Throws: `PlatformError` where nothing can be written; where the old failure stays.
  package func finish(_ result: SweepResult, _ times: SweepTimes) throws {
    try keep(times, in: "times", result.id)
    // Comes after the times: with it the task is done.
    try keep(result, in: "results", result.id)
    try remove("failed", result.id)
  }

  /// How a task failed the last time; nil where it did not.
  ///
  /// - Throws: `SweepError.damaged` for a file that does not say it.
  package func failure(of id: String) throws -> SweepFailure? {
    let place = place("failed", id, "json")
    guard FileManager.default.fileExists(atPath: place) else { return nil }
    do {
      let file = try MappedFile(path: place)
      return try Self.decode(
        SweepFailure.self, Data(try file.read(at: 0, count: file.byteCount)))
    } catch {
      let cause = (error as? PlatformError)?.cause ?? ErrorWords.of(error)
      throw SweepError.damaged(
        path: place,
        reason: "expected how a task failed, \(cause); remove it to run the task again")
    }
  }

  /// Keeps how a task failed, one attempt more than before.
  ///
  /// - Throws: `PlatformError` where nothing can be written; `SweepError.damaged`.
  package func fail(_ id: String, code: Int32, lines: [String]) throws {
    let attempts = (try failure(of: id)?.attempts ?? 0) + 1
    try keep(
      SweepFailure(id: id, code: code, attempts: attempts, lines: lines), in: "failed", id)
  }

  /// How long a task took; nil where that is not known: a figure to look at, no result.
  package func times(of id: String) -> SweepTimes? {
    FileManager.default.contents(atPath: place("times", id, "json")).flatMap {
      try? Self.decode(SweepTimes.self, $0)
    }
  }
}

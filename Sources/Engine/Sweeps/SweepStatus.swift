import Platform

/// How far a sweep has come, from its files alone.
package struct SweepStatus: Hashable, Sendable, Codable {
  package static let currentSchema = 1

  package struct Failed: Hashable, Sendable, Codable {
    /// Its place in the plan, from 0.
    package var index: Int
    package var words: String
    package var failure: SweepFailure
  }

  package var schema: Int
  package var tasks: Int
  package var finished: Int
  package var failed: [Failed]
  /// Files of results that cannot be read: their tasks wait, and the next run makes them again.
  package var damaged: [String]
  /// Neither finished nor failed.
  package var waiting: Int
  /// Whether a local run is at work.
  package var isRunning: Bool
  /// What of it is in Slurm's queue; nil where it was never handed over, and where the queue cannot be asked.
  package var queue: SlurmQueue?
  /// Why the queue cannot be asked; nil where it can.
  package var queueProblem: String?
  /// Seconds of all finished tasks, one after the other; nil where none is known.
  package var taskSeconds: Double?

  /// - Throws: `SweepError.damaged`; `PlatformError` for folders that cannot be listed.
  package init(of folder: SweepFolder) throws {
    let tasks = try folder.tasks()
    let results = try folder.ids(in: "results")
    let failures = try folder.ids(in: "failed")
    schema = Self.currentSchema
    self.tasks = tasks.count
    let done = Set(
      tasks.filter { results.contains($0.id) && folder.result(of: $0) != nil }.map(\.id))
    finished = done.count
    damaged = tasks.filter { results.contains($0.id) && !done.contains($0.id) }.map {
      folder.place("results", $0.id, "json")
    }
    failed = try tasks.enumerated().compactMap { index, task in
      guard failures.contains(task.id), !done.contains(task.id),
        let failure = try folder.failure(of: task.id)
      else { return nil }
      return Failed(index: index, words: task.words, failure: failure)
    }
    waiting = tasks.count - finished - failed.count
    isRunning = folder.isRunning
    let seconds = tasks.compactMap { done.contains($0.id) ? folder.times(of: $0.id) : nil }
    taskSeconds = seconds.isEmpty ? nil : seconds.reduce(0) { $0 + $1.seconds }
  }

  /// Asks Slurm too, where the sweep was handed to it.
  ///
  /// - Throws: as from files alone; a queue that cannot be asked is told in it.
  package init(asking folder: SweepFolder) throws {
    try self.init(of: folder)
    do { queue = try folder.slurmQueue() } catch let error as SweepError {
      queueProblem = "\(error)"
    }
  }

  package var isWhole: Bool { finished == tasks }

  /// The exit code of a command that ends with it: 0 all done, 1 some failed, 3 not all have finished.
  package var exitCode: Int32 { isWhole ? 0 : failed.isEmpty || waiting > 0 ? 3 : 1 }
}

extension SweepFolder {
  /// Whether a local run holds the folder.
  var isRunning: Bool {
    do throws(PlatformError) {
      guard let lock = try FolderLock(folder: path) else { return true }
      return withExtendedLifetime(lock) { false }
    } catch {
      // A folder that cannot be locked is run by nobody here.
      return false
    }
  }
}

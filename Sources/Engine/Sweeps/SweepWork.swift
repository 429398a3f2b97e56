import FoundationEssentials
import Glibc
import Platform

/// The processes of a local run: started while there is room, looked at in turns, stopped together.
struct SweepWork {
  private let runner: SweepRunner
  private let tell: (SweepRunner.Event) -> Void
  private var waiting: [SweepRunner.Entry]
  private var running: [(entry: SweepRunner.Entry, process: SpawnedProcess)] = []
  private var failed = 0
  private let total: Int
  private var done: Int

  /// Lines of what a task said that are kept of one that failed.
  private static let keptLines = 5
  /// Milliseconds between two looks at the processes.
  private static let lookMilliseconds = 10
  /// Looks that a process is given to stop by itself.
  private static let patience = 3000

  init(
    runner: SweepRunner, entries: [SweepRunner.Entry], tell: @escaping (SweepRunner.Event) -> Void
  ) {
    self.runner = runner
    self.tell = tell
    // The last is taken first.
    waiting = entries.reversed()
    total = runner.folder.header.tasks
    done = total - entries.count
  }

  private var folder: SweepFolder { runner.folder }
  private var isFull: Bool { runner.options.mostFailures.map { failed >= $0 } ?? false }

  mutating func run() throws {
    tellProgress()
    while true {
      try runner.control.checkpoint()
      while running.count < runner.options.jobs, !isFull, var entry = waiting.popLast() {
        entry.starts += 1
        running.append((entry, try start(entry)))
      }
      if running.isEmpty { return }
      if try !look() { Pause.milliseconds(Self.lookMilliseconds) }
    }
  }

  /// Asks all processes to end, and waits for them.
  mutating func stop() {
    for (_, process) in running { process.send(SIGTERM) }
    var looks = 0
    while running.contains(where: { $0.process.poll() == nil }) {
      looks += 1
      if looks == Self.patience { for (_, process) in running { process.send(SIGKILL) } }
      Pause.milliseconds(Self.lookMilliseconds)
    }
    running = []
  }

  private func start(_ entry: SweepRunner.Entry) throws -> SpawnedProcess {
    let log = folder.log(of: entry.task.id)
    try folder.makeFolder(of: log)
    return try SpawnedProcess(
      runner.program, ["sweep", "task", folder.path, "--index", "\(entry.index)"], log: log,
      environment: ["XDG_CACHE_HOME": folder.path + "/kept"])
  }

  /// Looks at each process once; yields whether any had ended.
  private mutating func look() throws -> Bool {
    let ended = running.compactMap { item in item.process.poll().map { (item.entry, $0) } }
    guard !ended.isEmpty else { return false }
    running.removeAll { $0.process.poll() != nil }
    for (entry, ending) in ended { try take(entry, ending) }
    tellProgress()
    return true
  }

  private mutating func take(
    _ entry: SweepRunner.Entry, _ ending: SpawnedProcess.Ending
  ) throws {
    let code = ending.code
    if code == 0, folder.result(of: entry.task) != nil {
      done += 1
      return
    }
    if code == SweepExit.changed {
      throw SweepError.changedFor(
        task: entry.task.words, said: lastLines(of: entry).last ?? "exit code \(code)")
    }
    if !SweepFailure.isFinal(code), entry.starts <= runner.options.retries {
      tell(.retried(task: entry.task.words, code: code))
      waiting.append(entry)
      return
    }
    // A task that ends by its own word has told how.
    if try !SweepFailure.isFinal(code) || folder.failure(of: entry.task.id) == nil {
      try folder.fail(entry.task.id, code: code, lines: lastLines(of: entry))
    }
    failed += 1
    if let failure = try folder.failure(of: entry.task.id) {
      tell(.failed(task: entry.task.words, failure: failure))
    }
  }

  private func lastLines(of entry: SweepRunner.Entry) -> [String] {
    let bytes: [UInt8]
    do throws(PlatformError) {
      let file = try MappedFile(path: folder.log(of: entry.task.id))
      bytes = try file.read(at: max(0, file.byteCount - 8192), count: min(8192, file.byteCount))
    } catch {
      return ["\(error)"]
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(Self.keptLines)
      .map(String.init)
  }

  private func tellProgress() { tell(.progressed(done: done, of: total, failed: failed)) }
}

/// How the process of a task says how it ended, besides 0 and 1.
package enum SweepExit {
  /// What the sweep was planned with has changed.
  package static let changed: Int32 = 5
  /// It was asked to stop, and is to be run again.
  package static let stopped: Int32 = 75
}

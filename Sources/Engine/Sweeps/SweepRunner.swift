import FoundationEssentials
import Glibc
import Platform

/// Runs the tasks of a sweep on this machine, each in a process of its own: a task that crashes takes nothing with it.
package struct SweepRunner {
  package struct Options: Hashable, Sendable {
    /// Tasks at a time.
    package var jobs: Int
    /// How often a task is started again that was stopped, or ended by a signal.
    package var retries: Int
    /// Failed tasks after which no more are started; nil for any number.
    package var mostFailures: Int?
    /// Whether tasks that failed by their own word in an earlier run are tried again.
    package var repeatsFailed: Bool

    package init(
      jobs: Int = 1, retries: Int = 1, mostFailures: Int? = nil, repeatsFailed: Bool = false
    ) {
      self.jobs = jobs
      self.retries = retries
      self.mostFailures = mostFailures
      self.repeatsFailed = repeatsFailed
    }
  }

  /// What happens meanwhile.
  package enum Event: Sendable {
    case progressed(done: Int, of: Int, failed: Int)
    case failed(task: String, failure: SweepFailure)
    case retried(task: String, code: Int32)
  }

  let folder: SweepFolder
  /// The program whose `sweep task` is run.
  let program: String
  let options: Options
  let control: JobControl

  package init(_ folder: SweepFolder, program: String, options: Options, control: JobControl) {
    self.folder = folder
    self.program = program
    self.options = options
    self.control = control
  }

  /// Holds the number of the process that holds the lock.
  static let processFile = "run.pid"

  /// A task, and how often it was started.
  struct Entry {
    var index: Int
    var task: SweepTask
    var starts = 0
  }

  /// Runs what is not finished.
  ///
  /// - Throws: `SweepError.changed` before anything is run, or when a task finds it; `.busy` where another process works on the
  ///   sweep; `JobControl.Cancelled` when it was stopped; `PlatformError` where nothing can be written or started.
  package func run(_ tell: @escaping (Event) -> Void) throws -> SweepStatus {
    guard let lock = try lock() else { throw SweepError.busy(path: folder.path) }
    try withExtendedLifetime(lock) {
      try folder.write("\(getpid())\n", to: Self.processFile)
      try folder.header.checkProgram()
      try folder.header.checkInputs(locator: ResourceLocator())
      var work = SweepWork(runner: self, entries: try waiting(), tell: tell)
      defer { work.stop() }
      try work.run()
    }
    var status = try SweepStatus(of: folder)
    // The lock that was looked at is this one's own.
    status.isRunning = false
    return status
  }

  /// Whoever asks how far a sweep is holds the lock for a moment.
  private func lock() throws(PlatformError) -> FolderLock? {
    for _ in 0..<20 {
      if let lock = try FolderLock(folder: folder.path) { return lock }
      Pause.milliseconds(50)
    }
    return nil
  }

  private func waiting() throws -> [Entry] {
    let results = try folder.ids(in: "results")
    return try folder.tasks().enumerated().compactMap { index, task in
      if results.contains(task.id), folder.result(of: task) != nil { return nil }
      if !options.repeatsFailed, try folder.failure(of: task.id)?.isFinal == true { return nil }
      return Entry(index: index, task: task)
    }
  }
}

extension SweepFolder {
  /// Asks the process that runs the sweep here to end; yields its number, nil where none does.
  ///
  /// - Throws: `SweepError.damaged` where one does, and the file that tells its number does not; `PlatformError` for one that may
  ///   not be asked.
  package func cancelLocal() throws -> Int32? {
    let file = path + "/" + SweepRunner.processFile
    // Whoever asks how far a sweep is holds the lock for a moment, and has no number.
    guard isRunning, FileManager.default.fileExists(atPath: file) else { return nil }
    let text = try TextFile.read(file, atMost: 64)
    guard let process = Int32(text.filter { !$0.isWhitespace }), process > 1 else {
      throw SweepError.damaged(
        path: file,
        reason: "expected the number of the process that runs the sweep, found '\(text)'")
    }
    guard kill(process, SIGTERM) == 0 else {
      // It has ended meanwhile.
      if errno == ESRCH { return nil }
      throw PlatformError.system(operation: "end process \(process) of", path: path, code: errno)
    }
    return process
  }
}

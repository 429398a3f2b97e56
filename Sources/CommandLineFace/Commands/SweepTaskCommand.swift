import ArgumentParser
import Checkpoints
import Engine
import FoundationEssentials
import Models
import Operators
import Platform

/// Runs tasks of a sweep in this process.
struct SweepTaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task",
    abstract: "Run one task in this process: what 'run' and batch systems call.",
    discussion: """
      A task that has finished is left as it is. SIGUSR1 and SIGTERM stop it at its next checkpoint; nothing of it is written \
      then, and the exit code, 75 or 143, says that it is to be run again.
      """)

  @OptionGroup var sweep: SweepArgument
  @Option(help: "Which task: its place in the plan, from 0.")
  var index: Int?
  @Flag(
    name: .customLong("index-env"),
    help: "Take the index from SLURM_ARRAY_TASK_ID, or else from JOB_COMPLETION_INDEX.")
  var isIndexFromEnvironment = false
  @Option(
    help: "A file of indices, one a line: the index then counts its lines.")
  var list: String?
  @Option(help: "Tasks an index stands for, one after the other.")
  var pack = 1

  func validate() throws {
    guard (index != nil) != isIndexFromEnvironment else {
      throw ValidationError("expected one of --index and --index-env")
    }
    guard (1...SweepPlan.mostTasks).contains(pack) else {
      throw ValidationError("--pack: expected 1 to \(SweepPlan.mostTasks), found \(pack)")
    }
  }

  func run() throws {
    let folder = try SweepCommand.telling { try sweep.opened() }
    let indices = try SweepCommand.telling { try self.indices(folder) }
    var failure: CommandFailure?
    for index in indices {
      do {
        try SweepCommand.telling { try Self.run(index, folder) }
      } catch let error as CommandFailure where error.code == 1 {
        // The other tasks of a pack are none the worse for it.
        failure = error
        if indices.count > 1 { ProgressLine().note("task \(index): \(error.message)") }
      }
    }
    if let failure { throw failure }
  }

  /// The places in the plan of what is to be run.
  private func indices(_ folder: SweepFolder) throws -> [Int] {
    let element = try index ?? Self.environmentIndex()
    let (first, overflows) = element.multipliedReportingOverflow(by: pack)
    guard !overflows, element >= 0 else {
      throw SweepError.noSuchTask(
        path: folder.path, expected: "an index from 0", found: "\(element)")
    }
    guard let list else {
      guard first < folder.header.tasks else {
        throw SweepError.noSuchTask(
          path: folder.path,
          expected: "an index from 0 to \((folder.header.tasks - 1) / pack)", found: "\(element)")
      }
      return Array(first..<min(first + pack, folder.header.tasks))
    }
    let lines = try SweepList.read(list)
    guard first < lines.count else {
      throw SweepError.noSuchTask(
        path: list, expected: "an index from 0 to \((lines.count - 1) / pack)",
        found: "\(element)")
    }
    return Array(lines[first..<min(first + pack, lines.count)])
  }

  private static let variables = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"]

  private static func environmentIndex() throws -> Int {
    let environment = ProcessInfo.processInfo.environment
    for name in variables {
      guard let text = environment[name] else { continue }
      guard let index = Int(text), index >= 0 else {
        throw CommandFailure(message: "\(name): expected an index from 0, found '\(text)'", code: 2)
      }
      return index
    }
    throw CommandFailure(
      message: "--index-env: expected \(variables.joined(separator: " or ")), found neither",
      code: 2)
  }

  private static func run(_ index: Int, _ folder: SweepFolder) throws {
    let task = try folder.task(at: index)
    guard folder.result(of: task) == nil else {
      ProgressLine().note("task \(index), \(task.words): finished before")
      return
    }
    let locator = ResourceLocator()
    try folder.header.check(task, locator: locator)
    let start = Machine.seconds()
    do {
      let result = try result(of: task, locator)
      // Files that were changed while they were read have made something else.
      try folder.header.check(task, locator: locator)
      try folder.finish(
        result,
        SweepTimes(
          id: task.id, seconds: Machine.seconds() - start, processor: Machine.processorName()))
    } catch let error as CommandFailure where error.code >= 75 {
      throw error
    } catch let error as SweepError {
      throw error
    } catch {
      let message = (error as? CommandFailure)?.message ?? ErrorWords.of(error)
      try folder.fail(task.id, code: 1, lines: [message])
      throw CommandFailure(message: message)
    }
    ProgressLine().note("task \(index), \(task.words): finished")
  }

  private static func result(of task: SweepTask, _ locator: ResourceLocator) throws -> SweepResult {
    guard task.provider.isSupported else {
      throw CommandFailure(
        message:
          "the task was planned for \(task.provider.rawValue): expected a processor that has it, found "
          + (Machine.processorName() ?? "another"))
    }
    let session = CommandSession(
      laboratory: try Laboratory(threads: task.threads, provider: task.provider, locator: locator))
    if let options = task.evaluation {
      try session.open(
        task.model.path, recipe: task.recipe, task.calibration ?? CalibrationOptions())
      return SweepResult(
        of: task, evaluation: try session.perform(EvaluateJob(options: options)))
    }
    guard let options = task.traffic else {
      throw CommandFailure(message: "task \(task.id): expected something to measure, found nothing")
    }
    let job = TrafficJob(options: options)
    if let path = task.model.path, path.hasSuffix(".json") {
      let shape = try ModelShape(planningFor: ConfigFile(path: path))
      return SweepResult(
        of: task, traffic: try job.report(for: shape, name: task.model.name, in: session.laboratory)
      )
    }
    _ = try session.load(task.model.path)
    return SweepResult(of: task, traffic: try session.perform(job))
  }
}

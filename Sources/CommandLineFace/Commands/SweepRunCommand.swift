import ArgumentParser
import Engine
import FoundationEssentials
import Wording

/// How the tasks of a sweep are run on this machine.
struct SweepRunOptions: ParsableArguments {
  @Option(help: "Tasks at a time, each in a process of its own.")
  var jobs = 1

  @Option(help: "How often a task is started again that was stopped or ended by a signal.")
  var retries = 1

  @Option(name: .customLong("max-fail"), help: "Failed tasks after which no more are started.")
  var mostFailures: Int?

  func validate() throws {
    guard (1...1024).contains(jobs) else {
      throw ValidationError("--jobs: expected 1 to 1024, found \(jobs)")
    }
    guard (0...100).contains(retries) else {
      throw ValidationError("--retries: expected 0 to 100, found \(retries)")
    }
    if let mostFailures, mostFailures < 1 {
      throw ValidationError("--max-fail: expected 1 or more, found \(mostFailures)")
    }
  }

  /// Runs what is left, and says how it ended.
  func run(_ path: String, repeatsFailed: Bool, json: Bool) throws {
    let progress = ProgressLine()
    let status = try SweepCommand.telling {
      let folder = try SweepFolder(opening: path)
      let runner = SweepRunner(
        folder, program: try Self.program(),
        options: SweepRunner.Options(
          jobs: jobs, retries: retries, mostFailures: mostFailures, repeatsFailed: repeatsFailed),
        control: Interrupt.control)
      do {
        let status = try runner.run { Self.tell($0, progress) }
        progress.finish()
        return status
      } catch is JobControl.Cancelled {
        throw Interrupt.failure
      }
    }
    if json { try Output.json(status) } else { SweepLines.show(status, failed: true) }
    if status.exitCode != 0 { throw ExitCode(status.exitCode) }
  }

  /// This very program.
  static func program() throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: SweepHeader.programPath)
  }

  private static func tell(_ event: SweepRunner.Event, _ progress: ProgressLine) {
    switch event {
    case .progressed(let done, let total, let failed):
      progress.show(
        .progressed(
          id: JobID(number: 0),
          progress: JobProgress(
            phase: failed > 0 ? "running, \(Quantity.grouped(failed)) failed," : "running",
            done: done, total: total, unit: "tasks", secondsElapsed: 0)))
    case .failed(let task, let failure):
      progress.note("failed: \(task): exit code \(failure.code)")
      for line in failure.lines { progress.note("    " + line) }
    case .retried(let task, let code):
      progress.note("started again: \(task): exit code \(code)")
    }
  }
}

/// Runs the tasks of a sweep on this machine.
struct SweepRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract:
      "Run what is not finished on this machine; tasks that failed by their own word stay so.")

  @OptionGroup var sweep: SweepArgument
  @OptionGroup var options: SweepRunOptions
  @OptionGroup var output: OutputOptions

  func run() throws { try options.run(sweep.path, repeatsFailed: false, json: output.json) }
}

/// Runs what an earlier run left, failed tasks too, by the means that it was run by.
struct SweepResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Run what is not finished once more, tasks that failed by their own word too.",
    discussion: "Runs on this machine, and with --slurm on Slurm; options of sbatch come after --.")

  @OptionGroup var sweep: SweepArgument
  @Flag(help: "Hand it to Slurm.")
  var slurm = false
  @Option(help: "Tasks at a time on this machine.")
  var jobs = 1
  @OptionGroup var options: SweepSlurmOptions
  @Option(name: .customLong("max-fail"), help: "Failed tasks after which no more are started here.")
  var mostFailures: Int?
  @OptionGroup var output: OutputOptions
  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("Options for sbatch, after --.", valueName: "sbatch-options"))
  var sbatch: [String] = []

  private var local: SweepRunOptions {
    var local = SweepRunOptions()
    local.jobs = jobs
    local.retries = options.rounds
    local.mostFailures = mostFailures
    return local
  }

  func validate() throws {
    do { try SlurmBackend.check(sbatch) } catch { throw ValidationError("\(error)") }
    guard slurm || sbatch.isEmpty else {
      throw ValidationError("--: expected --slurm next to options of sbatch, found none")
    }
    try local.validate()
  }

  func run() throws {
    guard slurm else { return try local.run(sweep.path, repeatsFailed: true, json: output.json) }
    try options.run(sweep.path, sbatch: sbatch, repeatsFailed: true, json: output.json)
  }
}

import ArgumentParser
import Engine
import Wording

/// Many measurements, one task each, on this machine or on a cluster.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract:
      "Measure many recipes, models, texts and protocols: one task each, here or on a cluster.",
    discussion: """
      A plan (TOML) is made into tasks whose results are files by the task's id: whole, or not there. A task that has \
      finished is not run again, and 'collect' makes the same bytes of the results whatever ran the tasks. Exit codes: 0 all \
      done, 1 some tasks failed, 2 usage or a plan that is wrong, 3 not all tasks have finished, 4 a batch system that says no, 5 the program or what was \
      planned with has changed, 75 stopped, run it again. See docs/sweeps.md.
      """,
    subcommands: [
      SweepPlanCommand.self, SweepRunCommand.self, SweepSlurmCommand.self,
      SweepKubernetesCommand.self, SweepTaskCommand.self, SweepStatusCommand.self,
      SweepResumeCommand.self, SweepCancelCommand.self, SweepCollectCommand.self,
    ])

  /// Does what a command of a sweep does, its errors with their own exit codes.
  static func telling<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as SweepError {
      throw CommandFailure(message: "\(error)", code: error.exitCode)
    }
  }
}

/// The folder of a sweep.
struct SweepArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The folder that 'nibble sweep plan' wrote.", valueName: "run"))
  var path: String

  func opened() throws -> SweepFolder { try SweepFolder(opening: path) }
}

/// Makes a plan into tasks.
struct SweepPlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Make a plan into tasks, and freeze what they depend on; nothing is computed.")

  @Argument(help: "The plan, a TOML file (docs/sweeps.md).")
  var file: String
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "The folder of the sweep to write; only the tasks are listed without it.")
  var folder: String?
  @OptionGroup var output: OutputOptions

  private struct Document: Encodable {
    struct Task: Encodable {
      var id: String
      var words: String
    }

    var schema = 1
    var tasks: [Task]
    var folder: String?
  }

  func run() throws {
    let progress = ProgressLine()
    let tasks = try SweepCommand.telling {
      let plan = try SweepPlanFile.read(file)
      let expansion = try SweepExpansion(plan) { progress.note($0) }
      if let folder {
        _ = try SweepFolder.write(expansion, plan: SweepPlanFile.text(file), to: folder)
      }
      if !output.json {
        print("\(plan.product) = \(Quantity.grouped(expansion.tasks.count)) tasks")
      }
      return expansion.tasks
    }
    if output.json {
      return try Output.json(
        Document(tasks: tasks.map { .init(id: $0.id, words: $0.words) }, folder: folder))
    }
    guard let folder else {
      for task in tasks { print("\(task.id)  \(task.words)") }
      return
    }
    print("Planned into \(folder); 'nibble sweep run \(folder)' runs it.")
  }
}

/// How far a sweep has come.
struct SweepStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Count the tasks that have finished, failed and wait.")

  @OptionGroup var sweep: SweepArgument
  @Flag(help: "List the tasks that failed, with what they said last.")
  var failed = false
  @OptionGroup var output: OutputOptions

  func run() throws {
    let status = try SweepCommand.telling { try SweepStatus(asking: sweep.opened()) }
    if output.json {
      try Output.json(status)
    } else {
      SweepLines.show(status, failed: failed)
    }
    if status.exitCode != 0 { throw ExitCode(status.exitCode) }
  }
}

/// What came of a sweep.
struct SweepCollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect",
    abstract: "Fold the results into one table, the same bytes whatever ran the tasks.",
    discussion: """
      Writes summary.json and summary.csv into the folder. Times are no part of them: no two runs take the same ones.
      """)

  @OptionGroup var sweep: SweepArgument
  @Flag(name: .customLong("allow-partial"), help: "Take what there is, and say that it is not all.")
  var allowsPartial = false
  @Flag(help: "Print the table as CSV.")
  var csv = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if csv, output.json { throw ValidationError("--csv: expected none with --json") }
  }

  func run() throws {
    let summary = try SweepCommand.telling {
      let folder = try sweep.opened()
      let summary = try SweepSummary(of: folder)
      guard summary.isWhole || allowsPartial else {
        let failed = try SweepStatus(of: folder).failed.count
        throw SweepError.unfinished(
          path: sweep.path, finished: summary.rows.count, failed: failed, tasks: summary.tasks)
      }
      try summary.write(to: folder)
      return summary
    }
    if output.json { return try Output.json(summary) }
    if csv { return print(SweepTable(summary).csv, terminator: "") }
    SweepLines.show(summary)
  }
}

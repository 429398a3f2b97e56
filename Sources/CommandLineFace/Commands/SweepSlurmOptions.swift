import ArgumentParser
import Engine
import Wording

/// How the tasks of a sweep are handed to Slurm.
struct SweepSlurmOptions: ParsableArguments {
  @Option(help: "Elements of an array that run at a time; as many as there is room for without it.")
  var throttle: Int?

  @Option(help: "Tasks of an element, one after the other: aim at minutes for each element.")
  var pack = 1

  @Flag(
    name: .customLong("baselines-first"),
    help:
      "Do the first task of each model, text and protocol before the others, which then find what the baseline says of the text."
  )
  var baselinesFirst = false

  @Flag(help: "Wait until nothing is in the queue, and hand over again what is left.")
  var wait = false

  @Option(
    name: .customLong("retries"), help: "How often --wait hands over again what is left.")
  var rounds = 1

  @Option(help: "Seconds between two looks at the queue.")
  var poll = 30.0

  func validate() throws {
    for (name, value) in [("--throttle", throttle ?? 1), ("--pack", pack)]
    where !(1...SweepPlan.mostTasks).contains(value) {
      throw ValidationError("\(name): expected 1 to \(SweepPlan.mostTasks), found \(value)")
    }
    guard (0...100).contains(rounds) else {
      throw ValidationError("--retries: expected 0 to 100, found \(rounds)")
    }
    guard (0.1...3600).contains(poll) else {
      throw ValidationError("--poll: expected seconds from 0.1 to 3600, found \(poll)")
    }
  }

  func backend(_ path: String, sbatch: [String], repeatsFailed: Bool) throws -> SlurmBackend {
    SlurmBackend(
      try SweepFolder(opening: path), program: try SweepRunOptions.program(),
      options: SlurmBackend.Options(
        throttle: throttle, pack: pack, baselinesFirst: baselinesFirst,
        repeatsFailed: repeatsFailed, sbatch: sbatch))
  }

  /// Hands over what is left, and waits for it where that is asked for.
  func run(_ path: String, sbatch: [String], repeatsFailed: Bool, json: Bool) throws {
    let progress = ProgressLine()
    let folder = try SweepCommand.telling { try SweepFolder(opening: path) }
    var isFirst = true
    for round in 0...(wait ? rounds : 0) {
      let submitted = try SweepCommand.telling {
        try backend(path, sbatch: sbatch, repeatsFailed: repeatsFailed && isFirst).submit()
      }
      isFirst = false
      for item in submitted {
        progress.note(
          "job \(item.job ?? 0): \(Quantity.grouped(item.tasks)) tasks in "
            + "\(Quantity.grouped(item.elements)) elements"
            + (round > 0 ? ", handed over again" : ""))
      }
      guard wait, !submitted.isEmpty else { break }
      try waitForQueue(folder, progress)
    }
    let status = try SweepCommand.telling { try SweepStatus(asking: folder) }
    if json { try Output.json(status) } else { SweepLines.show(status, failed: wait) }
    // Without --wait handing over is all there was to do.
    if wait, status.exitCode != 0 { throw ExitCode(status.exitCode) }
  }

  private func waitForQueue(_ folder: SweepFolder, _ progress: ProgressLine) throws {
    defer { progress.finish() }
    while true {
      let queue = try SweepCommand.telling { try folder.slurmQueue() }
      guard let queue, !queue.jobs.isEmpty else { return }
      let status = try SweepCommand.telling { try SweepStatus(of: folder) }
      progress.show(
        .progressed(
          id: JobID(number: 0),
          progress: JobProgress(
            phase: "\(Quantity.grouped(queue.running)) elements run,", done: status.finished,
            total: status.tasks, unit: "tasks", secondsElapsed: 0)))
      do { try Interrupt.wait(seconds: poll) } catch is JobControl.Cancelled {
        throw Interrupt.failure
      }
    }
  }
}

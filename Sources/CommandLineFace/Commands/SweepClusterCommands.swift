import ArgumentParser
import Engine
import Wording

/// Hands the tasks of a sweep to Slurm.
struct SweepSlurmCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slurm",
    abstract: "Hand what is not finished to Slurm as job arrays.",
    discussion: """
      What stands after -- goes to sbatch as it is. An element is told by SIGUSR1, a minute before its time is up, to end its \
      task with exit code 75; 'nibble sweep resume', or --wait with --retries, hands over what is left.
      """)

  @OptionGroup var sweep: SweepArgument
  @OptionGroup var options: SweepSlurmOptions
  @Flag(
    name: .customLong("dry-run"), help: "Print scripts and command lines, and hand over nothing.")
  var dryRun = false
  @OptionGroup var output: OutputOptions
  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("Options for sbatch, after --.", valueName: "sbatch-options"))
  var sbatch: [String] = []

  func validate() throws {
    do { try SlurmBackend.check(sbatch) } catch { throw ValidationError("\(error)") }
  }

  func run() throws {
    guard dryRun else {
      return try options.run(sweep.path, sbatch: sbatch, repeatsFailed: false, json: output.json)
    }
    let planned = try SweepCommand.telling {
      try options.backend(sweep.path, sbatch: sbatch, repeatsFailed: false).planned()
    }
    if output.json { return try Output.json(planned.map(\.submission)) }
    for item in planned {
      print("sbatch " + TypedCommand.quoted(item.submission.arguments))
      print(item.script)
    }
  }
}

/// Writes a sweep as a Job of Kubernetes.
struct SweepKubernetesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "k8s",
    abstract: "Print an indexed Job of Kubernetes for a sweep; nothing is contacted.")

  @OptionGroup var sweep: SweepArgument
  @Option(help: "The container image that has the program.")
  var image: String
  @Option(
    help: "The persistent volume claim (ReadWriteMany) that holds the sweep, its models and texts.")
  var claim: String
  @Option(help: "Where the claim is mounted; the folder that the sweep lies in without it.")
  var mount: String?
  @Option(help: "The program in the image.")
  var program = "nibble"
  @Option(help: "Pods at a time.")
  var parallelism = 1
  @Option(help: "Tasks of a pod, one after the other.")
  var pack = 1
  @Option(help: "How often a pod is started again.")
  var retries = 1
  @Option(name: .customLong("max-fail"), help: "Failed pods after which the Job ends.")
  var mostFailures: Int?
  @Option(help: "Processors of a pod, such as 2 or 500m.")
  var cpu: String?
  @Option(help: "Memory of a pod, such as 8Gi.")
  var memory: String?

  func validate() throws {
    for (name, value) in [
      ("--parallelism", parallelism), ("--pack", pack), ("--max-fail", mostFailures ?? 1),
    ] where !(1...SweepPlan.mostTasks).contains(value) {
      throw ValidationError("\(name): expected 1 to \(SweepPlan.mostTasks), found \(value)")
    }
    guard (0...100).contains(retries) else {
      throw ValidationError("--retries: expected 0 to 100, found \(retries)")
    }
  }

  func run() throws {
    let folder = try SweepCommand.telling { try sweep.opened() }
    let parent = String(
      folder.path.prefix(upTo: folder.path.lastIndex(of: "/") ?? folder.path.startIndex))
    let job = KubernetesJob(
      folder: folder.path, tasks: folder.header.tasks, image: image, claim: claim,
      mount: mount ?? (parent.isEmpty ? "/" : parent), program: program,
      parallelism: parallelism, pack: pack, retries: retries, mostFailures: mostFailures,
      processors: cpu, memory: memory)
    print(job.yaml, terminator: "")
  }
}

/// Stops a sweep.
struct SweepCancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel",
    abstract: "Stop a local run, and take what is left out of Slurm's queue; results stay.")

  @OptionGroup var sweep: SweepArgument
  @OptionGroup var output: OutputOptions

  private struct Document: Encodable {
    /// The process that was asked to end.
    var process: Int32?
    var jobs: [Int]
  }

  func run() throws {
    let document = try SweepCommand.telling {
      let folder = try sweep.opened()
      return Document(process: try folder.cancelLocal(), jobs: try folder.cancelSlurm())
    }
    if output.json { return try Output.json(document) }
    if let process = document.process { print("Asked process \(process) to end.") }
    if !document.jobs.isEmpty {
      print("Cancelled \(document.jobs.map(String.init).joined(separator: ", ")).")
    }
    if document.process == nil, document.jobs.isEmpty { print("Nothing of it is at work.") }
  }
}

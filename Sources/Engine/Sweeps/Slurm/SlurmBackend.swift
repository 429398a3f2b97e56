import FoundationEssentials
import Platform

/// Hands the tasks of a sweep to Slurm as job arrays.
///
/// An element of an array counts lines of a list that was written for it, so that its indices run from 0 whatever is left to
/// do. Who does what is Slurm's; what is done is told by the files of the sweep.
package struct SlurmBackend {
  package struct Options: Hashable, Sendable {
    /// Elements that run at a time; nil for as many as there is room for.
    package var throttle: Int?
    /// Tasks of an element.
    package var pack: Int
    /// Whether the first task of each model, text and protocol is done before the others: these find what the baseline says.
    package var baselinesFirst: Bool
    /// Whether tasks that failed by their own word are handed over again.
    package var repeatsFailed: Bool
    /// For sbatch, as they were typed.
    package var sbatch: [String]

    package init(
      throttle: Int? = nil, pack: Int = 1, baselinesFirst: Bool = false,
      repeatsFailed: Bool = false, sbatch: [String] = []
    ) {
      self.throttle = throttle
      self.pack = pack
      self.baselinesFirst = baselinesFirst
      self.repeatsFailed = repeatsFailed
      self.sbatch = sbatch
    }
  }

  let folder: SweepFolder
  let program: String
  let options: Options
  private let client = SlurmClient()

  /// - Parameter program: the absolute path of the program, the same on every node.
  package init(_ folder: SweepFolder, program: String, options: Options) {
    self.folder = folder
    self.program = program
    self.options = options
  }

  /// Options of sbatch that are this program's own.
  package static let reserved = [
    "--array", "-a", "--output", "-o", "--error", "-e", "--open-mode", "--parsable", "--wrap",
    "--dependency", "-d",
  ]

  /// - Throws: `SweepError.reservedOption`.
  package static func check(_ arguments: [String]) throws(SweepError) {
    for argument in arguments {
      let name = argument.hasPrefix("--") ? String(argument.prefix { $0 != "=" }) : argument
      let isShort = !argument.hasPrefix("--") && reserved.contains(String(argument.prefix(2)))
      if reserved.contains(name) || isShort {
        throw .reservedOption(option: argument, reserved: reserved)
      }
    }
  }

  /// An array: the places of its tasks, and whether it waits for those of the first part.
  private struct Lines {
    var indices: [Int]
    var waits: Bool
  }

  /// A submission with the text of its script.
  package struct Planned: Sendable {
    package var submission: SlurmSubmission
    package var script: String
  }

  /// What would be handed over, without the ids of jobs.
  ///
  /// - Throws: `SweepError`.
  package func planned() throws -> [Planned] {
    try Self.check(options.sbatch)
    let first = try nextNumber()
    return try arrays().enumerated().map { offset, lines in
      Planned(
        submission: submission(first + offset, lines, after: lines.waits ? ["JOB"] : []),
        script: script(first + offset))
    }
  }

  /// Hands over what is not finished; yields what was handed over.
  ///
  /// - Throws: `SweepError.inQueue`, `.changed`, `.scheduler`; `PlatformError` where nothing can be written.
  package func submit() throws -> [SlurmSubmission] {
    try Self.check(options.sbatch)
    try folder.header.checkProgram()
    try folder.header.checkInputs(locator: ResourceLocator())
    if let queue = try folder.slurmQueue(), !queue.jobs.isEmpty {
      throw SweepError.inQueue(path: folder.path, jobs: queue.jobs)
    }
    for name in ["submit", "logs"] {
      // Without the folder of its log an element fails without a word.
      try FileManager.default.createDirectory(
        atPath: folder.path + "/" + name, withIntermediateDirectories: true)
    }
    var submitted: [SlurmSubmission] = []
    var first: [String] = []
    for lines in try arrays() {
      let done = try submit(lines, after: lines.waits ? first : [])
      if !lines.waits { first += done.job.map { ["\($0)"] } ?? [] }
      submitted.append(done)
    }
    return submitted
  }

  private func submit(_ lines: Lines, after jobs: [String]) throws -> SlurmSubmission {
    let number = try nextNumber()
    var submission = submission(number, lines, after: jobs)
    let place = folder.submission(number, "json")
    try WholeFile.write(SweepList.text(lines.indices), to: folder.submission(number, "list"))
    try WholeFile.write(script(number), to: folder.submission(number, "sbatch"))
    // Comes first without the job, so that no number is taken twice.
    try SweepFolder.write(submission, to: place)
    submission.job = try client.submit(submission.arguments)
    try SweepFolder.write(submission, to: place)
    return submission
  }

  private func nextNumber() throws -> Int { (try folder.submissions().last?.number ?? 0) + 1 }

  private func submission(_ number: Int, _ lines: Lines, after jobs: [String]) -> SlurmSubmission {
    let elements = (lines.indices.count + options.pack - 1) / options.pack
    return SlurmSubmission(
      number: number, job: nil, tasks: lines.indices.count, elements: elements,
      pack: options.pack, arguments: arguments(number, elements: elements, after: jobs))
  }

  /// The arrays, none larger than Slurm allows.
  private func arrays() throws -> [Lines] {
    let size = client.mostElements * options.pack
    return try parts().enumerated().flatMap { part, indices in
      stride(from: 0, to: indices.count, by: size).map {
        Lines(indices: Array(indices[$0..<min($0 + size, indices.count)]), waits: part > 0)
      }
    }
  }

  /// The places of the tasks that are not finished, those first that others wait for.
  private func parts() throws -> [[Int]] {
    let results = try folder.ids(in: "results")
    var first: [Int] = []
    var rest: [Int] = []
    var groups: Set<String> = []
    for (index, task) in try folder.tasks().enumerated() {
      if results.contains(task.id), folder.result(of: task) != nil { continue }
      if !options.repeatsFailed, try folder.failure(of: task.id)?.isFinal == true { continue }
      let group = [task.model.sha256, task.text?.sha256, task.protocolName]
        .compactMap(\.self).joined(separator: " ")
      if options.baselinesFirst, task.evaluation != nil, groups.insert(group).inserted {
        first.append(index)
      } else {
        rest.append(index)
      }
    }
    return [first, rest].filter { !$0.isEmpty }
  }

  /// What sbatch is called with.
  private func arguments(_ number: Int, elements: Int, after jobs: [String]) -> [String] {
    func isGiven(_ name: String) -> Bool {
      options.sbatch.contains { $0 == name || $0.hasPrefix(name + "=") }
    }
    // In names of logs a percent sign begins a pattern.
    let logs = folder.path.replacing("%", with: "%%")
    var arguments = [
      "--parsable",
      "--array=0-\(elements - 1)" + (options.throttle.map { "%\($0)" } ?? ""),
      "--output=\(logs)/logs/%A_%a.log", "--open-mode=append",
    ]
    if !isGiven("--requeue") { arguments.append("--no-requeue") }
    if !isGiven("--signal") { arguments.append("--signal=B:USR1@60") }
    if !isGiven("--job-name"), !isGiven("-J") { arguments.append("--job-name=nibble-sweep") }
    if !jobs.isEmpty {
      arguments.append("--dependency=afterany:" + jobs.joined(separator: ":"))
    }
    return arguments + options.sbatch + [folder.submission(number, "sbatch")]
  }

  /// The script of an array: `exec`, so that signals for the shell reach the program.
  private func script(_ number: Int) -> String {
    """
    #!/bin/bash
    # Tasks of a sweep, written by nibble \(ProgramVersion.current): element N runs \(options.pack) \
    \(options.pack == 1 ? "line" : "lines") of the list.
    export XDG_CACHE_HOME=\(Self.quoted(folder.path + "/kept"))
    exec \(Self.quoted(program)) sweep task \(Self.quoted(folder.path)) --index-env \
    --list \(Self.quoted(folder.submission(number, "list"))) --pack \(options.pack)

    """
  }

  /// As a shell reads it.
  static func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: "'\\''") + "'"
  }
}

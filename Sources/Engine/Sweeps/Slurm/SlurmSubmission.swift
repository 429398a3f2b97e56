import FoundationEssentials
import Platform

/// One array that was handed to Slurm: its list, its script, and what became of it.
package struct SlurmSubmission: Hashable, Sendable, Codable {
  /// From 1.
  package var number: Int
  /// nil until Slurm has said it.
  package var job: Int?
  package var tasks: Int
  package var elements: Int
  /// Tasks of an element.
  package var pack: Int
  /// What sbatch was called with.
  package var arguments: [String]
}

extension SweepFolder {
  /// Where the file of a submission lies.
  func submission(_ number: Int, _ suffix: String) -> String {
    let digits = "\(number)"
    return path + "/submit/" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
      + "." + suffix
  }

  /// All submissions, in their order.
  ///
  /// - Throws: `SweepError.damaged`.
  package func submissions() throws -> [SlurmSubmission] {
    let names = try FolderListing.names(in: path + "/submit").filter { $0.hasSuffix(".json") }
    return try names.map { name in
      let file = path + "/submit/" + name
      do {
        return try Self.decode(
          SlurmSubmission.self, FileManager.default.contents(atPath: file) ?? Data())
      } catch {
        throw SweepError.damaged(path: file, reason: ErrorWords.of(error))
      }
    }.sorted { $0.number < $1.number }
  }

  /// What of the sweep is in the queue; nil where nothing was ever handed over.
  ///
  /// - Throws: `SweepError.scheduler` where the queue cannot be asked.
  package func slurmQueue() throws -> SlurmQueue? {
    let jobs = try submissions().compactMap(\.job)
    return jobs.isEmpty ? nil : try SlurmClient().queue(of: jobs)
  }

  /// Takes everything of the sweep out of the queue; yields the jobs.
  ///
  /// - Throws: `SweepError.scheduler`.
  package func cancelSlurm() throws -> [Int] {
    let jobs = try slurmQueue()?.jobs ?? []
    try SlurmClient().cancel(jobs)
    return jobs
  }
}

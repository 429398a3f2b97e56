import FoundationEssentials
import Platform

/// Slurm's own programs, asked one at a time.
struct SlurmClient {
  /// What is done with those words: a job id, a setting, the jobs in the queue.
  private func call(_ program: String, _ arguments: [String]) throws(SweepError) -> String {
    guard let path = ChildProcess.find(program) else {
      throw .scheduler(program: program, reason: "expected it on PATH, found none")
    }
    let outcome: ChildProcess.Outcome
    do throws(PlatformError) { outcome = try ChildProcess.run(path, arguments) } catch {
      throw .scheduler(program: program, reason: "\(error)")
    }
    guard outcome.code == 0 else {
      let lines = String(decoding: outcome.error, as: UTF8.self).split(separator: "\n")
      throw .scheduler(
        program: program,
        reason: "exit code \(outcome.code): \(lines.suffix(3).joined(separator: "; "))")
    }
    return String(decoding: outcome.out, as: UTF8.self)
  }

  /// Hands a script over; yields the id of its job.
  func submit(_ arguments: [String]) throws(SweepError) -> Int {
    let text = try call("sbatch", arguments)
    // A site may greet before, and a cluster may be named after.
    let last = text.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) } ?? ""
    guard let id = Int(last.prefix { $0 != ";" }) else {
      throw .scheduler(
        program: "sbatch", reason: "expected the id of a job, found '\(last.prefix(80))'")
    }
    return id
  }

  /// Elements that an array may have; Slurm's own default where it cannot be read.
  var mostElements: Int {
    let standard = 1001
    guard let text = try? call("scontrol", ["show", "config"]) else { return standard }
    for line in text.split(separator: "\n") {
      let sides = line.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
      if sides.count == 2, sides[0] == "MaxArraySize", let most = Int(sides[1]), most > 0 {
        return most
      }
    }
    return standard
  }

  /// The elements of jobs that are in the queue, by state.
  ///
  /// - Throws: `SweepError.scheduler` where the queue cannot be asked; jobs that it no longer knows are gone.
  func queue(of jobs: [Int]) throws(SweepError) -> SlurmQueue {
    var queue = SlurmQueue()
    guard !jobs.isEmpty else { return queue }
    let text: String
    do throws(SweepError) {
      text = try call(
        "squeue",
        ["-h", "-r", "-o", "%F %T", "-j", jobs.map(String.init).joined(separator: ",")])
    } catch {
      if case .scheduler(_, let reason) = error, reason.contains("Invalid job id") { return queue }
      throw error
    }
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let job = Int(words[0]), jobs.contains(job) else { continue }
      if words[1] == "PENDING" { queue.pending += 1 } else { queue.running += 1 }
      if !queue.jobs.contains(job) { queue.jobs.append(job) }
    }
    return queue
  }

  func cancel(_ jobs: [Int]) throws(SweepError) {
    guard !jobs.isEmpty else { return }
    _ = try call("scancel", jobs.map(String.init))
  }
}

/// What of a sweep is in Slurm's queue.
package struct SlurmQueue: Hashable, Sendable, Codable {
  package var jobs: [Int] = []
  /// Elements of arrays.
  package var pending = 0
  package var running = 0
}

import Engine
import Evaluation
import Serving
import Wording

/// What commands of a sweep print.
enum SweepLines {
  static func show(_ status: SweepStatus, failed: Bool) {
    print(
      "\(Quantity.grouped(status.finished)) of \(Quantity.grouped(status.tasks)) tasks have finished, "
        + "\(Quantity.grouped(status.failed.count)) failed, \(Quantity.grouped(status.waiting)) wait"
        + (status.isRunning ? "; a run is at work" : ""))
    for path in status.damaged {
      print("\(path) cannot be read: 'nibble sweep resume' makes it again")
    }
    if let queue = status.queue {
      print(
        queue.jobs.isEmpty
          ? "Nothing of it is in Slurm's queue."
          : "In Slurm's queue: \(Quantity.grouped(queue.running)) elements run, "
            + "\(Quantity.grouped(queue.pending)) wait.")
    } else if let problem = status.queueProblem {
      print("What is in Slurm's queue is unknown: \(problem)")
    }
    if let seconds = status.taskSeconds {
      print("What has finished took \(Quantity.seconds(seconds)) of tasks, one after the other.")
    }
    if failed {
      for item in status.failed { for line in lines(item) { print(line) } }
    } else if !status.failed.isEmpty {
      print("'nibble sweep status RUN --failed' lists those that failed.")
    }
  }

  /// A task that failed, with what it said last.
  static func lines(_ item: SweepStatus.Failed) -> [String] {
    let attempts = item.failure.attempts
    return [
      "task \(item.index) (\(item.failure.id)): \(item.words): exit code \(item.failure.code) in "
        + "\(attempts) \(attempts == 1 ? "attempt" : "attempts")"
    ] + item.failure.lines.map { "    " + $0 }
  }

  static func show(_ summary: SweepSummary) {
    let measured = summary.rows.filter { $0.evaluation != nil }
    if !measured.isEmpty {
      Output.table(
        [
          "model", "recipe", "text", "protocol", "perplexity", "KL", "top-1", "weights",
          "KV B/token",
        ],
        measured.compactMap { row in
          row.evaluation.map { report in
            [
              row.model, row.recipe, row.text ?? "", row.protocol ?? "",
              Quantity.fixed(report.perplexity, 4), Quantity.significant(report.kl.mean),
              Quantity.percent(report.topOneAgreement, 1), Quantity.bytes(report.weightBytes),
              "\(report.kvBytesPerToken)",
            ]
          }
        })
    }
    let served = summary.rows.filter { $0.traffic != nil }
    if !served.isEmpty {
      Output.table(
        [
          "model", "recipe", "workload", "first token p99", "per token p99", "tokens/s", "given up",
        ],
        served.compactMap { row in
          row.traffic?.sides.last.map { side in
            [
              row.model, row.recipe, row.workload ?? "",
              Quantity.seconds(side.simulated.firstToken.p99),
              Quantity.seconds(side.simulated.perToken.p99),
              Quantity.significant(side.simulated.tokenRate),
              Quantity.grouped(side.simulated.preemptions),
            ]
          }
        })
    }
    if !summary.isWhole {
      print(
        "Not whole: \(Quantity.grouped(summary.missing.count)) of \(Quantity.grouped(summary.tasks)) tasks have no result."
      )
    }
  }
}

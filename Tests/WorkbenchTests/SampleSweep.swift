import Engine
import Quantization

/// A sweep of six tasks under way: one of them failed, two wait.
enum SampleSweep {
  static func report(_ path: String, finished: Int = 3) -> SweepReport {
    let names = ["fp", "W4A16", "KV8"]
    let rows = (0..<6).map { index -> SweepReport.Row in
      let name = names[index / 2]
      var row = SweepReport.Row(
        index: index, model: "built-in", recipeName: name,
        recipe: RecipeText.scheme(name) ?? .baseline,
        measure: index % 2 == 0 ? "wiki.txt, short" : "chat", isFinished: index < finished)
      if row.isFinished {
        if index % 2 == 0 {
          row.evaluation = SampleRun.evaluation
        } else {
          row.firstToken = 0.25
          row.tokenRate = 1234
        }
      } else if index == 4 {
        row.failure = SweepFailure(
          id: "f1d1", code: 1, attempts: 2, lines: ["Hashing", "wiki.txt holds 6 tokens"])
      }
      return row
    }
    return SweepReport(
      path: path, tasks: 6, finished: finished, failed: rows.count { $0.failure != nil },
      isRunning: true, rows: rows)
  }
}

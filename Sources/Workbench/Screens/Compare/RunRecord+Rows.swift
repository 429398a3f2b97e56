import Engine
import Evaluation
import Models
import Profiling
import Quantization

extension RunRecord {
  /// What the table calls it: its own name, or the recipe.
  var label: String { title.map { "\($0) (\(words))" } ?? words }

  /// Before the id of a row that is a task of a sweep.
  private static let task = "task "

  /// Whether it is no run of the workspace, but a task of the sweep that is open.
  var isTaskRow: Bool { id.hasPrefix(Self.task) }

  /// A row for each task of a sweep whose quality is measured; baselines have their own.
  static func tasks(of sweep: SweepReport?) -> [RunRecord] {
    sweep?.rows.compactMap { row in
      guard let evaluation = row.evaluation, !row.recipe.isBaseline else { return nil }
      var run = RunRecord(
        id: task + "\(row.index)", model: row.model, recipe: row.recipe, evaluation: evaluation)
      if row.recipeName != run.words { run.title = row.recipeName }
      return run
    } ?? []
  }

  /// Before the id of a row that stands for a baseline.
  private static let baseline = "baseline of "

  /// Whether it is no run, but the baseline that runs were held against.
  var isBaselineRow: Bool { id.hasPrefix(Self.baseline) }

  /// A row for each baseline that the runs were held against: by model and by what was measured alike, the newest run's.
  static func baselines(of runs: [RunRecord]) -> [RunRecord] {
    var seen: Set<[String]> = []
    return runs.reversed().compactMap { run in
      guard run.evaluation != nil || run.bench?.baseline != nil,
        seen.insert([run.model, run.conditions?.words ?? ""]).inserted
      else { return nil }
      var row = RunRecord(id: baseline + run.id, model: run.model, recipe: .baseline)
      let words =
        run.bench?.baselineWords ?? BaselineWords(storedAs: run.evaluation?.baseline.storedAs)
      if words.storedAs != nil { row.title = words.short }
      row.evaluation = run.evaluation.map { report in
        var report = report
        report.perplexity = report.baseline.perplexity
        report.perplexityError = report.baseline.perplexityError
        report.kl = DivergenceReport(
          mean: 0, error: 0, median: 0, p90: 0, p95: 0, p99: 0, max: 0)
        report.topOneAgreement = 1
        report.topOneAgreementError = 0
        report.figures = nil
        report.weightBytes = run.quantize?.baselineBytes ?? report.weightBytes
        report.kvBytesPerToken = run.quantize?.baselineKVBytesPerToken ?? report.kvBytesPerToken
        return report
      }
      row.bench = run.bench.flatMap { bench in
        bench.baseline.map { side in
          var own = bench
          own.quantized = side
          return own
        }
      }
      return row
    }
  }
}

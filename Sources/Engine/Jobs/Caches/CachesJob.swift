import Evaluation
import Platform
import Quantization

/// Compares caches: quality at depth token by token, errors by layer and head, recall, first divergence, and bytes.
///
/// The FP16 cache is measured next to them on the same tokens.
package struct CachesJob: Job {
  package var options: CacheOptions

  package init(options: CacheOptions) { self.options = options }

  package static let name = "caches"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Comparing caches" }
  package var words: String { "compare caches" }
  package func news(of report: CacheReport) -> String? { "Compared \(report.rows.count) caches" }

  /// Another cache, measured.
  package struct Part: JobValue {
    package var facts: CacheReport.Facts
    package var row: CacheReport.Row

    package init(facts: CacheReport.Facts, row: CacheReport.Row) {
      self.facts = facts
      self.row = row
    }
  }

  package func fold(_ part: Part, into report: inout CacheReport?) {
    var grown = report ?? CacheReport(facts: part.facts, options: options)
    grown.rows.append(part.row)
    report = grown
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Part>
  ) throws -> CacheReport {
    let start = Machine.seconds()
    let run = try CacheComparisonRun(
      options, laboratory: laboratory, held: try laboratory.openModel(for: "comparing caches"))
    let kept = try reporter.kept(
      of: run.held, in: laboratory, options: options,
      texts: ["text": run.text.windows, "recall": run.documents.map(\.tokens)])
    kept.plan(run.steps)
    return try kept.during {
      var report = CacheReport(facts: run.facts, options: options)
      var scores: DepthMeasure.Outcome?
      do {
        for window in run.text.windows.indices {
          let found = try run.scores(window, kept, reporter.withoutParts)
          scores =
            scores.map { sum in
              var sum = sum
              sum.add(found)
              return sum
            } ?? found
          reporter.log(run.words(of: found, window))
        }
        guard let scores else { return report }
        report.facts.baselinePerplexity = scores.reference.toBaseline?.all.baselinePerplexity.mean
        let maps = try run.maps(kept, reporter.withoutParts)
        for index in run.subjects.indices {
          let row = try run.row(index, scores, maps[index], kept, reporter.withoutParts)
          report.rows.append(row)
          reporter.tell(Part(facts: report.facts, row: row))
        }
      } catch let error as JobControl.Cancelled {
        // What was scored is told of the other caches too.
        if let scores {
          report.facts.windows = scores.reference.toReference.all.count / run.text.tokens
          for index in run.subjects.indices.dropFirst(report.rows.count) {
            reporter.tell(Part(facts: report.facts, row: run.scoredRow(index, scores)))
          }
        }
        throw error
      }
      report.seconds = Machine.seconds() - start
      return report
    }
  }
}

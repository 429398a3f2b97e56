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
    let lab = try CacheComparisonRun(
      options, laboratory: laboratory, held: try laboratory.openModel(for: "comparing caches"))
    let scores = try lab.scores(reporter.withoutParts)
    var report = CacheReport(facts: lab.facts, options: options)
    if let base = scores.reference.toBaseline {
      report.facts.baselinePerplexity = base.all.baselinePerplexity.mean
    }
    let maps = try lab.maps(reporter.withoutParts)
    let sides = [scores.reference] + scores.subjects
    for index in lab.subjects.indices {
      let row = try lab.row(index, sides[index], maps[index], reporter.withoutParts)
      report.rows.append(row)
      reporter.tell(Part(facts: report.facts, row: row))
    }
    report.seconds = Machine.seconds() - start
    return report
  }
}

import DemoModel
package import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

/// Asks the questions of the built-in recall documents.
package struct RecallJob: Job {
  /// Documents at most.
  package var documents: Int

  /// Documents of the smoke test that goes with every measure of a quantized cache.
  package static let smokeDocuments = 4

  package init(documents: Int) { self.documents = documents }

  package static let name = "recall"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Recall at depth" }
  package var words: String { "recall at depth" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> RecallReport {
    let held = try laboratory.openModel(for: "recall")
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let documents = try RecallText.documents(DemoModel(locator: laboratory.locator).recallText)
      .prefix(self.documents)
      .map { try RecallText.tokens(of: $0, tokenizer: tokenizer) }
    let start = Machine.seconds()
    let subject = laboratory.subject(held)
    var report = try RecallMeasure(
      subject: subject,
      baseline: laboratory.baseline(held),
      context: try laboratory.makeContext()
    ).run(
      documents,
      progress: {
        reporter.progress(
          "asking", done: $0, of: documents.count, unit: "documents", since: start)
      }, checkpoint: reporter.checkpoint)
    report.caveat = RecallDocument.caveat(documents, cache: subject.cache)
    return report
  }
}

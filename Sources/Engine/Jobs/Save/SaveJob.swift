import FoundationEssentials
import Models
import Quantization

/// Puts what was measured into the workspace: the run, its receipt, and a page to read.
package struct SaveJob: Job {
  /// What the verdict holds the run against; nil for the usual limits.
  package var limits: DecisionLimits?
  /// As it was typed; nil where nothing was.
  package var command: String?

  package init(limits: DecisionLimits? = nil, command: String? = nil) {
    self.limits = limits
    self.command = command
  }

  package static let name = "save"
  package static let isHeavy = false
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Saving the run" }
  package var words: String { "save the run" }
  package func news(of run: RunRecord) -> String? {
    "Saved as run \(run.id); it is on the Compare screen now"
  }

  /// - Throws: `EngineError.nothingToSave`; what hashing the model or a text throws.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> RunRecord {
    let held = try laboratory.openModel(for: "saving a run")
    var record = try record(held, in: laboratory)
    let receipt = try ReceiptMaker(
      laboratory: laboratory, held: held, log: { reporter.log($0) }
    ).receipt(record, command: command)
    record.date = receipt.date
    let others = laboratory.workspace.runs().runs
    return try laboratory.workspace.save(record, stem: Self.slug(record.words)) { record in
      let page = RunPage(record, receipt: receipt, others: others).page
      return [
        "receipt.json": try ReceiptFile.bytes(receipt),
        "receipt.md": Array(ReceiptPage(receipt).page.markdown.utf8),
        "report.md": Array(page.markdown.utf8), "report.html": Array(page.html.utf8),
      ]
    }
  }

  /// All that is known of the open model as it is now.
  fileprivate func record(
    _ held: Laboratory.OpenModel, in laboratory: Laboratory
  ) throws -> RunRecord {
    let evaluation = laboratory.report(of: EvaluateJob.self)
    let bench = laboratory.report(of: BenchJob.self)
    let workload = laboratory.report(of: WorkloadJob.self)
    let choice = laboratory.report(of: ChooseJob.self)
    let recall = laboratory.report(of: RecallJob.self)
    let tasks = laboratory.report(of: TasksJob.self)
    let quantize = held.quantized?.report ?? laboratory.report(of: LayersJob.self)
    guard held.quantized != nil || evaluation != nil || bench != nil || choice != nil else {
      throw EngineError.nothingToSave
    }
    let chosen = choice.flatMap { choice in choice.winner.map { choice.rows[$0].recipe } }
    var record = RunRecord(
      id: "", model: held.summary.label,
      recipe: held.quantized?.recipe ?? chosen ?? held.transformed, quantize: quantize,
      evaluation: evaluation, bench: bench, workload: workload,
      verdict: held.quantized == nil
        ? nil
        : Verdict.judge(
          plan: laboratory.report(of: PlanJob.self), quantize: quantize, evaluation: evaluation,
          bench: bench, workload: workload, recall: recall, tasks: tasks,
          limits: limits ?? DecisionLimits()),
      file: held.quantized?.file, recall: recall, tasks: tasks)
    record.choice = choice
    return record
  }

  /// Words in letters, digits and hyphens, for the name of a folder.
  static func slug(_ words: String) -> String {
    var text = ""
    for scalar in words.lowercased().unicodeScalars {
      let isWord = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
      if isWord {
        text.unicodeScalars.append(scalar)
      } else if let last = text.last, last != "-" {
        text.append("-")
      }
    }
    while text.last == "-" { text.removeLast() }
    return text.isEmpty ? "baseline" : String(text.prefix(60))
  }
}

extension Laboratory {
  /// The receipt of what was measured since the model was opened.
  ///
  /// - Throws: `EngineError.noModel` or `.nothingToSave`; what hashing the model or a text throws.
  package func receipt() throws -> Receipt {
    let held = try openModel(for: "a receipt")
    return try ReceiptMaker(laboratory: self, held: held).receipt(
      SaveJob().record(held, in: self), command: nil)
  }
}

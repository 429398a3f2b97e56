/// What a report, a part of one, or a job's options can be: written to a session, compared, handed between threads.
package typealias JobValue = Codable & Hashable & Sendable

/// Something the engine is asked to do: its options as stored properties, what it does, what comes of it, and its words.
///
/// A job has a folder of its own, `Jobs/<Name>/` with a type `<Name>Job`, and a line in `Jobs.all`. Session files hold its
/// reports under `name`, so that a name never changes once it was recorded.
package protocol Job: JobValue {
  /// What it yields.
  associatedtype Report: JobValue
  /// What it tells while it runs, beyond how far it has come: a row, a layer, the report so far.
  associatedtype Part: JobValue = Never

  /// The name that sessions know it by: `cache-speed`.
  static var name: String { get }
  /// Whether it takes the machine for itself; others are answered meanwhile.
  static var isHeavy: Bool { get }
  /// What makes an earlier report of it say nothing any more.
  static var staleAfter: Set<Change> { get }
  /// What finishing it changes for the reports of others.
  static var changes: Change? { get }
  /// Whether an earlier report of it is dropped when it begins, since the new one is shown as it grows.
  static var startsOver: Bool { get }
  /// Whether only the job of its kind that was asked for last counts.
  static var onlyNewestCounts: Bool { get }
  /// How many parts are kept while it runs; 0 where they are only folded into the report.
  static var keptParts: Int { get }

  /// What it is called while it runs: `Timing batches`.
  var title: String { get }
  /// What it does, after "could not": `time batches`.
  var words: String { get }
  /// What is said when it has finished; nil where the report is seen at once.
  func news(of report: Report) -> String?

  /// Does it.
  ///
  /// - Throws: what was expected, found and where; `JobControl.Cancelled` at a checkpoint of a cancelled job.
  func run(in laboratory: Laboratory, reporting reporter: JobReporter<Part>) throws -> Report

  /// Takes a part into the report so far.
  func fold(_ part: Part, into report: inout Report?)
}

extension Job {
  package static var isHeavy: Bool { true }
  package static var changes: Change? { nil }
  package static var startsOver: Bool { false }
  package static var onlyNewestCounts: Bool { false }
  package static var keptParts: Int { 0 }

  package func news(of report: Report) -> String? { nil }
  package func fold(_ part: Part, into report: inout Report?) {}
}

extension Job {
  /// What parts add up to; nil where they say nothing of a report.
  package func folded(_ parts: [Part]) -> Report? {
    var report: Report?
    for part in parts { fold(part, into: &report) }
    return report
  }
}

/// What can happen to the open model that makes reports say nothing any more.
package enum Change: Hashable, Sendable, CaseIterable {
  /// Another model was opened.
  case modelOpened
  /// The open model computes with other weights: outliers were planted, its residual stream was rotated.
  case modelChanged
  /// The open model was quantized by a recipe.
  case quantized
}

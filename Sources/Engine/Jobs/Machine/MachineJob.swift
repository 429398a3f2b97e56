package import Operators

/// Measures what this machine can do, or takes it from the cache.
package struct MachineJob: Job {
  /// Whether it is measured whatever is kept.
  package var again: Bool

  package init(again: Bool = false) { self.again = again }

  package static let name = "machine"
  package static let staleAfter: Set<Change> = []

  package var title: String { "Measuring this machine" }
  package var words: String { "measure this machine" }

  package func news(of report: MachinePeaks) -> String? {
    again ? "This machine \(report.words.joined(separator: ", "))" : nil
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> MachinePeaks {
    try again ? laboratory.measureMachine(reporter) : laboratory.machinePeaks(reporter)
  }
}

extension MachineJob {
  private enum CodingKeys: String, CodingKey { case again }

  /// Requests were recorded without options once.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(again: try values.decodeIfPresent(Bool.self, forKey: .again) ?? false)
  }
}

package import Operators

/// Measures what this machine can do, or takes it from the cache.
package struct MachineJob: Job {
  package init() {}

  package static let name = "machine"
  package static let readsWeights = false
  package static let staleAfter: Set<Change> = []

  package var title: String { "Measuring this machine" }
  package var words: String { "measure this machine" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> MachinePeaks {
    try laboratory.machinePeaks(reporter)
  }
}

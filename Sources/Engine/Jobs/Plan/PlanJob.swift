package import Models
import Operators
package import Planning
import Quantization

/// Plans a workload of the open model on this machine, or a described one.
package struct PlanJob: Job {
  package var workload: Workload
  /// A machine of the catalog; nil for this one.
  package var machine: String?

  package init(workload: Workload, machine: String?) {
    self.workload = workload
    self.machine = machine
  }

  package static let name = "plan"
  package static let isHeavy = false
  package static let onlyNewestCounts = true
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String { "Planning" }
  package var words: String { "plan" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> PlanReport {
    let held = try laboratory.openModel(for: "planning")
    let runs = laboratory.workspace.runs().runs
    let measured = MeasuredRuns(
      runs, model: held.summary.label, bytes: held.reference.weightBytes)
    return try report(for: held.summary.shape, measured: measured.methods, in: laboratory, reporter)
  }

  /// Plans for a model that need not be open, by its shape.
  package func report(for shape: ModelShape, in laboratory: Laboratory) throws -> PlanReport {
    try report(for: shape, measured: [], in: laboratory, nil)
  }

  private func report(
    for shape: ModelShape, measured: [MeasuredMethod], in laboratory: Laboratory,
    _ reporter: JobReporter<Never>?
  ) throws -> PlanReport {
    let peaks =
      if let machine, machine != "this" {
        try laboratory.machines.named(machine)
      } else {
        try laboratory.machinePeaks(reporter)
      }
    var methods = PlannedMethods.all
    methods.measured = measured
    return Planner(model: shape, workload: workload, peaks: peaks, methods: methods).plan()
  }
}

extension PlannedMethods {
  /// Every method there is, with what it says of itself.
  package static var all: PlannedMethods {
    func methods(_ target: QuantizationTarget) -> [Method] {
      QuantizationMethods.all.filter { $0.describes.target == target }.map {
        Method(name: $0.describes.name, traits: $0.traits)
      }
    }
    return PlannedMethods(
      weights: methods(.weights), activations: methods(.activations),
      caches: KVCacheMethods.all.map { Cache(name: $0.describes.name, traits: $0.traits) })
  }
}

package import Models
import Operators
package import Planning
import Quantization

extension Laboratory {
  /// Plans a workload of the open model on this machine, or a described one.
  func plan(
    _ workload: Workload, machine: String?, _ reporter: JobReporter
  ) throws -> PlanReport {
    let bench = try bench(for: "planning")
    let report = try plan(bench.summary.shape, workload, machine: machine, reporter)
    update { $0.plan = report }
    return report
  }

  /// Plans a workload of a model that need not be open, by its shape.
  package func plan(
    _ shape: ModelShape, _ workload: Workload, machine: String?
  ) throws -> PlanReport {
    try plan(shape, workload, machine: machine, nil)
  }

  private func plan(
    _ shape: ModelShape, _ workload: Workload, machine: String?, _ reporter: JobReporter?
  ) throws -> PlanReport {
    let peaks =
      if let machine, machine != "this" {
        try machines.named(machine)
      } else {
        try machinePeaks(reporter)
      }
    return Planner(model: shape, workload: workload, peaks: peaks, methods: .all).plan()
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

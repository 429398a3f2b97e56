import Models
import Operators
import Planning
import Quantization

extension Laboratory {
  /// Plans a workload on this machine, or a described one.
  func plan(
    _ workload: Workload, machine: String?, _ reporter: JobReporter
  ) throws -> PlanReport {
    let bench = try bench(for: "planning")
    let peaks =
      if let machine, machine != "this" {
        try Machines.named(machine)
      } else {
        try machinePeaks(reporter)
      }
    let methods = Dictionary(
      uniqueKeysWithValues: QuantizationTarget.allCases.map { target in
        (target, QuantizationMethods.descriptions(for: target).map(\.name))
      })
    let report = Planner(
      model: bench.summary.shape, workload: workload, peaks: peaks, methods: methods
    ).plan()
    update { $0.plan = report }
    return report
  }
}

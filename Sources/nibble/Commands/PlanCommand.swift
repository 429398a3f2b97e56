import ArgumentParser
import Engine
import Models
import Planning
import Platform

/// Memory, bottleneck and advice for a workload.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Say where memory and time go for a workload, and which target to start with.")

  @OptionGroup var model: ModelArgument
  @OptionGroup var workload: WorkloadGroup
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let session = try CommandSession(runtime)
    let summary = try session.load(model.model)
    let wanted = workload.workload(context: summary.shape.context)
    guard
      case .plan(let report) = try session.perform(
        .plan(workload: wanted, machine: workload.machine))
    else { throw CommandFailure(message: "planning gave no report") }
    if output.json { return try Output.json(report) }
    Self.show(report)
  }

  static func show(_ report: PlanReport) {
    let memory = report.memory
    print("\(report.machine): \(report.workload.requests) x \(report.workload.context) tokens")
    func part(_ name: String, _ bytes: Double) {
      print(
        "  \(name)  \(Quantity.bytes(bytes))  \(Quantity.percent(bytes / max(memory.total, 1)))")
    }
    print(
      "Memory of the FP baseline: \(Quantity.bytes(memory.total)) of \(Quantity.bytes(memory.budget))"
    )
    part("weights    ", memory.weights)
    part("KV cache   ", memory.kvCache)
    part("activations", memory.activations)
    print("KV bytes per token: \(report.kvFormula)")
    for (name, phase) in [("prefill", report.prefill), ("decode ", report.decode)] {
      print(
        "\(name) is bound by \(phase.bound.rawValue): arithmetic \(Quantity.seconds(phase.computeSeconds)), "
          + "weights \(Quantity.seconds(phase.weightSeconds)), cache \(Quantity.seconds(phase.cacheSeconds))"
      )
    }
    print("Fits, widest KV cache in bits:")
    let header = ["requests"] + (report.fits.first?.map { "\($0.context)" } ?? [])
    Output.table(
      header,
      report.fits.map { row in
        ["\(row.first?.requests ?? 0)"] + row.map { $0.widestKVBits.map { "\($0)" } ?? "-" }
      })
    for (index, advice) in report.advice.enumerated() {
      print(
        "\(index + 1). \(advice.target.rawValue) (\(advice.methods.joined(separator: ", "))): "
          + advice.reason)
      print("   \(advice.wouldChange)")
    }
  }
}

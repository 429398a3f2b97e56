package import Models
import Operators
import Planning
import Platform
import Profiling
import Quantization
import Serving
import Tensors

/// Requests through continuous batching, full precision next to recipes: simulated, on this machine from steps that were
/// timed, on a described one from its limits; on request run by the real engine too.
package struct TrafficJob: Job {
  package var options: TrafficOptions

  package init(options: TrafficOptions) { self.options = options }

  package static let name = "traffic"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Serving a trace" }
  package var words: String { "serve a trace" }
  package func news(of report: TrafficReport) -> String? {
    "\(report.requests) requests served in \(report.sides.count) forms"
  }

  /// - Throws: `TraceError`, `EngineError.badTraffic`, `.cannotServe`.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> TrafficReport {
    let held = try laboratory.openModel(for: "serving a trace")
    try options.check()
    let shape = held.summary.shape
    guard options.isMeasured else {
      return try described(
        shape, name: held.summary.label, in: laboratory, checkpoint: reporter.checkpoint)
    }
    return try MeasuredTraffic(
      options: options, held: held, laboratory: laboratory, reporter: reporter
    ).run()
  }

  /// Serves a model that need not be open on a described machine.
  ///
  /// - Throws: as `run`.
  package func report(
    for shape: ModelShape, name: String, in laboratory: Laboratory
  ) throws -> TrafficReport {
    try options.check()
    return try described(shape, name: name, in: laboratory, checkpoint: {})
  }

  private func described(
    _ shape: ModelShape, name: String, in laboratory: Laboratory,
    checkpoint: @escaping () throws -> Void
  ) throws -> TrafficReport {
    let peaks = try laboratory.machines.named(options.machine ?? "")
    let forms = try ([.baseline] + options.recipes).map {
      try ServedForm($0, of: shape, on: peaks, pool: laboratory.pool)
    }
    return try DescribedTraffic(
      options: options, shape: shape, name: name, peaks: peaks, checkpoint: checkpoint
    ).run(forms)
  }
}

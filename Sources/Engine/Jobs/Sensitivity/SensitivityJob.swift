import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors

/// KL of each layer alone quantized, as a map.
package struct SensitivityJob: Job {
  /// Windows of the evaluation text at most.
  package var windows: Int

  package init(windows: Int) { self.windows = windows }

  package static let name = "sensitivity"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "KL of each layer alone" }
  package var words: String { "KL of each cell alone" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> ErrorMap {
    let held = try laboratory.openModel(for: "sensitivity")
    guard let quantized = held.quantized, let report = quantized.report,
      var map = report.maps.first, map.target != .kvCache, map.metrics.contains(.relativeError)
    else { throw EngineError.nothingQuantized(job: "the KL of each layer alone") }
    let measure = try LayerwiseDivergence(
      held.model, windows: laboratory.evaluationWindows(held, count: windows),
      context: laboratory.makeContext())
    let start = Machine.seconds()
    let ids = held.model.linears
    for (done, id) in ids.enumerated() {
      try reporter.checkpoint()
      try measure.advance(to: id.block)
      // Where a method moved scales, the other layers of the block are FP between the same scales.
      let block = try quantized.blocks[id.block].floatBlock(original: held.model.block(id.block))
      let alone = try block.replacing([id.projection: quantized.model[id]])
      guard let column = map.columns.firstIndex(of: id.projection.rawValue) else { continue }
      map.cells[id.block][column].values[.aloneKL] =
        try measure.divergence(with: alone).divergence.mean
      reporter.progress(
        "\(id) alone quantized", done: done + 1, of: ids.count, unit: "layers", since: start)
    }
    map.title = "KL with each layer alone quantized: \(quantized.words)"
    map.metrics = [.aloneKL] + map.metrics.filter { $0 != .aloneKL }
    return map
  }
}

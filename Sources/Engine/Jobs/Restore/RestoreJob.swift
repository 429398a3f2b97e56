import Evaluation
import Models
import Operators
import Quantization
import Tensors

/// KL of the quantized model with some cells of an error map put back to FP.
///
/// Cells of keys or values put back that side of the whole cache, since a cache has one format a side.
package struct RestoreJob: Job {
  /// Its index in `QuantizeReport.maps`.
  package var map: Int
  package var cells: [CellAddress]
  /// Windows of the evaluation text at most.
  package var windows: Int

  package init(map: Int, cells: [CellAddress], windows: Int) {
    self.map = map
    self.cells = cells
    self.windows = windows
  }

  package static let name = "restore"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Putting cells back to FP" }
  package var words: String {
    "KL with \(cells.count) cell\(cells.count == 1 ? "" : "s") back in FP"
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> RestoreReport {
    let index = self.map
    let held = try laboratory.openModel(for: "putting cells back")
    guard let quantized = held.quantized, let report = quantized.report,
      report.maps.indices.contains(index)
    else { throw EngineError.nothingQuantized(job: "putting cells back") }
    let map = report.maps[index]
    for cell in cells
    where !map.cells.indices.contains(cell.row)
      || !map.columns.indices.contains(cell.column)
    { throw EngineError.noSuchCell(map: index, row: cell.row, column: cell.column) }
    var model = quantized.model
    var cache = quantized.cache
    if map.target == .kvCache {
      if map.columns.first?.hasPrefix("K") == true { cache.keys = KVFormatPair.fp16.keys }
      if map.columns.first?.hasPrefix("V") == true { cache.values = KVFormatPair.fp16.values }
    } else {
      var originals: [LinearID: Linear] = [:]
      for cell in cells {
        guard let projection = Projection(rawValue: map.columns[cell.column]) else {
          throw EngineError.noSuchCell(map: index, row: cell.row, column: cell.column)
        }
        let id = LinearID(block: cell.row, projection: projection)
        originals[id] = try quantized.blocks[cell.row].floatLayer(
          projection, original: held.model.block(cell.row))
      }
      model = try model.replacing(originals)
    }
    let text = try laboratory.evaluationWindows(held, count: windows)
    let before = try laboratory.statistics(held, quantized.model, quantized.cache, text, reporter)
    let after = try laboratory.statistics(held, model, cache, text, reporter)
    let shape = held.summary.shape
    return RestoreReport(
      cells: cells, klBefore: before.divergence.mean, klAfter: after.divergence.mean,
      extraBytes: map.target == .kvCache
        ? shape.kvBytesPerToken(cache) - shape.kvBytesPerToken(quantized.cache)
        : model.weightBytes - quantized.model.weightBytes)
  }
}

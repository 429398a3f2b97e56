import Operators
import Quantization

/// The details of one cell of an error map.
package struct CellJob: Job {
  /// Its index in `QuantizeReport.maps`.
  package var map: Int
  package var row: Int
  package var column: Int

  package init(map: Int, row: Int, column: Int) {
    self.map = map
    self.row = row
    self.column = column
  }

  package static let name = "cell"
  package static let isHeavy = false
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Looking into a cell" }
  package var words: String { "look into a cell" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> CellDetail {
    let index = self.map
    let held = try laboratory.openModel(for: "looking into a cell")
    guard let quantized = held.quantized, let report = quantized.report,
      report.maps.indices.contains(index)
    else { throw EngineError.nothingQuantized(job: "looking into a cell") }
    let map = report.maps[index]
    guard map.rows.indices.contains(row), map.columns.indices.contains(column) else {
      throw EngineError.noSuchCell(map: index, row: row, column: column)
    }
    return try CellInspector(
      held: held, quantized: quantized, map: map, context: try laboratory.makeContext()
    ).detail(map: index, row: row, column: column)
  }
}

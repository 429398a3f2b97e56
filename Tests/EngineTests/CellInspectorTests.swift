import Engine
import Models
import Quantization
import Tensors
import Testing

/// The details of a cell of layers quantized by each kind of method.
@Suite(.serialized) struct CellInspectorTests {
  private struct Failed: Error { var message: String }

  private func details(_ method: String, _ cells: [(Int, Int)]) throws -> (
    report: QuantizeReport, details: [CellDetail]
  ) {
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let recipe = Recipe(
      weights: MethodChoice(
        method: method, options: ["bits": .integer(4), "group": .integer(128)]))
    let report = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 8, length: 128),
        keeping: .nothing))
    return (
      report,
      try cells.map { row, column in
        let detail = try perform(
          laboratory, CellJob(map: 0, row: row, column: column))
        return detail
      }
    )
  }

  /// Rounding leaves a twelfth of the squared step in every column; its range ends may clip a little more.
  @Test func roundingLeavesWhatRoundingLeaves() throws {
    let (report, details) = try details("rtn", [(3, 6), (0, 0)])
    #expect(report.maps[0].metrics == [.relativeError, .sqnr, .cosine])
    #expect(report.maps[0].cells[0][0].values[.rawLoss] == nil)
    for detail in details {
      let errors = try #require(detail.columnErrors)
      #expect(errors.count == 256)
      let mean = errors.reduce(0, +) / Double(errors.count)
      #expect((0.8...1.2).contains(mean), "\(mean)")
      #expect(detail.curve == nil)
    }
    #expect(details[0].groupScales?.count == 4, "down reads 512 channels in groups of 128")
    #expect(details[1].groupScales?.count == 2)
    let scales = try #require(details[1].groupScales)
    let rows = details[1].scales
    let byGroup = scales.reduce(0, +) / Double(scales.count)
    let byRow = rows.reduce(0, +) / Double(rows.count)
    #expect(abs(byGroup - byRow) < 1e-6 * byRow, "both are means of the same scales")
  }

  @Test func gptqHoldsTheErrorsItPushed() throws {
    let (report, details) = try details("gptq", [(3, 6)])
    #expect(report.maps[0].metrics == [.relativeError, .sqnr, .cosine], "the raw sum is no map")
    #expect((report.maps[0].cells[3][6].values[.rawLoss] ?? 0) > 0)
    let errors = try #require(details[0].columnErrors)
    let mean = errors.reduce(0, +) / Double(errors.count)
    #expect(mean > 1.2, "weights are further from their originals than rounded ones: \(mean)")
    let pushed = try #require(details[0].pushedColumns)
    #expect(
      !pushed.isEmpty && pushed.allSatisfy { $0.ratio >= 2 && (0..<512).contains($0.channel) })
    #expect(pushed.map(\.ratio) == pushed.map(\.ratio).sorted(by: >))
  }
}

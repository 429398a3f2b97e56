import Engine
import Planning
import Quantization
import Testing

/// What caches hold on the built-in model, beside the plan.
@Suite struct CacheMeasurementTests {
  private func measure(_ workload: Workload, _ recipe: Recipe = .baseline) throws
    -> CacheMeasurement
  {
    let laboratory = try Laboratory(threads: 1)
    _ = try perform(laboratory, .load(path: nil))
    guard
      case .cachesMeasured(let report) = try perform(
        laboratory, .measureCaches(workload: workload, recipe: recipe))
    else { throw Ended() }
    return report
  }

  @Test func measuredBytesAreThoseOfThePlan() throws {
    let kv8 = try #require(RecipeText.scheme("KV8"))
    for (share, recipe) in [(0.0, Recipe.baseline), (0.5, .baseline), (0.7, kv8), (1, .baseline)] {
      let report = try measure(Workload(context: 1000, sharedPrefix: share), recipe)
      #expect(report.rows.map(\.sequences) == Array(1...16))
      for row in report.rows {
        #expect(Double(row.held) == row.planned, "\(share), \(row.sequences)")
        // From a few pages of 2 MiB on.
        if row.planned > 40e6 { #expect(row.difference.magnitude < 0.05) }
      }
    }
  }

  @Test func moreThanThereIsIsRefused() throws {
    #expect(throws: Ended.self) { try measure(Workload(context: 1 << 30)) }
  }
}

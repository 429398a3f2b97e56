import Engine
import Planning
import Quantization
import Testing

/// What caches hold on the built-in model, next to the plan.
@Suite struct CacheMeasurementTests {
  private func measure(_ workload: Workload, _ recipe: Recipe = .baseline) throws
    -> CacheMeasurement
  {
    let laboratory = try Laboratory(threads: 1)
    _ = try perform(laboratory, LoadJob(path: nil))
    let report = try perform(
      laboratory, CacheFillingJob(workload: workload, recipe: recipe))
    return report
  }

  @Test func measuredBytesAreThoseOfThePlan() throws {
    let kv8 = try #require(RecipeText.scheme("KV8"))
    for (share, recipe) in [(0.0, Recipe.baseline), (0.5, .baseline), (0.7, kv8), (1, .baseline)] {
      let report = try measure(Workload(context: 1000, sharedPrefix: share), recipe)
      #expect(report.rows.map(\.sequences) == Array(1...16))
      for row in report.rows {
        #expect(Double(row.held) == row.planned, "\(share), \(row.sequences)")
        // Slabs end within a page: one more may be touched, which is less than 5 % from 20 pages on.
        #expect(
          abs(Double(row.resident) - report.pages(row)) <= Double(report.pageBytes),
          "\(share), \(row.sequences)")
        if row.planned > 42e6 { #expect(report.difference(row).magnitude < 0.05) }
      }
    }
  }

  /// From the first sequence to the sixteenth, at the model's own context.
  @Test func residentBytesAreWithinFivePercent() throws {
    let report = try measure(Workload(context: 1024))
    for row in report.rows {
      #expect(abs(Double(row.resident) / row.planned - 1) < 0.05, "\(row.sequences)")
    }
    #expect(report.verdict == "at most 0.0 % from the plan")
    // A shared prefix leaves caches that end within a page.
    let shared = try measure(Workload(context: 1024, sharedPrefix: 0.25))
    #expect(!shared.rows.isEmpty)
    #expect(shared.rows.allSatisfy { shared.difference($0).magnitude < 0.05 })
  }

  @Test func moreThanThereIsIsRefused() throws {
    #expect(throws: Ended.self) { try measure(Workload(context: 1 << 30)) }
  }
}

import Engine
import Platform
import TestSupport
import Testing

@Suite struct AWQConformanceTests {
  @Test(
    .enabled(
      if: SharedMaterial.has("fixtures/manifest.json"),
      "\(SharedMaterial.without("fixtures/manifest.json"))"))
  func theReferencesSearchesAreReproduced() throws {
    let directory = try #require(SharedMaterial.path("fixtures"))
    let report = try Conformance.run(directory: directory, pool: WorkerPool(threads: 2))
    for (id, outputs) in [
      ("awq_linear_w4g128", 9), ("awq_block_mha_w4", 25), ("awq_block_gqa_w3", 22),
    ] {
      let item = try #require(report.cases.first { $0.id == id })
      #expect(item.status == .passed, "\(id): \(item.reason ?? "")")
      #expect(item.checks.count == outputs)
      // The same minimum, not one as good.
      for check in item.checks where check.kind == "argmin" { #expect(check.measured == 0) }
    }
  }
}

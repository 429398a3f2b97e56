package import Platform

/// Runs reference fixtures against this build: the proof that its methods are the published ones.
///
/// A directory holds `manifest.json` and safetensors files of inputs (`in.*`) and expected outputs
/// (`out.*`). The outputs are computed by the same code that quantizes models.
package enum Conformance {
  /// Runs every case of the manifest in `directory`.
  ///
  /// A case that cannot be read fails with the reason; the others still run.
  ///
  /// - Parameter progress: called after each case with the number done, the number in all, and the case.
  /// - Throws: `ConformanceError` when the manifest is missing or wrong.
  package static func run(
    directory: String, pool: WorkerPool = WorkerPool(threads: 1),
    progress: (_ done: Int, _ total: Int, _ case: ConformanceReport.Case) -> Void = { _, _, _ in }
  ) throws -> ConformanceReport {
    let manifest = try ConformanceManifest(directory: directory)
    var cases: [ConformanceReport.Case] = []
    for item in manifest.cases {
      let start = Machine.seconds()
      var result = run(item, directory: directory, pool: pool)
      result.seconds = Machine.seconds() - start
      cases.append(result)
      progress(cases.count, manifest.cases.count, result)
    }
    return ConformanceReport(directory: directory, cases: cases)
  }

  private static func run(
    _ item: ConformanceCase, directory: String, pool: WorkerPool
  ) -> ConformanceReport.Case {
    func result(
      _ status: ConformanceReport.Status, _ reason: String?,
      _ checks: [ConformanceReport.Check] = []
    ) -> ConformanceReport.Case {
      .init(id: item.id, method: item.method, status: status, reason: reason, checks: checks)
    }
    let fixture: ConformanceFixture
    do throws(ConformanceError) {
      fixture = try ConformanceFixture(directory: directory, item)
      try fixture.check(item)
    } catch {
      return result(.failed, "\(error)")
    }
    guard let family = ConformanceFamilies.all.first(where: { $0.claims(item) }) else {
      return result(.unsupported, "this build has no \(item.method) to answer \(item.id)")
    }
    var run = ConformanceRun(item, fixture, pool: pool)
    do {
      try family.run(&run)
    } catch ConformanceError.unsupported(let words) {
      return result(.unsupported, words, run.checks)
    } catch {
      return result(.failed, "\(error)", run.checks)
    }
    let verdict = run.verdict()
    return result(verdict.status, verdict.reason, run.checks)
  }
}

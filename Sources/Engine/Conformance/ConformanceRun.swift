package import Platform

/// One case being run: its fixture, and the checks made so far.
package struct ConformanceRun {
  package let item: ConformanceCase
  package let fixture: ConformanceFixture
  package let pool: WorkerPool
  package private(set) var checks: [ConformanceReport.Check] = []
  /// Why outputs could not be computed by this build.
  package private(set) var gaps: [String] = []

  init(_ item: ConformanceCase, _ fixture: ConformanceFixture, pool: WorkerPool) {
    self.item = item
    self.fixture = fixture
    self.pool = pool
  }

  /// Whether the case lists `output`, without `out.`.
  package func lists(_ output: String) -> Bool { item.tensor("out." + output) != nil }

  /// Compares `found` with the expected output `name`, without `out.`.
  ///
  /// - Parameter losses: the loss at each index, for outputs that are the place of a minimum.
  package mutating func check(
    _ name: String, _ found: [Double], losses: [Double] = []
  ) throws {
    let expected = try fixture.numbers("out." + name)
    guard let tolerance = item.tolerance(name) else {
      checks.append(
        .init(
          tensor: name, kind: "none", measured: 0, allowed: 0, passed: false,
          reason: "the manifest gives no tolerance"))
      return
    }
    checks.append(tolerance.check(name, found: found, expected: expected, losses: losses))
  }

  package mutating func check(_ name: String, _ found: [Float]) throws {
    try check(name, found.map { Double($0) })
  }

  package mutating func check(_ name: String, _ found: [some BinaryInteger]) throws {
    try check(name, found.map { Double($0) })
  }

  /// Says why an output is not computed; the case is then at best unsupported.
  package mutating func skip(_ output: String, because reason: String) {
    gaps.append("\(output): \(reason)")
  }

  /// What the checks come to.
  ///
  /// Passed only when every listed output was checked.
  func verdict() -> (status: ConformanceReport.Status, reason: String?) {
    if let check = checks.first(where: { !$0.passed }) {
      let count = checks.count { !$0.passed }
      let words = check.reason ?? "measured \(check.measured), allowed \(check.allowed)"
      return (.failed, "\(count) of \(checks.count) checks failed, first \(check.tensor): \(words)")
    }
    let checked = Set(checks.map(\.tensor))
    let missing = item.outputs.filter { !checked.contains($0) }
    guard let first = missing.first else { return (.passed, nil) }
    let words = gaps.first ?? "\(first) was not computed"
    return (.unsupported, "\(missing.count) of \(item.outputs.count) outputs not checked; \(words)")
  }
}

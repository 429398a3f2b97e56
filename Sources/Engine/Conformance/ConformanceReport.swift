/// What running the reference fixtures against this build found.
package struct ConformanceReport: Hashable, Sendable, Codable {
  package enum Status: String, Hashable, Sendable, Codable {
    /// Every output tensor of the case was checked and lies within its tolerance.
    case passed
    case failed
    /// This build does not have what the case tests, or not all of it.
    case unsupported
  }

  /// One output tensor of one case.
  package struct Check: Hashable, Sendable, Codable {
    /// The name without `out.`.
    package var tensor: String
    /// The form of the tolerance: `exact`, `allclose`, `int_mismatch`, `rel_fro`, `scalar_rel`, `argmin`.
    package var kind: String
    /// `exact`: entries that differ; `allclose`: the largest difference in units of what is allowed, or the
    /// share of entries outside where a share is allowed; `int_mismatch`: the share of entries that differ;
    /// `rel_fro`, `scalar_rel`, `argmin`: a relative difference.
    package var measured: Double
    package var allowed: Double
    /// The largest difference of integer codes, where it is limited as well.
    package var measuredDifference: Double?
    package var allowedDifference: Double?
    package var passed: Bool
    /// Why nothing could be measured, if so.
    package var reason: String?

    package init(
      tensor: String, kind: String, measured: Double, allowed: Double,
      measuredDifference: Double? = nil, allowedDifference: Double? = nil, passed: Bool,
      reason: String? = nil
    ) {
      self.tensor = tensor
      self.kind = kind
      // JSON has no infinity.
      self.measured = measured.isFinite ? measured : .greatestFiniteMagnitude
      self.allowed = allowed
      self.measuredDifference = measuredDifference.map {
        $0.isFinite ? $0 : .greatestFiniteMagnitude
      }
      self.allowedDifference = allowedDifference
      self.passed = passed
      self.reason = reason
    }
  }

  package struct Case: Hashable, Sendable, Codable {
    package var id: String
    package var method: String
    package var status: Status
    /// Why the case did not pass; nil when it did.
    package var reason: String?
    package var checks: [Check]
    package var seconds: Double

    package init(
      id: String, method: String, status: Status, reason: String? = nil, checks: [Check] = [],
      seconds: Double = 0
    ) {
      self.id = id
      self.method = method
      self.status = status
      self.reason = reason
      self.checks = checks
      self.seconds = seconds
    }
  }

  package var directory: String
  package var cases: [Case]
  package var passed: Int
  package var failed: Int
  package var unsupported: Int

  package init(directory: String, cases: [Case]) {
    self.directory = directory
    self.cases = cases
    func count(_ status: Status) -> Int { cases.count { $0.status == status } }
    passed = count(.passed)
    failed = count(.failed)
    unsupported = count(.unsupported)
  }
}

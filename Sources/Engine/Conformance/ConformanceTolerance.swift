import Platform

/// How far an output may be from the reference.
package enum ConformanceTolerance: Hashable, Sendable {
  /// Equal numbers; zeros of either sign are equal.
  case exact
  /// `|a - b| <= atol + rtol |b|` for all entries but a share of `maxFraction`.
  case allClose(rtol: Double, atol: Double, maxFraction: Double)
  /// At most a share of `maxFraction` of the entries differs, none by more than `maxDifference`.
  case integerMismatch(maxFraction: Double, maxDifference: Double)
  /// `|a - b| / |b| <= value`, Frobenius.
  case relativeFrobenius(value: Double)
  /// `|a - b| <= rtol |b|`.
  case scalarRelative(rtol: Double)
  /// The same index, or one whose loss is within `lossRtol` of the least.
  case argumentOfMinimum(lossRtol: Double)
  /// A form this build does not know.
  case unknown(kind: String)

  init(_ value: JSONValue, item: String, file: String) throws(ConformanceError) {
    guard let object = value.object, let kind = object["kind"]?.string else {
      throw .malformed(
        file: file, item: item, expected: "an object with a kind", found: value.kind)
    }
    func number(_ key: String, standard: Double? = nil) throws(ConformanceError) -> Double {
      if object[key] == nil, let standard { return standard }
      guard let number = object[key]?.double, number >= 0, number.isFinite else {
        throw .malformed(
          file: file, item: "\(item).\(key)", expected: "a number of 0 and more",
          found: object[key]?.kind ?? "none")
      }
      return number
    }
    switch kind {
    case "exact": self = .exact
    case "allclose":
      self = .allClose(
        rtol: try number("rtol"), atol: try number("atol", standard: 0),
        maxFraction: try number("max_frac", standard: 0))
    case "int_mismatch":
      self = .integerMismatch(
        maxFraction: try number("max_frac"), maxDifference: try number("max_abs"))
    case "rel_fro": self = .relativeFrobenius(value: try number("value"))
    case "scalar_rel": self = .scalarRelative(rtol: try number("rtol"))
    case "argmin": self = .argumentOfMinimum(lossRtol: try number("loss_rtol"))
    default: self = .unknown(kind: kind)
    }
  }

  /// The name of the form in the manifest.
  package var kind: String {
    switch self {
    case .exact: "exact"
    case .allClose: "allclose"
    case .integerMismatch: "int_mismatch"
    case .relativeFrobenius: "rel_fro"
    case .scalarRelative: "scalar_rel"
    case .argumentOfMinimum: "argmin"
    case .unknown(let kind): kind
    }
  }

  /// Compares `found` with `expected`, of equal length.
  ///
  /// What is not a number is never right. `losses` are those of each index, for `argmin`.
  package func check(
    _ tensor: String, found: [Double], expected: [Double], losses: [Double] = []
  ) -> ConformanceReport.Check {
    guard found.count == expected.count else {
      return .init(
        tensor: tensor, kind: kind, measured: .infinity, allowed: 0, passed: false,
        reason: "expected \(expected.count) numbers, found \(found.count)")
    }
    func result(_ measured: Double, _ allowed: Double) -> ConformanceReport.Check {
      // Written so that a measure that is not a number does not pass.
      .init(
        tensor: tensor, kind: kind, measured: measured, allowed: allowed,
        passed: measured <= allowed)
    }
    let pairs = zip(found, expected)
    switch self {
    case .exact:
      return result(Double(pairs.count { $0 != $1 }), 0)
    case .allClose(let rtol, let atol, let maxFraction):
      var worst = 0.0
      var outside = 0
      for (a, b) in pairs where a != b {
        let ratio = abs(a - b) / (atol + rtol * abs(b))
        if !(ratio <= 1) { outside += 1 }
        worst = ratio > worst || ratio.isNaN ? (ratio.isNaN ? .infinity : ratio) : worst
      }
      return maxFraction > 0
        ? result(share(outside, found.count), maxFraction) : result(worst, 1)
    case .integerMismatch(let maxFraction, let maxDifference):
      var differing = 0
      var largest = 0.0
      for (a, b) in pairs where a != b {
        differing += 1
        let difference = abs(a - b)
        largest = difference.isNaN ? .infinity : max(largest, difference)
      }
      var check = result(share(differing, found.count), maxFraction)
      check.measuredDifference = largest.isFinite ? largest : .greatestFiniteMagnitude
      check.allowedDifference = maxDifference
      check.passed = check.passed && largest <= maxDifference
      return check
    case .relativeFrobenius(let value):
      let error = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let size = expected.reduce(0) { $0 + $1 * $1 }
      return result(error == 0 ? 0 : (error / size).squareRoot(), value)
    case .scalarRelative(let rtol):
      let worst = pairs.reduce(0.0) { worst, pair in
        let ratio = pair.0 == pair.1 ? 0 : abs(pair.0 - pair.1) / abs(pair.1)
        return ratio > worst || ratio.isNaN ? (ratio.isNaN ? .infinity : ratio) : worst
      }
      return result(worst, rtol)
    case .argumentOfMinimum(let lossRtol):
      return result(excess(found, expected, losses), lossRtol)
    case .unknown(let kind):
      return .init(
        tensor: tensor, kind: kind, measured: 0, allowed: 0, passed: false,
        reason: "this build does not know tolerances of the form '\(kind)'")
    }
  }

  private func share(_ part: Int, _ whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) / Double(whole)
  }

  /// How much larger the loss at the found index is than at the expected one, relative.
  private func excess(_ found: [Double], _ expected: [Double], _ losses: [Double]) -> Double {
    if found == expected { return 0 }
    guard found.count == 1, let mine = Int(exactly: found[0]), losses.indices.contains(mine),
      let theirs = Int(exactly: expected[0]), losses.indices.contains(theirs)
    else { return .infinity }
    return abs(losses[mine] - losses[theirs]) / abs(losses[theirs])
  }
}

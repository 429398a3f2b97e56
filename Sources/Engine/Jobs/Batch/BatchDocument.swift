package import Profiling

/// The JSON document of a batch measurement: the report, what follows from each of its points, the crossovers, and what
/// they say in words.
package struct BatchDocument: Encodable {
  private let report: BatchReport

  package init(_ report: BatchReport) { self.report = report }

  private enum Key: String, CodingKey {
    case points, crossovers, prefillCrossovers, limitCrossovers, bends, words
  }

  private enum PointKey: String, CodingKey {
    case tokensPerSequence, stepSeconds, bytes, intensity, bandwidth, rate, bound, limitShare
    case linearShare, attentionShare, isBest
  }

  /// A point with what is computed from it.
  private struct Point: Encodable {
    let point: BatchReport.Point
    let isBest: Bool

    func encode(to encoder: any Encoder) throws {
      try point.encode(to: encoder)
      var container = encoder.container(keyedBy: PointKey.self)
      try container.encode(point.tokensPerSequence, forKey: .tokensPerSequence)
      try container.encode(point.stepSeconds, forKey: .stepSeconds)
      try container.encode(point.bytes, forKey: .bytes)
      try container.encode(point.intensity, forKey: .intensity)
      try container.encode(point.bandwidth, forKey: .bandwidth)
      try container.encode(point.rate, forKey: .rate)
      try container.encode(point.bound, forKey: .bound)
      try container.encode(point.limitShare, forKey: .limitShare)
      try container.encode(point.linearShare, forKey: .linearShare)
      try container.encode(point.attentionShare, forKey: .attentionShare)
      try container.encode(isBest, forKey: .isBest)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    let measured = report.crossovers()
    try container.encode(
      report.points.map { Point(point: $0, isBest: report.best(batch: $0.batch) == $0.form) },
      forKey: .points)
    try container.encode(measured, forKey: .crossovers)
    try container.encode(report.crossovers(of: .prefill), forKey: .prefillCrossovers)
    try container.encode(
      measured.map { report.limitCrossover($0.first, $0.second) }, forKey: .limitCrossovers)
    try container.encode(
      Dictionary(
        uniqueKeysWithValues: report.forms.compactMap { form in
          report.bend(of: form.name).map { (form.name, $0) }
        }), forKey: .bends)
    try container.encode(report.words, forKey: .words)
  }
}

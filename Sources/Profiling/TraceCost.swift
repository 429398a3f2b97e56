import Operators

/// What writing the kernel trace costs a decoded token, so that nobody has to take it on trust.
package struct TraceCost: Hashable, Sendable, Codable {
  /// Of one record with its two readings of the clock, the mean of a million.
  package var secondsPerRecord: Double
  package var recordsPerToken: Double
  /// Of a decoded token, without the trace.
  package var secondsPerToken: Double

  package init(secondsPerRecord: Double, recordsPerToken: Double, secondsPerToken: Double) {
    self.secondsPerRecord = secondsPerRecord
    self.recordsPerToken = recordsPerToken
    self.secondsPerToken = secondsPerToken
  }

  /// The share of a token's time, 0 to 1.
  package var share: Double {
    secondsPerToken > 0 ? secondsPerRecord * recordsPerToken / secondsPerToken : 0
  }
}

extension TraceCost {
  private enum Key: String, CodingKey {
    case secondsPerRecord, recordsPerToken, secondsPerToken, share
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(secondsPerRecord, forKey: .secondsPerRecord)
    try container.encode(recordsPerToken, forKey: .recordsPerToken)
    try container.encode(secondsPerToken, forKey: .secondsPerToken)
    try container.encode(share, forKey: .share)
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      secondsPerRecord: try container.decode(Double.self, forKey: .secondsPerRecord),
      recordsPerToken: try container.decode(Double.self, forKey: .recordsPerToken),
      secondsPerToken: try container.decode(Double.self, forKey: .secondsPerToken))
  }
}

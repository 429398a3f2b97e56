package import Models

extension PlanReport {
  /// What quantizing one target alone would do.
  package struct Effect: Hashable, Sendable, Codable {
    /// Bytes it frees.
    package var freed: Double
    /// Share of a request's time it saves, 0 to 1.
    package var saved: Double
    /// Share of the bytes a decode step reads that are the target's.
    package var share: Double

    package init(freed: Double, saved: Double, share: Double) {
      self.freed = freed
      self.saved = saved
      self.share = share
    }
  }

  /// One method of the ranking for a target.
  package struct RankedMethod: Hashable, Sendable, Codable {
    /// As recipes name it.
    package var name: String
    /// Why it stands where it does, one clause.
    package var why: String
    /// What would change its place; empty for nothing this plan knows of.
    package var wouldChange: String
    /// Bits of a weight or of a cached value it was thought of with, scales included; nil where it is not about bits.
    package var bits: Double?
    /// Bytes of the target then.
    package var bytes: Double?
    /// Bits of a code, without scales: what the method is asked for; nil in reports that were made without.
    package var codeBits: Double?
    /// Input channels that share a scale, -1 for all of a row; nil where there are no such groups.
    package var group: Int?
    /// The latest tokens of a cache that it keeps in full precision.
    package var keptTokens: Int?

    package init(
      name: String, why: String, wouldChange: String, bits: Double? = nil, bytes: Double? = nil
    ) {
      self.name = name
      self.why = why
      self.wouldChange = wouldChange
      self.bits = bits
      self.bytes = bytes
    }
  }

  /// A target worth quantizing, with the reason in words and numbers.
  package struct Advice: Hashable, Sendable, Codable {
    package var target: QuantizationTarget
    /// Whole sentences; every number in them comes from this report.
    package var reason: String
    /// Methods for it in order, by name.
    package var methods: [String]
    /// What would change the advice.
    package var wouldChange: String
    /// The methods once more, with what put them in this order.
    package var ranking: [RankedMethod] = []
    package var effect: Effect?
    /// The formats the target would first be tried in: `W4 g128`.
    package var setting = ""
    /// Which runtimes execute that setting.
    package var coverage: [RuntimeCoverage] = []

    package init(
      target: QuantizationTarget, reason: String, methods: [String], wouldChange: String
    ) {
      self.target = target
      self.reason = reason
      self.methods = methods
      self.wouldChange = wouldChange
    }

    private enum CodingKeys: String, CodingKey {
      case target, reason, methods, wouldChange, ranking, effect, setting, coverage
    }

    /// Advice in recorded sessions may lack what came later.
    package init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      self.init(
        target: try values.decode(QuantizationTarget.self, forKey: .target),
        reason: try values.decode(String.self, forKey: .reason),
        methods: try values.decode([String].self, forKey: .methods),
        wouldChange: try values.decode(String.self, forKey: .wouldChange))
      ranking = try values.decodeIfPresent([RankedMethod].self, forKey: .ranking) ?? []
      effect = try values.decodeIfPresent(Effect.self, forKey: .effect)
      setting = try values.decodeIfPresent(String.self, forKey: .setting) ?? ""
      coverage = try values.decodeIfPresent([RuntimeCoverage].self, forKey: .coverage) ?? []
    }
  }
}

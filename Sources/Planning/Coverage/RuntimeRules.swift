import Tensors

/// Which serving runtimes execute a recipe natively, which expand it to FP first, which refuse it.
///
/// Data, read from the runtimes' sources and documents at the date of each table; versions move. In a table the first
/// row that matches counts, and a recipe is as well covered as its least covered part. To note what changed in a
/// runtime: its rows and its date, in `Runtimes.swift`.
package enum RuntimeRules {
  /// The coverage of a recipe by every runtime known.
  package static func coverage(_ demand: RuntimeDemand) -> [RuntimeCoverage] {
    runtimes.map { runtime in
      var worst = Finding(.native)
      for finding in runtime.findings(demand) where finding.support.rank > worst.support.rank {
        worst = finding
      }
      return RuntimeCoverage(
        runtime: runtime.name, support: worst.support, constraint: worst.constraint,
        nearest: worst.nearest, asOf: runtime.asOf)
    }
  }

  /// What a runtime makes of one part of a recipe.
  struct Finding: Sendable {
    var support: RuntimeCoverage.Support
    var constraint: String
    var nearest: String
    /// The program, its version and the day on which it ran such a recipe here; nil where nobody has had it run one.
    var confirmed: String?

    init(_ support: RuntimeCoverage.Support, _ constraint: String = "", nearest: String = "") {
      self.support = support
      self.constraint = constraint
      self.nearest = nearest
    }

    /// With `{bits}` and `{group}` replaced.
    func filled(bits: Int, group: Int?) -> Finding {
      func fill(_ text: String) -> String {
        text.replacing("{bits}", with: "\(bits)").replacing("{group}", with: "\(group ?? 0)")
      }
      var filled = Finding(support, fill(constraint), nearest: fill(nearest))
      filled.confirmed = confirmed
      return filled
    }

    /// The same, seen to hold here.
    func confirmed(by words: String) -> Finding {
      var finding = self
      finding.confirmed = words
      return finding
    }
  }

  /// One row on weights; what is nil is not asked about.
  ///
  /// A group of -1 is one scale a channel or tensor.
  struct WeightRow: Sendable {
    var bits: [Int]?
    var groups: [Int]?
    var groupMultiple: Int?
    var zeros: [WeightFormat.ZeroPoint]?
    /// Whether the row speaks of INT8 activations (true) or of FP ones (false).
    var int8: Bool?
    var finding: Finding

    init(
      bits: [Int]? = nil, groups: [Int]? = nil, multiple: Int? = nil,
      zeros: [WeightFormat.ZeroPoint]? = nil, int8: Bool? = nil,
      _ support: RuntimeCoverage.Support, _ constraint: String = "", nearest: String = ""
    ) {
      self.bits = bits
      self.groups = groups
      groupMultiple = multiple
      self.zeros = zeros
      self.int8 = int8
      finding = Finding(support, constraint, nearest: nearest)
    }

    /// The same row, seen to hold here.
    func confirmed(by words: String) -> WeightRow {
      var row = self
      row.finding.confirmed = words
      return row
    }

    func matches(_ format: WeightFormat, group: Int, int8 isInt8: Bool) -> Bool {
      bits?.contains(format.bits) ?? true && groups?.contains(group) ?? true
        && groupMultiple.map { group > 0 && group % $0 == 0 } ?? true
        && zeros?.contains(format.zeroPoint) ?? true && int8.map { $0 == isInt8 } ?? true
    }
  }

  /// One row on the cache.
  struct CacheRow: Sendable {
    var kinds: [CacheDemand.Kind]?
    /// Bits of a code.
    var bits: [Int]?
    var group: Int?
    var finding: Finding

    init(
      _ kinds: [CacheDemand.Kind]? = nil, bits: [Int]? = nil, group: Int? = nil,
      _ support: RuntimeCoverage.Support, _ constraint: String = "", nearest: String = ""
    ) {
      self.kinds = kinds
      self.bits = bits
      self.group = group
      finding = Finding(support, constraint, nearest: nearest)
    }

    func matches(_ cache: CacheDemand) -> Bool {
      kinds?.contains(cache.kind) ?? true && bits?.contains(cache.codeBits) ?? true
        && group.map { $0 == cache.group } ?? true
    }
  }

  /// A runtime and what is known of it.
  struct Runtime: Sendable {
    var name: String
    /// When the rows were last read from its sources and documents.
    var asOf: String
    var weights: [WeightRow]
    /// What zero points between the codes (HQQ along the rows) meet.
    var realZeroPoints: Finding
    var activations: ActivationRules
    var cache: [CacheRow]
    /// Keys and values in different formats; nil where that is no matter.
    var mixedCache: Finding?
    /// Weights in the blocks of a GGUF file.
    var blocks = Finding(.refused, "it reads no GGUF blocks", nearest: "W4 g128")
    /// Where all of this was read.
    var sources: RuntimeSources

    func findings(_ demand: RuntimeDemand) -> [Finding] {
      var found: [Finding] = []
      if case .block? = demand.weights?.code {
        found.append(blocks)
      } else if case .decoded(let form)? = demand.weights?.code {
        found.append(
          Finding(.refused, "what it makes of \(form) is not known here", nearest: "W4 g128"))
      } else if let format = demand.weights, !format.isFloat {
        if !RuntimeRules.isSpecial(demand) { found.append(linear(format, demand.activations)) }
        if format.zeroPoint == .real { found.append(realZeroPoints) }
      }
      if let finding = RuntimeRules.finding(demand.weights, demand.activations, activations) {
        found.append(finding)
      }
      found += [demand.keys, demand.values].compactMap { $0.map(cache) }
      if let mixedCache, demand.keys != demand.values { found.append(mixedCache) }
      return found
    }

    private func linear(_ format: WeightFormat, _ activations: ActivationFormat?) -> Finding {
      var group = -1
      if case .group(let size) = format.granularity { group = size }
      var isInt8 = false
      if case .int8? = activations { isInt8 = true }
      let row = weights.first { $0.matches(format, group: group, int8: isInt8) }
      return row?.finding.filled(bits: format.bits, group: group) ?? Finding(.native)
    }

    private func cache(_ demand: CacheDemand) -> Finding {
      guard demand.kind != .float else { return Finding(.native) }
      let row = cache.first { $0.matches(demand) }
      return row?.finding.filled(bits: demand.codeBits, group: demand.group)
        ?? Finding(.refused, "no kernel known reads such a cache", nearest: "FP16 cache")
    }
  }

  static func wholeZerosOnly(_ nearest: String) -> Finding {
    Finding(.refused, "zero points are whole codes", nearest: nearest)
  }

  static func floatCacheOnly(_ name: String) -> [CacheRow] {
    [CacheRow(nil, .refused, "\(name) keeps the cache in FP", nearest: "FP16 cache")]
  }
}

extension RuntimeCoverage.Support {
  var rank: Int {
    switch self {
    case .native: 0
    case .fallback: 1
    case .refused: 2
    }
  }
}

import Tensors

/// What is known of other runtimes as one table: every rule that coverage is judged by, with where it was read and when.
package enum RuntimeTable {
  /// One rule, in words.
  package struct Row: Hashable, Sendable, Codable {
    package var runtime: String
    /// What it speaks of.
    package var part: RuntimePart
    /// What it holds for, such as `4 bits, groups of 32, 64, 128`.
    package var what: String
    package var support: RuntimeCoverage.Support
    /// The blocking constraint; empty when native.
    package var constraint: String
    /// The nearest setting that is native; empty when none is known.
    package var nearest: String
    /// The file or document, with its version where one is known.
    package var source: String
    package var asOf: String
    /// The program, its version and the day on which it ran such a recipe here; nil where it did not.
    package var confirmed: String?
  }

  /// In the order in which rules are tried: the first that matches counts.
  package static var rows: [Row] { RuntimeRules.runtimes.flatMap(rows) }

  private static func rows(_ runtime: RuntimeRules.Runtime) -> [Row] {
    func row(_ part: RuntimePart, _ what: String, _ finding: RuntimeRules.Finding) -> Row {
      Row(
        runtime: runtime.name, part: part, what: what, support: finding.support,
        constraint: finding.constraint, nearest: finding.nearest,
        source: runtime.sources[part], asOf: runtime.asOf, confirmed: finding.confirmed)
    }
    let activations = runtime.activations
    var rows = runtime.weights.map { row(.weights, words($0), $0.finding) }
    rows.append(row(.weights, "real zero points", runtime.realZeroPoints))
    rows.append(row(.blocks, "weights in GGUF blocks", runtime.blocks))
    rows.append(row(.activations, "FP8 weights and activations", activations.float8))
    rows.append(row(.activations, "LLM.int8()", activations.outliers))
    rows.append(row(.activations, "INT8 about a zero point", activations.asymmetric))
    rows.append(row(.activations, "INT8, one scale a tensor", activations.perTensor))
    rows.append(row(.activations, "INT8, a scale for 32 channels", activations.perBlock))
    rows += runtime.cache.map { row(.cache, words($0), $0.finding) }
    if let mixed = runtime.mixedCache { rows.append(row(.cache, "keys unlike values", mixed)) }
    return rows
  }

  private static func words(_ row: RuntimeRules.WeightRow) -> String {
    var parts: [String] = []
    if let bits = row.bits { parts.append(list(bits) + " bits") }
    if let groups = row.groups {
      let sizes = groups.filter { $0 > 0 }
      if groups.contains(-1) { parts.append("a scale a channel") }
      if !sizes.isEmpty { parts.append("groups of \(list(sizes))") }
    }
    if let multiple = row.groupMultiple { parts.append("groups that \(multiple) divides") }
    if let zeros = row.zeros {
      parts.append("zero points: " + zeros.map(\.rawValue).joined(separator: ", "))
    }
    if let int8 = row.int8 { parts.append(int8 ? "INT8 activations" : "FP activations") }
    return parts.isEmpty ? "all other weights" : parts.joined(separator: "; ")
  }

  private static func words(_ row: RuntimeRules.CacheRow) -> String {
    var parts: [String] = []
    if let kinds = row.kinds { parts.append(kinds.map { "\($0)" }.joined(separator: ", ")) }
    if let bits = row.bits { parts.append(list(bits) + " bits") }
    if let group = row.group { parts.append("groups of \(group)") }
    return parts.isEmpty ? "all other caches" : parts.joined(separator: "; ")
  }

  private static func list(_ numbers: [Int]) -> String {
    numbers.map { "\($0)" }.joined(separator: ", ")
  }
}

/// What a rule on a runtime speaks of.
package enum RuntimePart: String, Hashable, Sendable, Codable, CaseIterable {
  case weights, blocks, activations, cache
}

/// Where the rules on each part of a runtime were read.
struct RuntimeSources: Sendable {
  private let parts: [RuntimePart: String]
  private let standard: String

  init(_ standard: String, _ parts: [RuntimePart: String] = [:]) {
    self.standard = standard
    self.parts = parts
  }

  subscript(part: RuntimePart) -> String { parts[part] ?? standard }
}

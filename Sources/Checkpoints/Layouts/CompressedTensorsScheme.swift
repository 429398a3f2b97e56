import Platform
import Tensors
import Tokenizers

/// What `quantization_config` says of how layers are stored and run (see `CompressedTensors`).
package struct CompressedTensorsScheme: Sendable {
  /// How inputs are coded, all but the scale that lies next to a weight.
  enum Inputs: Hashable, Sendable {
    case int8(Scaling, isSymmetric: Bool)
    case float8(DType, Scaling)
    case outliers(OutlierSplit)
    /// What no kernel does to inputs, in words; they stay as they are.
    case notRun(String)
  }

  enum Scaling: Hashable, Sendable {
    case token
    case tensor
    case fixed
  }

  /// What is said of weights; nil for what is not said.
  struct Weights: Hashable, Sendable {
    var bits: Int?
    var isFloat: Bool?
    var isSymmetric: Bool?
    var strategy: String?
    var group: Int?
    /// Rows and columns of a block.
    var block: [Int]?
  }

  struct Group: Hashable, Sendable {
    /// Under which key of `config_groups` it stands.
    var key: String
    /// Names of layers, patterns of names after `re:`, or `Linear` for all.
    var targets: [String]
    var weights: Weights?
    /// nil for floating-point inputs.
    var inputs: Inputs?
    /// How tensors lie, where the group says so itself.
    var format: String?
  }

  /// The configuration's file, for errors.
  let path: String
  /// How tensors lie in groups that do not say so themselves.
  let format: String?
  /// What the cache is to be coded as, in words.
  let cache: String?
  /// Whether weights are stored as codes; a checkpoint that is still calibrated has them as they were.
  let isCompressed: Bool
  private let groups: [Group]
  /// Patterns with the group that each stands for, in the order in which they are tried.
  private let patterns: [(pattern: NamePattern, group: Int)]
  private let ignored: [String]
  private let ignoredPatterns: [NamePattern]

  /// Reads `quantization_config` of a model's `config.json`; without one no layer is quantized.
  ///
  /// - Throws: `CheckpointError` naming field, expected and found.
  package init(_ config: ConfigFile) throws(CheckpointError) {
    path = config.path
    var groups: [Group] = []
    let own = try config.optionalObject("quantization_config")
    if let own, let members = try own.optionalObject("config_groups") {
      let isExtended = try own.optionalText("quant_method") == CompressedTensors.extensionName
      for member in members.root.members {
        groups.append(try Self.group(members.object(member.name), member.name, isExtended))
      }
    }
    format = try own?.optionalText("format")
    isCompressed = try own?.optionalText("quantization_status") ?? "compressed" == "compressed"
    if let own { cache = try Self.cache(own) } else { cache = nil }
    ignored = try own?.texts("ignore") ?? []
    ignoredPatterns = ignored.compactMap { name in
      var words = ""
      return name.hasPrefix("re:") ? NamePattern(String(name.dropFirst(3)), words: &words) : nil
    }
    self.groups = groups
    patterns = try Self.patterns(of: groups, in: config)
    if let own { try Self.refuseWhatIsNotRead(own) }
  }

  /// As in compressed-tensors: patterns are tried in the order of their texts.
  private static func patterns(
    of groups: [Group], in config: ConfigFile
  ) throws(CheckpointError) -> [(pattern: NamePattern, group: Int)] {
    var patterns: [(pattern: NamePattern, group: Int)] = []
    for (number, group) in groups.enumerated() {
      for target in group.targets where target.hasPrefix("re:") {
        var words = ""
        guard let pattern = NamePattern(String(target.dropFirst(3)), words: &words) else {
          // A single group holds for all layers, whatever its pattern says.
          if groups.count == 1 { continue }
          throw .unsupported(
            file: config.path, item: "quantization_config.config_groups",
            found: "target 're:\(words)'",
            known: "sets, groups, alternatives and repetitions of characters")
        }
        patterns.append((pattern, number))
      }
    }
    return patterns.sorted {
      $0.pattern.text.unicodeScalars.lexicographicallyPrecedes($1.pattern.text.unicodeScalars)
    }
  }

  /// The group of a layer: that which names it, else that of a pattern, else that of all; a single one holds for all
  /// layers.
  func group(of layer: String) -> Group? {
    groups.count == 1 ? groups[0] : matching(layer)
  }

  /// The group whose targets cover a layer.
  private func matching(_ layer: String) -> Group? {
    groups.first { $0.targets.contains(layer) }
      ?? patterns.first { $0.pattern.matches(layer) }.map { groups[$0.group] }
      ?? groups.first { $0.targets.contains("Linear") }
  }

  /// Whether the configuration says that a layer is stored as codes; nil where it cannot be told.
  func covers(_ layer: String) -> Bool? {
    guard !groups.isEmpty else { return nil }
    if ignored.contains(layer) || ignoredPatterns.contains(where: { $0.matches(layer) }) {
      return false
    }
    if matching(layer) != nil { return true }
    // Other classes of layers, and patterns that could not be read, may mean this one.
    let all = groups.flatMap(\.targets)
    let areRead = all.count { $0.hasPrefix("re:") } == patterns.count
    let areNamed = all.allSatisfy { $0 == "Linear" || $0.contains(".") || $0.hasPrefix("re:") }
    return areRead && areNamed ? false : nil
  }

  /// How the tensors of a layer lie, as the configuration says.
  func format(of group: Group?) -> String? {
    group?.format ?? (format == "mixed-precision" ? nil : format)
  }

  /// The names of targets, for errors.
  var targets: String { groups.flatMap(\.targets).prefix(8).joined(separator: ", ") }

  /// What of the inputs is not done, in words, by group.
  var inputsNotRun: [String] {
    groups.compactMap { group in
      guard case .notRun(let words)? = group.inputs else { return nil }
      return words
    }
  }
}

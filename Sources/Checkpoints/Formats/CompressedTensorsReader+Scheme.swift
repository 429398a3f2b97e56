import Platform
package import Tensors
import Tokenizers

/// What `quantization_config` says of how layers are stored and run (see `CompressedTensors`).
package struct CompressedTensorsScheme: Sendable {
  /// How inputs are coded, all but the scale that lies next to a weight.
  enum Inputs: Hashable, Sendable {
    case int8(Scaling, isSymmetric: Bool)
    case float8(DType, Scaling)
    case outliers(OutlierSplit)
  }

  enum Scaling: Hashable, Sendable {
    case token
    case tensor
    case fixed
  }

  struct Group: Hashable, Sendable {
    /// Names of layers, patterns of names after `re:`, or `Linear` for all.
    var targets: [String]
    /// Rows and columns of a block of the weights.
    var block: [Int]?
    /// nil for floating-point inputs.
    var inputs: Inputs?
  }

  private let groups: [Group]
  /// Patterns with the group that each stands for, in the order in which they are tried; none for a single group.
  private let patterns: [(pattern: NamePattern, group: Int)]

  /// Reads `quantization_config` of a model's `config.json`; without one no layer is quantized.
  ///
  /// - Throws: `CheckpointError` naming field, expected and found.
  package init(_ config: ConfigFile) throws(CheckpointError) {
    var groups: [Group] = []
    if let own = try config.optionalObject("quantization_config"),
      let members = try own.optionalObject("config_groups")
    {
      let isExtended = try own.optionalText("quant_method") == CompressedTensors.extensionName
      for member in members.root.members {
        groups.append(try Self.group(members.object(member.name), isExtended))
      }
    }
    self.groups = groups
    patterns = groups.count > 1 ? try Self.patterns(of: groups, in: config) : []
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
    if groups.count == 1 { return groups[0] }
    return groups.first { $0.targets.contains(layer) }
      ?? patterns.first { $0.pattern.matches(layer) }.map { groups[$0.group] }
      ?? groups.first { $0.targets.contains("Linear") }
  }

  private static func group(
    _ group: ConfigFile, _ isExtended: Bool
  ) throws(CheckpointError) -> Group {
    var result = Group(targets: try group.texts("targets"))
    if let weights = try group.optionalObject("weights"),
      try weights.optionalText("strategy") == "block"
    {
      let block = try weights.integers("block_structure", in: 1...65536)
      guard block.count == 2 else {
        throw weights.mismatch(
          "block_structure", "two sizes", weights.root["block_structure"])
      }
      result.block = block
    }
    if let inputs = try group.optionalObject("input_activations") {
      result.inputs = try Self.inputs(inputs, isExtended)
    }
    return result
  }

  private static func inputs(
    _ inputs: ConfigFile, _ isExtended: Bool
  ) throws(CheckpointError) -> Inputs {
    func unsupported(_ found: String, _ known: String) -> CheckpointError {
      .unsupported(file: inputs.path, item: "input_activations", found: found, known: known)
    }
    let bits = try inputs.integer("num_bits", in: 1...64)
    guard bits == 8 else { throw unsupported("\(bits) bits", "activations have 8") }
    let strategy = try inputs.optionalText("strategy") ?? "tensor"
    let isDynamic = try inputs.optionalFlag("dynamic") ?? false
    let scaling: Scaling
    switch (strategy, isDynamic) {
    case ("token", true): scaling = .token
    case ("tensor", true): scaling = .tensor
    case ("tensor", false): scaling = .fixed
    default:
      throw unsupported(
        "a \(isDynamic ? "dynamic" : "static") scale per \(strategy)",
        "scales are dynamic per token or tensor, or static per tensor")
    }
    let isSymmetric = try inputs.optionalFlag("symmetric") ?? true
    switch try inputs.optionalText("type") ?? "int" {
    case "float":
      guard isSymmetric else { throw unsupported("asymmetric floats", "floats are symmetric") }
      let type = isExtended ? try inputs.optionalText("float_type") ?? "e4m3" : "e4m3"
      guard ["e4m3", "e5m2"].contains(type) else {
        throw unsupported("floats of type '\(type)'", "types are e4m3 and e5m2")
      }
      return .float8(type == "e5m2" ? .f8e5m2 : .f8e4m3, scaling)
    case "int":
      guard isExtended, inputs.has("outlier_threshold") else {
        return .int8(scaling, isSymmetric: isSymmetric)
      }
      let threshold = try inputs.number(
        "outlier_threshold", in: Double(Float.leastNormalMagnitude)...1e6)
      let name = try inputs.text("outlier_form")
      guard let form = OutlierSplit.Form(rawValue: name), scaling == .token, isSymmetric else {
        throw unsupported(
          "outliers in form '\(name)'",
          "forms are paper and bitsandbytes, both symmetric and dynamic per token")
      }
      return .outliers(OutlierSplit(threshold: Float(threshold), form: form))
    case let type: throw unsupported("type '\(type)'", "types are int and float")
    }
  }
}

extension CompressedTensorsReader {
  /// What the inputs of a layer, named without `.weight`, are turned into; nil where they stay as they are.
  ///
  /// - Throws: `CheckpointError` for a scale or zero point that is missing or out of bounds.
  package func activation(of layer: String) throws -> ActivationFormat? {
    guard let inputs = scheme?.group(of: layer)?.inputs else { return nil }
    switch inputs {
    case .outliers(let split): return .int8WithOutliers(split)
    case .int8(let scaling, let isSymmetric):
      return .int8(
        scaling: try self.scaling(
          scaling, as: isSymmetric ? .symmetricInt8 : .asymmetricInt8, of: layer),
        isSymmetric: isSymmetric)
    case .float8(let type, let scaling):
      return .fp8(
        type: type, scaling: try self.scaling(scaling, as: .float8(type: type), of: layer))
    }
  }

  private func scaling(
    _ scaling: CompressedTensorsScheme.Scaling, as code: FixedCode, of layer: String
  ) throws -> ActivationScaling {
    switch scaling {
    case .token: return .token
    case .tensor: return .tensor
    case .fixed: break
    }
    let scales = try checkpoint.view(layer + ".input_scale").floats()
    guard scales.count == 1, scales[0] > 0, scales[0].isFinite else {
      throw mismatch(layer + ".input_scale", "one positive scale", "\(scales.prefix(4))")
    }
    var zero = 0
    if code == .asymmetricInt8 {
      let view = try checkpoint.view(layer + ".input_zero_point")
      guard view.dtype == .i8, view.shape.elementCount == 1 else {
        throw mismatch(
          layer + ".input_zero_point", "one I8", "\(view.dtype) of shape \(view.shape)")
      }
      zero = Int(try view.elements(as: Int8.self)[0])
    }
    // The farthest code lies 255 steps from an asymmetric zero point.
    guard (scales[0] * max(255, code.largest)).isFinite else {
      throw mismatch(layer + ".input_scale", "a scale whose codes are finite", "\(scales[0])")
    }
    return .fixed(scale: FixedScale(scale: scales[0], zero: zero))
  }
}

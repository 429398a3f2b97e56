import Platform
package import Tensors

/// How the fields of `quantization_config` are read.
extension CompressedTensorsScheme {
  /// - Throws: `CheckpointError.unsupported` for what would have to be done to a model besides decoding its layers.
  static func refuseWhatIsNotRead(_ own: ConfigFile) throws(CheckpointError) {
    if let transforms = try own.optionalObject("transform_config"),
      let members = transforms.root["config_groups"]?.object?.members, !members.isEmpty
    {
      throw .unsupported(
        file: own.path, item: "quantization_config.transform_config",
        found: "transforms \(members.map(\.name).prefix(4).joined(separator: ", "))",
        known: "known are weights that need none when they run")
    }
    if let sparsity = try own.optionalObject("sparsity_config"),
      let format = try sparsity.optionalText("format"), format != "dense"
    {
      throw .unsupported(
        file: own.path, item: "quantization_config.sparsity_config.format", found: "\"\(format)\"",
        known: "known is dense")
    }
  }

  /// What `kv_cache_scheme` asks for, in words.
  static func cache(_ own: ConfigFile) throws(CheckpointError) -> String? {
    guard let scheme = try own.optionalObject("kv_cache_scheme") else { return nil }
    let bits = try scheme.optionalInteger("num_bits", in: 1...64) ?? 8
    let type = try scheme.optionalText("type") == "float" ? "FP" : "INT"
    return "\(type)\(bits)"
  }

  static func group(
    _ group: ConfigFile, _ key: String, _ isExtended: Bool
  ) throws(CheckpointError) -> Group {
    var result = Group(key: key, targets: try group.texts("targets"))
    if let weights = try group.optionalObject("weights") {
      result.weights = try Self.weights(weights)
    }
    if let inputs = try group.optionalObject("input_activations") {
      result.inputs = try Self.inputs(inputs, isExtended)
    }
    result.format = try group.optionalText("format")
    return result
  }

  private static func weights(_ weights: ConfigFile) throws(CheckpointError) -> Weights {
    var found = Weights()
    found.bits = try weights.optionalInteger("num_bits", in: 1...64)
    if let type = try weights.optionalText("type")?.lowercased() {
      guard ["int", "float"].contains(type) else {
        throw weights.mismatch("type", "int or float", weights.root["type"])
      }
      found.isFloat = type == "float"
    }
    found.isSymmetric = try weights.optionalFlag("symmetric")
    found.strategy = try weights.optionalText("strategy")?.lowercased()
    if let group = try weights.optionalInteger("group_size", in: -1...(1 << 24)), group > 0 {
      found.group = group
    }
    guard found.strategy == "block" else { return found }
    let block = try weights.integers("block_structure", in: 1...65536)
    guard block.count == 2 else {
      throw weights.mismatch("block_structure", "two sizes", weights.root["block_structure"])
    }
    found.block = block
    return found
  }

  private static func inputs(
    _ inputs: ConfigFile, _ isExtended: Bool
  ) throws(CheckpointError) -> Inputs {
    func unsupported(_ found: String, _ known: String) -> CheckpointError {
      .unsupported(file: inputs.path, item: "input_activations", found: found, known: known)
    }
    let bits = try inputs.integer("num_bits", in: 1...64)
    let strategy = try inputs.optionalText("strategy")?.lowercased() ?? "tensor"
    let type = try inputs.optionalText("type")?.lowercased() ?? "int"
    if type == "float", bits == 4 || bits == 8, ["group", "tensor_group"].contains(strategy) {
      let size = try inputs.optionalInteger("group_size", in: 1...65536)
      return .notRun("FP\(bits) in groups of \(size.map(String.init) ?? "unsaid size")")
    }
    guard bits == 8 else { throw unsupported("\(bits) bits", "activations have 8") }
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
    switch type {
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
      return .outliers(try split(inputs, scaling, isSymmetric: isSymmetric))
    default: throw unsupported("type '\(type)'", "types are int and float")
    }
  }

  private static func split(
    _ inputs: ConfigFile, _ scaling: Scaling, isSymmetric: Bool
  ) throws(CheckpointError) -> OutlierSplit {
    let threshold = try inputs.number(
      "outlier_threshold", in: Double(Float.leastNormalMagnitude)...1e6)
    let name = try inputs.text("outlier_form")
    guard let form = OutlierSplit.Form(rawValue: name), scaling == .token, isSymmetric else {
      throw .unsupported(
        file: inputs.path, item: "input_activations", found: "outliers in form '\(name)'",
        known: "forms are paper and bitsandbytes, both symmetric and dynamic per token")
    }
    return OutlierSplit(threshold: Float(threshold), form: form)
  }
}

extension CompressedTensorsReader {
  package func activation(of layer: String) throws -> ActivationFormat? {
    guard let inputs = scheme?.group(of: layer)?.inputs else { return nil }
    switch inputs {
    case .notRun: return nil
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

import Platform
package import Tensors

/// Reads linear layers that were stored in the `compressed-tensors` layout, or in its extensions (see
/// `CompressedTensors`).
package struct CompressedTensorsReader: QuantizedLayout {
  package static let methods = [CompressedTensors.name, CompressedTensors.extensionName]

  package let checkpoint: Checkpoint
  let scheme: CompressedTensorsScheme?
  let file: String

  /// - Parameter scheme: what `config.json` says; without it inputs stay as they are, and weights say all by themselves.
  package init(_ checkpoint: Checkpoint, scheme: CompressedTensorsScheme? = nil) {
    self.checkpoint = checkpoint
    self.scheme = scheme
    file = checkpoint.path
  }

  package init(_ checkpoint: Checkpoint, config: ConfigFile) throws {
    self.init(checkpoint, scheme: try CompressedTensorsScheme(config))
  }

  /// What stands next to a weight and is read with it.
  private static let parts = [
    "scale", "shape", "zero_point", "real_zero_point", "full", "global_scale", "g_idx",
  ]
  /// What is said of inputs.
  private static let inputParts = ["scale", "zero_point", "global_scale"]

  package var names: [String] {
    checkpoint.tensors.map(\.name).compactMap { name in
      if name.hasSuffix(".weight_packed") { return String(name.dropLast("_packed".count)) }
      for part in Self.parts {
        if let weight = name.dropping(suffix: "_" + part), weight.hasSuffix(".weight") {
          return has(weight) ? nil : name
        }
      }
      for part in Self.inputParts {
        if let layer = name.dropping(suffix: ".input_" + part) {
          return has(layer + ".weight") ? nil : name
        }
      }
      return CacheScales.isOne(name) ? nil : name
    }
  }

  package func has(_ name: String) -> Bool {
    checkpoint[name] != nil || checkpoint[name + "_packed"] != nil
  }

  package func weight(
    _ name: String, rows: Int, columns: Int
  ) throws -> (any LinearWeight)? {
    let layer = CompressedTensorsLayer(self, name, rows: rows, columns: columns)
    if let packed = checkpoint[name + "_packed"] {
      return try packed.dtype == .u8 ? layer.float4() : layer.packed()
    }
    switch checkpoint[name]?.dtype {
    case .i8?: return try layer.signed()
    case .f8e4m3?, .f8e5m2?: return try layer.scaledFloat()
    default:
      try layer.refuseCodesThatAreNone()
      return nil
    }
  }

  package func cacheScale(of layer: String) throws -> Float? {
    guard scheme?.cache == "FP8" else { return nil }
    return try CacheScales.scale(checkpoint, of: layer)
  }

  package var notices: [String] {
    var notices = CacheScales.notices(checkpoint, said: scheme?.cache)
    for words in Set(scheme?.inputsNotRun ?? []).sorted() {
      notices.append("Inputs are said to be \(words): no kernel does that, they stay as they are.")
    }
    let unused = checkpoint.tensors.count { tensor in
      guard let layer = tensor.name.dropping(suffix: ".input_scale") else { return false }
      let inputs = scheme?.group(of: layer)?.inputs
      return inputs == nil || inputs?.readsScale == false
    }
    if unused > 0 {
      notices.append(
        "\(unused) layers have an input_scale that their inputs are not said to use: it is not used."
      )
    }
    return notices
  }

  func mismatch(_ item: String, _ expected: String, _ found: String) -> CheckpointError {
    .malformed(file: file, item: "tensor \(item)", expected: expected, found: found)
  }
}

extension CompressedTensorsScheme.Inputs {
  /// Whether a scale in the file is part of it.
  fileprivate var readsScale: Bool {
    switch self {
    case .int8(let scaling, _), .float8(_, let scaling): scaling == .fixed
    case .outliers: false
    case .notRun: true
    }
  }
}

extension String {
  /// The text without `suffix`, nil where it does not end in it.
  fileprivate func dropping(suffix: String) -> String? {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : nil
  }
}

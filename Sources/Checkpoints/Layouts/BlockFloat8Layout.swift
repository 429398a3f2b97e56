import Platform
package import Tensors

/// Checkpoints in 8-bit floats with `quant_method` `fp8`, in blocks as DeepSeek and Qwen publish them, or with one scale a
/// layer; and `fbgemm_fp8`, with one a row.
///
/// `weight` F8_E4M3 `[rows, columns]`. In blocks `weight_scale_inv` `[ceil(rows / height), ceil(columns / width)]`, which
/// multiplies, whatever its name; else `weight_scale` `[]`, `[1]`, `[rows]` or `[rows, 1]`, and `input_scale` where inputs
/// are coded with a scale from calibration.
package struct BlockFloat8Layout: QuantizedLayout {
  package static let methods = ["fp8", "fbgemm_fp8"]

  private let checkpoint: Checkpoint
  private let configPath: String
  /// Rows and columns of a block, where the configuration says them.
  private let block: [Int]?
  private let isStatic: Bool
  private let hasRows: Bool

  package init(_ checkpoint: Checkpoint, config: ConfigFile) throws {
    let own = try config.object("quantization_config")
    if let format = try own.optionalText("fmt"), format.lowercased() != "e4m3" {
      throw CheckpointError.unsupported(
        file: config.path, item: "quantization_config.fmt", found: "\"\(format.prefix(40))\"",
        known: "known is e4m3")
    }
    let sizes = try own.integers("weight_block_size", in: 1...65536)
    guard sizes.isEmpty || sizes.count == 2 else {
      throw own.mismatch("weight_block_size", "two sizes", own.root["weight_block_size"])
    }
    block = sizes.isEmpty ? nil : sizes
    isStatic = try own.optionalText("activation_scheme") == "static"
    hasRows = try own.optionalText("quant_method") == "fbgemm_fp8"
    try checkpoint.requireLayers(of: "fp8", "F8_E4M3 or F8_E5M2", config: config.path) {
      $0.dtype == .f8e4m3 || $0.dtype == .f8e5m2
    }
    self.checkpoint = checkpoint
    configPath = config.path
  }

  package var names: [String] {
    checkpoint.tensors.map(\.name).filter { name in
      for part in [".weight_scale_inv", ".weight_scale", ".input_scale", ".input_scale_ub"]
      where name.hasSuffix(part) {
        return checkpoint[String(name.dropLast(part.count)) + ".weight"] == nil
      }
      return !CacheScales.isOne(name)
    }
  }

  package func has(_ name: String) -> Bool { checkpoint[name] != nil }

  package func weight(
    _ name: String, rows: Int, columns: Int
  ) throws -> (any LinearWeight)? {
    guard let stored = checkpoint[name] else { return nil }
    let blocks = name + "_scale_inv"
    let plain = name + "_scale"
    guard stored.dtype == .f8e4m3 || stored.dtype == .f8e5m2 else {
      // A scale without codes would be lost.
      for scale in [blocks, plain] where checkpoint[scale] != nil {
        throw mismatch(name, "F8_E4M3, next to \(scale)", "\(stored.dtype)")
      }
      return nil
    }
    let isBlocks =
      checkpoint[blocks].map { block != nil || $0.shape.elementCount != 1 } ?? false
    let scaleName = checkpoint[blocks] != nil ? blocks : plain
    let view = try checkpoint.view(scaleName)
    let granularity =
      isBlocks
      ? try self.granularity(view.shape.dimensions, rows, columns, name)
      : try plainGranularity(view.shape.dimensions, rows, scaleName)
    return try StoredFloat8(checkpoint: checkpoint, name: name, scaleName: scaleName).weight(
      rows: rows, columns: columns, scales: view.floats(), granularity)
  }

  private func granularity(
    _ shape: [Int], _ rows: Int, _ columns: Int, _ name: String
  ) throws -> WeightFormat.Granularity {
    guard let block else {
      throw CheckpointError.malformed(
        file: configPath, item: "quantization_config.weight_block_size",
        expected: "two sizes, as \(name)_scale_inv has blocks", found: "none")
    }
    let expected = [(rows + block[0] - 1) / block[0], (columns + block[1] - 1) / block[1]]
    guard shape == expected else {
      throw mismatch(
        name + "_scale_inv", "\(expected) for the weight_block_size \(block) of config.json",
        "\(shape)")
    }
    return .block(rows: block[0], columns: block[1])
  }

  private func plainGranularity(
    _ shape: [Int], _ rows: Int, _ scale: String
  ) throws -> WeightFormat.Granularity {
    if shape == [rows] && rows > 1 || shape == [rows, 1] && rows > 1 { return .channel }
    guard shape.allSatisfy({ $0 == 1 }) else {
      throw mismatch(scale, "one scale, or [\(rows), 1]", "\(shape)")
    }
    return .tensor
  }

  package func activation(of layer: String) throws -> ActivationFormat? {
    guard block == nil, checkpoint[layer + ".weight"]?.dtype == .f8e4m3 else { return nil }
    guard isStatic else { return .fp8(type: .f8e4m3, scaling: hasRows ? .token : .tensor) }
    let scales = try checkpoint.view(layer + ".input_scale").floats()
    guard scales.count == 1, scales[0] > 0, (scales[0] * FloatFormats.largestE4M3).isFinite else {
      throw mismatch(layer + ".input_scale", "one positive scale", "\(scales.prefix(4))")
    }
    return .fp8(
      type: .f8e4m3, scaling: .fixed(scale: FixedScale(scale: scales[0], zero: 0)))
  }

  package var notices: [String] {
    var notices = CacheScales.notices(checkpoint, said: nil)
    if let block {
      notices.append(
        "Inputs are said to be FP8 in groups of \(block[1]): no kernel does that, they stay as they are."
      )
    }
    return notices
  }

  private func mismatch(_ item: String, _ expected: String, _ found: String) -> CheckpointError {
    .malformed(
      file: checkpoint.path, item: "tensor \(item)", expected: expected, found: found)
  }
}

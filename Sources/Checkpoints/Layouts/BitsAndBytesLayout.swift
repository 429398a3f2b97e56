import Platform
package import Tensors

/// Checkpoints of bitsandbytes, `quant_method` `bitsandbytes`: LLM.int8() and 4 bits in NF4 or FP4.
///
/// 8 bits: `weight` I8 `[rows, columns]` with the largest magnitude of each row, `SCB` F32 `[rows]`: `w = SCB / 127 * code`.
/// 4 bits: see `BitsAndBytesFourBits`.
package struct BitsAndBytesLayout: QuantizedLayout {
  package static let methods = ["bitsandbytes"]

  private let checkpoint: Checkpoint
  private let configPath: String
  private let isSaidEight: Bool?
  private let isSaidFour: Bool?
  private let type: String?
  private let threshold: Float

  package init(_ checkpoint: Checkpoint, config: ConfigFile) throws {
    let own = try config.object("quantization_config")
    isSaidEight = try own.optionalFlag("load_in_8bit")
    isSaidFour = try own.optionalFlag("load_in_4bit")
    type = try own.optionalText("bnb_4bit_quant_type")
    threshold = Float(try own.optionalNumber("llm_int8_threshold", in: 0...1e6) ?? 6)
    try checkpoint.requireLayers(
      of: "bitsandbytes", "*.SCB or *.quant_state.*", config: config.path
    ) { $0.name.hasSuffix(".SCB") || $0.name.contains(".quant_state.") }
    self.checkpoint = checkpoint
    configPath = config.path
  }

  package var names: [String] {
    checkpoint.tensors.map(\.name).filter { name in
      for part in [".SCB", ".weight_format"] where name.hasSuffix(part) {
        return checkpoint[String(name.dropLast(part.count)) + ".weight"] == nil
      }
      return !BitsAndBytesFourBits.isPart(name)
    }
  }

  package func has(_ name: String) -> Bool { checkpoint[name] != nil }

  package func weight(
    _ name: String, rows: Int, columns: Int
  ) throws -> (any LinearWeight)? {
    switch checkpoint[name]?.dtype {
    case .i8?:
      if isSaidFour == true { throw contradiction("load_in_4bit", "false", "true", name) }
      return try eightBits(name, rows: rows, columns: columns)
    case .u8?:
      if isSaidEight == true { throw contradiction("load_in_8bit", "false", "true", name) }
      let four = try BitsAndBytesFourBits(checkpoint, name, rows: rows, columns: columns)
      if let type, type.lowercased() != four.type {
        throw contradiction("bnb_4bit_quant_type", four.type, type, name)
      }
      return try four.weight()
    default: return nil
    }
  }

  private func eightBits(_ name: String, rows: Int, columns: Int) throws -> IntegerWeight {
    let view = try checkpoint.view(name, shape: Shape(checking: [rows, columns]))
    let layer = String(name.dropLast(".weight".count))
    if let format = checkpoint[layer + ".weight_format"] {
      // 0 is row by row; the others are orders of a GPU's.
      guard try format.view().bytes.allSatisfy({ $0 == 0 }) else {
        throw CheckpointError.unsupported(
          file: checkpoint.path, item: "tensor \(layer).weight_format",
          found: "an order of a GPU's", known: "known are codes row by row")
      }
    }
    let scales = try checkpoint.view(layer + ".SCB", shape: Shape(checking: [rows])).floats()
    let stored = StoredScales(file: checkpoint.path, tensor: layer + ".SCB")
    try stored.check(scales)
    let format = WeightFormat(code: .integer(bits: 8), granularity: .channel)
    let weight =
      columns % 4 == 0
      ? try IntegerWeight(
        format: format, rows: rows, columns: columns, codes: SharedBytes(view),
        scales: scales.map { $0 / 127 }, isSigned: true)
      : try IntegerWeight(
        format: format, rows: rows, columns: columns, unpacked: view.bytes.map { $0 ^ 0x80 },
        scales: scales.map { $0 / 127 })
    try stored.refuseLost(weight)
    return weight
  }

  package func activation(of layer: String) throws -> ActivationFormat? {
    guard checkpoint[layer + ".SCB"] != nil else { return nil }
    // Without a threshold no column is taken apart.
    guard threshold > 0 else { return .int8PerToken }
    return .int8WithOutliers(OutlierSplit(threshold: threshold, form: .bitsandbytes))
  }

  private func contradiction(
    _ field: String, _ expected: String, _ found: String, _ name: String
  ) -> CheckpointError {
    .malformed(
      file: configPath, item: "quantization_config.\(field)",
      expected: "\(expected), as \(name) is stored", found: found)
  }
}

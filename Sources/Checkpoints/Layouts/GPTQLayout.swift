import Platform
package import Tensors

/// Checkpoints of GPTQ as AutoGPTQ and GPTQModel write them, `quant_method` `gptq`.
///
/// For each layer `qweight` I32 `[columns * bits / 32, rows]`, codes down the columns of the file, least significant bit
/// first; `qzeros` I32 `[groups, rows * bits / 32]`, along the rows; `scales` `[groups, rows]`; `g_idx` I32 `[columns]`, the
/// group of each input channel. `w = scale * (code - zero)`. In the first version of the format (`checkpoint_format` `gptq`,
/// or none) zero points are stored less one and come back with one added, in the bits of a code; `gptq_v2` has them as they
/// are.
package struct GPTQLayout: QuantizedLayout {
  package static let methods = ["gptq"]

  /// What is said of all layers; nil for what is not said, or differs between layers.
  private let bits: Int?
  private let group: Int?
  private let isSymmetric: Bool?
  private let ordersByActivation: Bool?
  private let addsOne: Bool
  private let checkpoint: Checkpoint
  private let configPath: String

  package init(_ checkpoint: Checkpoint, config: ConfigFile) throws {
    let own = try config.object("quantization_config")
    let format = try own.optionalText("checkpoint_format") ?? "gptq"
    guard ["gptq", "gptq_v2"].contains(format) else {
      throw CheckpointError.unsupported(
        file: config.path, item: "quantization_config.checkpoint_format", found: "\"\(format)\"",
        known: "known are gptq and gptq_v2")
    }
    addsOne = format == "gptq"
    // Layers that differ from the others by name are told by their tensors.
    let differ = own.has("dynamic")
    bits = differ ? nil : try own.optionalInteger("bits", in: 1...64)
    group = differ ? nil : try own.optionalInteger("group_size", in: -1...(1 << 24))
    isSymmetric = differ ? nil : try own.optionalFlag("sym")
    ordersByActivation = differ ? nil : try own.optionalFlag("desc_act")
    try checkpoint.requireLayers(of: "gptq", "*.qweight", config: config.path) {
      $0.name.hasSuffix(".qweight")
    }
    self.checkpoint = checkpoint
    configPath = config.path
  }

  package var names: [String] {
    checkpoint.tensors.map(\.name).compactMap { name in
      if name.hasSuffix(".qweight") { return String(name.dropLast("qweight".count)) + "weight" }
      for part in [".qzeros", ".scales", ".g_idx"] where name.hasSuffix(part) {
        return checkpoint[String(name.dropLast(part.count)) + ".qweight"] == nil ? name : nil
      }
      return checkpoint.isBiasOfZeros(name) ? nil : name
    }
  }

  package func has(_ name: String) -> Bool {
    checkpoint[name] != nil || checkpoint[Self.part("qweight", of: name)] != nil
  }

  package func weight(
    _ name: String, rows: Int, columns: Int
  ) throws -> (any LinearWeight)? {
    let part = Self.part("qweight", of: name)
    guard checkpoint[part] != nil else { return nil }
    let shape = try checkpoint.matrix(part)
    guard columns > 0, rows > 0, shape.width == rows,
      let bits = [2, 3, 4, 8].first(where: { shape.lines * 32 == columns * $0 })
    else {
      throw mismatch(
        part, "I32 of [\(columns) * bits / 32, \(rows)] with 2, 3, 4 or 8 bits",
        "\(checkpoint[part]?.dtype.description ?? "") of [\(shape.lines), \(shape.width)]")
    }
    if let said = self.bits, said != bits {
      throw contradiction("bits", "\(bits)", "\(said)", name)
    }
    let groups = try checkpoint.matrix(Self.part("scales", of: name)).lines
    let size = try groupSize(groups: groups, columns: columns, name)
    let stored = try StoredCodes(
      checkpoint, part, lines: shape.lines, width: rows, bits: bits)
    let zeros = try zeros(name, rows: rows, groups: groups, bits: bits)
    let codes = try IntegerWeight(
      format: WeightFormat(
        code: .integer(bits: bits), granularity: groups == 1 ? .channel : .group(size: size),
        isSymmetric: zeros == nil),
      rows: rows, columns: columns,
      unpacked: stored.rowsDown(rows, columns: columns),
      scales: checkpoint.transposedScales(
        Self.part("scales", of: name), groups: groups, rows: rows), zeros: zeros ?? [])
    if let index = try columnGroups(name, columns: columns, groups: groups, size: size) {
      return IndexedCodes(codes: codes, groupOfColumn: index).weight()
    }
    try StoredScales(file: checkpoint.path, tensor: Self.part("scales", of: name))
      .refuseLost(codes)
    return codes
  }

  private func groupSize(groups: Int, columns: Int, _ name: String) throws -> Int {
    guard let group else {
      guard groups > 0, columns % groups == 0 else {
        throw mismatch(
          Self.part("scales", of: name), "a number of groups that divides \(columns)", "\(groups)")
      }
      return columns / groups
    }
    let size = group > 0 ? group : columns
    guard (columns + size - 1) / size == groups else {
      throw contradiction(
        "group_size", "\(groups) groups of \(columns) columns", "\(group)", name)
    }
    return size
  }

  /// Zero points, `[rows, groups]`; nil where all are the middle code.
  private func zeros(_ name: String, rows: Int, groups: Int, bits: Int) throws -> [UInt8]? {
    guard rows * bits % 32 == 0 else {
      throw mismatch(
        Self.part("qzeros", of: name), "rows that fill words of 32 bits",
        "\(rows) rows of \(bits) bits")
    }
    let stored = try StoredCodes(
      checkpoint, Self.part("qzeros", of: name), lines: groups, width: rows * bits / 32, bits: bits)
    let mask = UInt8(truncatingIfNeeded: (1 << bits) - 1)
    let zeros = (0..<rows).flatMap { row in
      (0..<groups).map { (stored.along($0, at: row) &+ (addsOne ? 1 : 0)) & mask }
    }
    let middle = UInt8(1 << (bits - 1))
    if zeros.allSatisfy({ $0 == middle }) { return nil }
    guard isSymmetric != true else {
      let other = zeros.allSatisfy { $0 == zeros[0] } ? " (in the other checkpoint_format?)" : ""
      throw contradiction(
        "sym", "false, with a zero point of \(zeros.first { $0 != middle } ?? 0)\(other)", "true",
        name)
    }
    return zeros
  }

  /// The group of each column where that is not its place by the group's size; nil where it is.
  private func columnGroups(
    _ name: String, columns: Int, groups: Int, size: Int
  ) throws -> [Int]? {
    let part = Self.part("g_idx", of: name)
    guard checkpoint[part] != nil else { return nil }
    let view = try checkpoint.view(part, shape: Shape(checking: [columns]))
    guard view.dtype == .i32 else { throw mismatch(part, "I32", "\(view.dtype)") }
    let index = try view.elements(as: Int32.self).map { Int($0) }
    if let bad = index.first(where: { !(0..<groups).contains($0) }) {
      throw mismatch(part, "groups from 0 to \(groups - 1)", "\(bad)")
    }
    if index.enumerated().allSatisfy({ $1 == $0 / size }) { return nil }
    if ordersByActivation == false {
      throw contradiction(
        "desc_act", "true, with columns in groups of another order", "false", name)
    }
    return index
  }

  private static func part(_ part: String, of name: String) -> String {
    String(name.dropLast("weight".count)) + part
  }

  private func mismatch(_ item: String, _ expected: String, _ found: String) -> CheckpointError {
    .malformed(
      file: checkpoint.path, item: "tensor \(item)", expected: expected, found: found)
  }

  private func contradiction(
    _ field: String, _ expected: String, _ found: String, _ name: String
  ) -> CheckpointError {
    .malformed(
      file: configPath, item: "quantization_config.\(field)",
      expected: "\(expected), as \(Self.part("qweight", of: name)) is stored", found: found)
  }
}

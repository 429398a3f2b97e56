import Platform
package import Tensors

/// Checkpoints of AWQ in the form AutoAWQ calls GEMM, `quant_method` `awq`.
///
/// For each layer `qweight` I32 `[columns, rows / 8]`, 4-bit codes along the rows, eight a word in the order 0, 2, 4, 6, 1, 3,
/// 5, 7; `qzeros` I32 `[groups, rows / 8]` in the same order, as they are; `scales` `[groups, rows]`.
/// `w = scale * (code - zero)`.
package struct AWQLayout: QuantizedLayout {
  package static let methods = ["awq"]

  /// Where in a word the row `8 * word + index` lies.
  private static let places = [0, 4, 1, 5, 2, 6, 3, 7]
  private static let bits = 4

  private let group: Int?
  private let hasZeros: Bool?
  private let checkpoint: Checkpoint
  private let configPath: String

  package init(_ checkpoint: Checkpoint, config: ConfigFile) throws {
    // The first tool has names of its own.
    let own = try config.object("quantization_config")
    func integer(_ names: [String], in range: ClosedRange<Int>) throws -> Int? {
      for name in names {
        if let value = try own.optionalInteger(name, in: range) { return value }
      }
      return nil
    }
    func refuse(_ field: String, _ found: String, _ known: String) -> CheckpointError {
      .unsupported(
        file: config.path, item: "quantization_config.\(field)", found: found, known: known)
    }
    let version = try own.optionalText("version")?.lowercased() ?? "gemm"
    guard version == "gemm" else {
      throw refuse("version", "\"\(version.prefix(40))\"", "known is gemm")
    }
    let bits = try integer(["bits", "w_bit"], in: 1...64) ?? Self.bits
    guard bits == Self.bits else { throw refuse("bits", "\(bits) bits", "codes have 4") }
    group = try integer(["group_size", "q_group_size"], in: -1...(1 << 24))
    hasZeros = try own.optionalFlag("zero_point")
    try checkpoint.requireLayers(of: "awq", "*.qweight", config: config.path) {
      $0.name.hasSuffix(".qweight")
    }
    self.checkpoint = checkpoint
    configPath = config.path
  }

  package var names: [String] {
    checkpoint.tensors.map(\.name).compactMap { name in
      if name.hasSuffix(".qweight") { return String(name.dropLast("qweight".count)) + "weight" }
      for part in [".qzeros", ".scales"] where name.hasSuffix(part) {
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
    guard let tensor = checkpoint[part] else { return nil }
    guard rows > 0, rows % 8 == 0, columns > 0, tensor.dtype == .i32,
      tensor.shape.dimensions == [columns, rows / 8]
    else {
      throw mismatch(
        part, "I32 of [\(columns), \(rows) / 8], as version gemm has it",
        "\(tensor.dtype) of \(tensor.shape)")
    }
    let scalesName = Self.part("scales", of: name)
    let groups = try checkpoint.matrix(scalesName).lines
    let size = try groupSize(groups: groups, columns: columns, name)
    let stored = try StoredCodes(
      checkpoint, part, lines: columns, width: rows / 8, bits: Self.bits)
    let zeros = try zeros(name, rows: rows, groups: groups)
    let weight = try IntegerWeight(
      format: WeightFormat(
        code: .integer(bits: Self.bits),
        granularity: groups == 1 ? .channel : .group(size: size), isSymmetric: zeros == nil),
      rows: rows, columns: columns,
      unpacked: stored.rowsAlong(rows, columns: columns, place: Self.place),
      scales: checkpoint.transposedScales(scalesName, groups: groups, rows: rows),
      zeros: zeros ?? [])
    try StoredScales(file: checkpoint.path, tensor: scalesName).refuseLost(weight)
    return weight
  }

  private func groupSize(groups: Int, columns: Int, _ name: String) throws -> Int {
    let size = group.map { $0 > 0 ? $0 : columns } ?? (columns / max(1, groups))
    guard size > 0, (columns + size - 1) / size == groups else {
      throw CheckpointError.malformed(
        file: configPath, item: "quantization_config.group_size",
        expected:
          "\(groups) groups of \(columns) columns, as \(Self.part("scales", of: name)) has them",
        found: "\(size)")
    }
    return size
  }

  /// Zero points, `[rows, groups]`; nil where there are none, or all are the middle code.
  private func zeros(_ name: String, rows: Int, groups: Int) throws -> [UInt8]? {
    let part = Self.part("qzeros", of: name)
    guard checkpoint[part] != nil else {
      guard hasZeros == false else { throw mismatch(part, "zero points", "none") }
      return nil
    }
    let stored = try StoredCodes(
      checkpoint, part, lines: groups, width: rows / 8, bits: Self.bits)
    let zeros = (0..<rows).flatMap { row in
      (0..<groups).map { stored.along($0, at: Self.place(of: row)) }
    }
    if zeros.allSatisfy({ $0 == 8 }) { return nil }
    if hasZeros == false {
      throw CheckpointError.malformed(
        file: configPath, item: "quantization_config.zero_point",
        expected: "true, as \(part) has zero points", found: "false")
    }
    return zeros
  }

  private static func place(of row: Int) -> Int { row / 8 * 8 + places[row % 8] }

  private static func part(_ part: String, of name: String) -> String {
    String(name.dropLast("weight".count)) + part
  }

  private func mismatch(_ item: String, _ expected: String, _ found: String) -> CheckpointError {
    .malformed(
      file: checkpoint.path, item: "tensor \(item)", expected: expected, found: found)
  }
}

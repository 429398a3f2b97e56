package import Tensors

/// Reads linear layers that were stored in the `compressed-tensors` layout, or in its extensions (see
/// `CompressedTensors`).
package struct CompressedTensorsReader: Sendable {
  package let checkpoint: Checkpoint
  let scheme: CompressedTensorsScheme?
  private let file: String

  /// - Parameter scheme: what `config.json` says; without it inputs stay as they are, and weights say all by themselves.
  package init(_ checkpoint: Checkpoint, scheme: CompressedTensorsScheme? = nil) {
    self.checkpoint = checkpoint
    self.scheme = scheme
    file = checkpoint.path
  }

  /// The names a loader asks for: what a layer is stored as counts as its `.weight`.
  package var names: [String] {
    checkpoint.tensors.map(\.name).compactMap { name in
      if name.hasSuffix(".weight_packed") { return String(name.dropLast("_packed".count)) }
      for suffix in ["scale", "shape", "zero_point", "real_zero_point", "full"]
      where name.hasSuffix(".weight_" + suffix) { return nil }
      for suffix in ["scale", "zero_point"] where name.hasSuffix(".input_" + suffix) { return nil }
      return name
    }
  }

  /// Whether a tensor, or a layer's weight, of this name is there.
  package func has(_ name: String) -> Bool {
    checkpoint[name] != nil || checkpoint[name + "_packed"] != nil
  }

  /// The weight of a layer, nil when it is stored as floating-point numbers; `name` ends in `.weight`.
  ///
  /// - Throws: `CheckpointError` naming tensor, expected and found.
  package func weight(
    _ name: String, rows: Int, columns: Int
  ) throws -> (any LinearWeight)? {
    if checkpoint[name + "_packed"] != nil {
      return try packed(name, rows: rows, columns: columns)
    }
    switch checkpoint[name]?.dtype {
    case .i8?: return try signed(name, rows: rows, columns: columns)
    case .f8e4m3?, .f8e5m2?: return try scaledFloat(name, rows: rows, columns: columns)
    default: return nil
    }
  }

  private func signed(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    let shape = try Shape(checking: [rows, columns])
    let view = try checkpoint.view(name, shape: shape)
    let scales = try scales(name)
    let format = try WeightFormat(
      code: .integer(bits: 8), granularity: granularity(scales.shape, rows, columns, name))
    // Signed bytes stay where they lie, unless rows do not end at a word.
    let codes =
      columns % 4 == 0
      ? try IntegerWeight(
        format: format, rows: rows, columns: columns, codes: SharedBytes(view),
        scales: scales.values, isSigned: true)
      : try IntegerWeight(
        format: format, rows: rows, columns: columns, unpacked: view.bytes.map { $0 ^ 0x80 },
        scales: scales.values)
    let layer = String(name.dropLast(".weight".count))
    guard case .outliers(let split)? = scheme?.group(of: layer)?.inputs, split.form == .paper
    else { return codes }
    guard let full = checkpoint[name + "_full"] else {
      throw mismatch(name + "_full", "the weights that outliers meet", "none")
    }
    guard [.f32, .f16, .bf16].contains(full.dtype) else {
      throw mismatch(name + "_full", "F32, F16 or BF16", "\(full.dtype)")
    }
    let dense = try DenseWeight(checkpoint.view(name + "_full", shape: shape))
    return try SplitWeight(codes: codes, full: dense)
  }

  private func scaledFloat(_ name: String, rows: Int, columns: Int) throws -> ScaledFloatWeight {
    let view = try checkpoint.view(name, shape: Shape(checking: [rows, columns]))
    let scales = try scales(name)
    let layer = String(name.dropLast(".weight".count))
    var found: WeightFormat.Granularity
    if let block = scheme?.group(of: layer)?.block {
      found = .block(rows: block[0], columns: block[1])
      let expected = [(rows + block[0] - 1) / block[0], (columns + block[1] - 1) / block[1]]
      guard scales.shape == expected else {
        throw mismatch(name + "_scale", "\(expected) for blocks of \(block)", "\(scales.shape)")
      }
    } else {
      found = try granularity(scales.shape, rows, columns, name)
      if case .group = found {
        throw mismatch(
          name + "_scale", "[1] or [\(rows), 1], or block_structure", "\(scales.shape)")
      }
    }
    let largest =
      view.dtype == .f8e5m2 ? FloatFormats.largestE5M2 : FloatFormats.largestE4M3
    if let bad = scales.values.first(where: { !($0 * largest).isFinite }) {
      throw mismatch(name + "_scale", "scales whose weights are finite", "\(bad)")
    }
    // The codes of infinities and what is no number: all ones, for E5M2 in the exponent alone.
    let mask: UInt8 = view.dtype == .f8e5m2 ? 0x7c : 0x7f
    if let place = view.bytes.firstIndex(where: { $0 & mask == mask }) {
      throw mismatch(
        name, "finite numbers", "code \(view.bytes[place]) at row \(place / max(1, columns))")
    }
    return try ScaledFloatWeight(
      format: WeightFormat(code: .scaledFloat(type: view.dtype), granularity: found), rows: rows,
      columns: columns, codes: SharedBytes(view), scales: scales.values)
  }

  private func packed(_ name: String, rows: Int, columns: Int) throws -> IntegerWeight {
    let shape = try checkpoint.view(name + "_shape", shape: Shape(checking: [2]))
      .elements(as: Int64.self)
    guard shape == [Int64(rows), Int64(columns)] else {
      throw mismatch(name + "_shape", "[\(rows), \(columns)]", "\(shape)")
    }
    let codes = try checkpoint.view(name + "_packed")
    guard codes.dtype == .i32, codes.shape.dimensions.count == 2,
      codes.shape.dimensions[0] == rows
    else { throw mismatch(name + "_packed", "I32 of \(rows) rows", "\(codes.shape)") }
    let words = codes.shape.dimensions[1]
    guard let bits = (2...8).first(where: { (columns * $0 + 31) / 32 == words }) else {
      throw mismatch(
        name + "_packed", "a row of 2 to 8 bits for each of \(columns) columns", "\(words) words")
    }
    let scales = try scales(name)
    let granularity = try granularity(scales.shape, rows, columns, name)
    let zeroPoint: WeightFormat.ZeroPoint =
      checkpoint[name + "_real_zero_point"] != nil
      ? .real : checkpoint[name + "_zero_point"] != nil ? .integer : .fixed
    return try IntegerWeight(
      format: WeightFormat(
        code: .integer(bits: bits), granularity: granularity, zeroPoint: zeroPoint),
      rows: rows, columns: columns, codes: SharedBytes(codes), scales: scales.values,
      zeros: zeroPoint != .integer
        ? []
        : unpackZeros(
          name, rows: granularity == .tensor ? 1 : rows, bits: bits,
          columns: scales.values.count / (granularity == .tensor ? 1 : rows)),
      realZeros: zeroPoint != .real ? [] : realZeros(name, shape: scales.shape))
  }

  private func realZeros(_ name: String, shape: [Int]) throws -> [Float] {
    guard checkpoint[name + "_zero_point"] == nil else {
      throw mismatch(name + "_zero_point", "whole or real zero points", "both")
    }
    let zeros = try checkpoint.view(
      name + "_real_zero_point", shape: Shape(checking: shape)
    ).floats()
    let limit = IntegerWeight.largestRealZero
    if let bad = zeros.first(where: { !($0.magnitude <= limit) }) {
      throw mismatch(name + "_real_zero_point", "zero points of at most \(limit)", "\(bad)")
    }
    return zeros
  }

  private func scales(_ name: String) throws -> (values: [Float], shape: [Int]) {
    let view = try checkpoint.view(name + "_scale")
    let values = try view.floats()
    if let bad = values.first(where: { !$0.isFinite || $0 <= 0 }) {
      throw mismatch(name + "_scale", "positive scales", "\(bad)")
    }
    return (values, view.shape.dimensions)
  }

  private func granularity(
    _ shape: [Int], _ rows: Int, _ columns: Int, _ name: String
  ) throws -> WeightFormat.Granularity {
    if shape == [1] || shape == [] { return .tensor }
    guard shape.count == 2, shape[0] == rows, shape[1] >= 1, shape[1] <= columns else {
      throw mismatch(name + "_scale", "[\(rows), groups] or [1]", "\(shape)")
    }
    if shape[1] == 1 { return .channel }
    guard columns % shape[1] == 0 else {
      throw mismatch(
        name + "_scale", "a number of groups that divides \(columns)", "\(shape[1])")
    }
    return .group(size: columns / shape[1])
  }

  private func unpackZeros(
    _ name: String, rows: Int, bits: Int, columns: Int
  ) throws -> [UInt8] {
    let words = (rows * bits + 31) / 32
    let packed = try checkpoint.view(
      name + "_zero_point", shape: Shape(checking: [words, columns])
    ).elements(as: Int32.self).map { UInt32(bitPattern: $0) }
    var zeros = [UInt8](repeating: 0, count: rows * columns)
    let mask = UInt64(1 << bits) - 1
    for row in 0..<rows {
      let word = row * bits / 32
      for column in 0..<columns {
        let low = UInt64(packed[word * columns + column])
        let high = word + 1 < words ? UInt64(packed[(word + 1) * columns + column]) : 0
        zeros[row * columns + column] = UInt8(
          truncatingIfNeeded: (low | high << 32) >> UInt64(row * bits % 32) & mask)
      }
    }
    return zeros
  }

  func mismatch(_ item: String, _ expected: String, _ found: String) -> CheckpointError {
    .malformed(file: file, item: "tensor \(item)", expected: expected, found: found)
  }
}

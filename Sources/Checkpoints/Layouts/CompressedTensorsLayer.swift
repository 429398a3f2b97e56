import Platform
import Tensors

/// One layer of a checkpoint in the `compressed-tensors` layout, on its way to a weight.
struct CompressedTensorsLayer {
  let reader: CompressedTensorsReader
  /// The name of its weight, which ends in `.weight`.
  let name: String
  let rows: Int
  let columns: Int

  init(_ reader: CompressedTensorsReader, _ name: String, rows: Int, columns: Int) {
    self.reader = reader
    self.name = name
    self.rows = rows
    self.columns = columns
  }

  var checkpoint: Checkpoint { reader.checkpoint }
  var layer: String { String(name.dropLast(".weight".count)) }
  var group: CompressedTensorsScheme.Group? { reader.scheme?.group(of: layer) }
  /// What the configuration says of the weight.
  var said: CompressedTensorsScheme.Weights { group?.weights ?? .init() }

  // MARK: What the configuration says

  /// The error of a field that says something else than the tensors.
  func contradiction(_ field: String, _ expected: String, _ found: String) -> CheckpointError {
    .malformed(
      file: reader.scheme?.path ?? reader.file,
      item: "quantization_config.config_groups.\(group?.key ?? "").\(field)",
      expected: "\(expected), as \(layer) is stored", found: found)
  }

  /// Refuses a configuration by which the layer would lie otherwise.
  ///
  /// - Parameters:
  ///   - formats: the names of the form it lies in.
  ///   - bits: bits of a code.
  func check(formats: [String], bits: Int, isFloat: Bool) throws(CheckpointError) {
    guard let scheme = reader.scheme else { return }
    if scheme.covers(layer) == false {
      throw .malformed(
        file: scheme.path, item: "quantization_config",
        expected: "a target for \(layer), which is stored quantized",
        found: "it ignored, or targets [\(scheme.targets)]")
    }
    if let format = scheme.format(of: group), !formats.contains(format) {
      throw contradiction("format", formats[0], format)
    }
    if let found = said.isFloat, found != isFloat {
      throw contradiction("weights.type", isFloat ? "float" : "int", found ? "float" : "int")
    }
    if let found = said.bits, found != bits {
      throw contradiction("weights.num_bits", "\(bits)", "\(found)")
    }
  }

  /// Refuses a configuration that says codes where there are none, and codes that would be rounded when they run.
  func refuseCodesThatAreNone() throws(CheckpointError) {
    guard let stored = checkpoint[name], let scheme = reader.scheme else { return }
    if checkpoint[name + "_scale"] != nil {
      throw .unsupported(
        file: scheme.path, item: "quantization_config.quantization_status",
        found: "\(name) in \(stored.dtype) next to its scale",
        known: "known are weights that are stored as codes")
    }
    let isTable = ["lm_head", "embed_tokens", "embed_positions", "wte", "wpe"]
      .contains { layer.hasSuffix($0) }
    guard scheme.isCompressed, !isTable, scheme.covers(layer) == true, group?.weights != nil else {
      return
    }
    throw contradiction("weights", "none", "\(said.bits.map { "\($0) bits" } ?? "codes")")
  }

  // MARK: Scales

  /// - Throws: `CheckpointError` for scales that are none.
  func scales() throws -> (values: [Float], shape: [Int]) {
    let view = try checkpoint.view(name + "_scale")
    let values =
      view.dtype == .u8
      ? view.bytes.map { FloatFormats.float(e8m0: $0) } : try view.floats()
    try StoredScales(file: reader.file, tensor: name + "_scale").check(values)
    return (values, view.shape.dimensions)
  }

  /// How many weights share one of the scales of a shape.
  func granularity(_ shape: [Int]) throws -> WeightFormat.Granularity {
    let found = try granularityOfShape(shape)
    let words =
      switch found {
      case .tensor: ["tensor"]
      case .channel: rows == 1 ? ["channel", "tensor", "group"] : ["channel", "group"]
      case .group: ["group", "tensor_group"]
      case .block: ["block"]
      }
    if let strategy = said.strategy, !words.contains(strategy) {
      throw contradiction("weights.strategy", words[0], strategy)
    }
    return found
  }

  private func granularityOfShape(_ shape: [Int]) throws -> WeightFormat.Granularity {
    if let block = said.block {
      let expected = [(rows + block[0] - 1) / block[0], (columns + block[1] - 1) / block[1]]
      guard shape == expected else {
        throw reader.mismatch(name + "_scale", "\(expected) for blocks of \(block)", "\(shape)")
      }
      return .block(rows: block[0], columns: block[1])
    }
    if shape.allSatisfy({ $0 == 1 }), rows > 1 || shape.count < 2 { return .tensor }
    if shape == [rows] { return .channel }
    guard shape.count == 2, shape[0] == rows, shape[1] >= 1, shape[1] <= columns else {
      throw reader.mismatch(
        name + "_scale", "[\(rows), groups] or [1], or block_structure", "\(shape)")
    }
    let groups = shape[1]
    if let size = said.group {
      guard (columns + size - 1) / size == groups else {
        throw contradiction(
          "weights.group_size", "\(groups) groups of \(columns) columns",
          "groups of \(size)")
      }
      return groups == 1 ? .channel : .group(size: size)
    }
    if groups == 1 { return .channel }
    guard columns % groups == 0 else {
      throw reader.mismatch(
        name + "_scale", "a number of groups that divides \(columns)", "\(groups)")
    }
    return .group(size: columns / groups)
  }

  // MARK: Zero points

  /// The zero points as unsigned codes, one a scale; nil where all codes are about the middle.
  ///
  /// They lie packed as the codes do, down the rows, or one a byte, about 0.
  func zeros(_ shape: [Int], bits: Int) throws -> [UInt8]? {
    guard let stored = checkpoint[name + "_zero_point"] else {
      if said.isSymmetric == false, checkpoint[name + "_real_zero_point"] == nil {
        throw contradiction("weights.symmetric", "true, without zero points", "false")
      }
      return nil
    }
    let middle = 1 << (bits - 1)
    let count = shape.reduce(1, *)
    let zeros: [UInt8]
    if stored.dtype == .i32 {
      zeros = try packedZeros(rows: shape.count > 1 ? shape[0] : 1, columns: shape.last ?? 1, bits)
    } else {
      guard stored.dtype == .i8, stored.shape.elementCount == count else {
        throw reader.mismatch(
          name + "_zero_point", "I8 of shape \(shape), or I32 packed",
          "\(stored.dtype) of shape \(stored.shape)")
      }
      let values = try stored.view().elements(as: Int8.self)
      if let bad = values.first(where: { !(-middle..<middle).contains(Int($0)) }) {
        throw reader.mismatch(
          name + "_zero_point", "zero points from \(-middle) to \(middle - 1)", "\(bad)")
      }
      zeros = values.map { UInt8(Int($0) + middle) }
    }
    // Some writers keep the zero points of symmetric weights, all of them 0.
    if zeros.allSatisfy({ Int($0) == middle }) { return said.isSymmetric == false ? zeros : nil }
    if said.isSymmetric == true {
      throw contradiction("weights.symmetric", "false, with zero points that are not 0", "true")
    }
    return zeros
  }

  private func packedZeros(rows: Int, columns: Int, _ bits: Int) throws -> [UInt8] {
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
}

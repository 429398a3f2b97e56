package import Platform
package import Tensors

/// The `compressed-tensors` layout of vLLM and llm-compressor: `pack-quantized` for weight-only integers,
/// `int-quantized` for INT8 weights with INT8 activations.
///
/// `pack-quantized`: `weight_packed` I32 `[rows, ceil(columns * bits / 32)]`, unsigned codes as a dense
/// little-endian stream; `weight_scale` `[rows, groups]`; `weight_shape` I64 `[2]`; asymmetric:
/// `weight_zero_point` I32, packed down the rows. `int-quantized`: `weight` I8, `weight_scale` `[rows, 1]`.
///
/// Real zero points (HQQ) are not in that layout. They are written as an extension that other readers refuse by
/// its name instead of misreading it: `quant_method` is `extensionName`, `format` `pack-quantized-real-zeros`, and
/// such a layer has `weight_real_zero_point` `[rows, groups]`, F16 from HQQ, where `weight_zero_point` would be.
package enum CompressedTensors: ExportFormat {
  package static let name = "compressed-tensors"
  package static let summary =
    "safetensors in the layout of vLLM and llm-compressor; with real zero points (HQQ) Nibble's own"
  /// `quant_method` of an artifact with real zero points.
  package static let extensionName = "nibble-compressed-tensors"

  /// Whether a checkpoint with this `quant_method` is opened by `CompressedTensorsReader`.
  package static func reads(quantMethod: String?) -> Bool {
    quantMethod == name || quantMethod == extensionName
  }

  /// One layer in the way it will be written.
  private struct Plan {
    var layer: Artifact.Layer
    var weight: IntegerWeight?
    var isInt8: Bool
    var scaleType: DType
    var hasRealZeros: Bool { weight?.format.zeroPoint == .real }
    var zeroType: DType { weight.map { CompressedTensors.smallestType(of: $0.realZeros) } ?? .f16 }
  }

  package static func write(_ artifact: Artifact, into directory: WholeDirectory) throws {
    let plans = try artifact.layers.map { try plan($0, path: directory.path) }
    var entries: [SafetensorsWriter.Entry] = []
    for plan in plans { entries += try Self.entries(plan) }
    for (name, view) in artifact.others {
      entries.append(.init(name: name, dtype: view.dtype, shape: view.shape))
    }
    let writer = try SafetensorsWriter(
      path: directory.path(of: Checkpoint.singleFileName), entries: entries,
      metadata: ["format": "pt"])
    for plan in plans { try Self.write(plan, to: writer) }
    for (name, view) in artifact.others { try writer.write(name, view.bytes) }
    try writer.commit()

    var config = artifact.config
    config.set("quantization_config", .object(try quantizationConfig(plans)))
    config.set("nibble", .object(artifact.notes))
    try WholeFile.write(
      JSONValue.object(config).text(indent: 2) + "\n", to: directory.path(of: "config.json"))
    for path in artifact.companions {
      let file = try MappedFile(path: path)
      let name = path.split(separator: "/").last.map(String.init) ?? "file"
      try WholeFile.write(
        file.read(at: 0, count: file.byteCount), to: directory.path(of: name))
    }
  }

  private static func plan(_ layer: Artifact.Layer, path: String) throws -> Plan {
    guard let weight = layer.weight as? IntegerWeight else {
      guard layer.weight is DenseWeight else {
        throw CheckpointError.unsupported(
          file: path, item: layer.name, found: "\(layer.weight.format)",
          known: "integer or floating-point weights")
      }
      return Plan(layer: layer, weight: nil, isInt8: false, scaleType: .bf16)
    }
    let isInt8 =
      layer.activation == .int8PerToken && weight.format.bits == 8 && weight.format.isSymmetric
      && weight.groups == 1
    return Plan(
      layer: layer, weight: weight, isInt8: isInt8,
      scaleType: isInt8 ? .f32 : smallestType(of: weight.scales))
  }

  /// FP16 where it holds every number exactly, else BF16, else F32: what is read back is what was measured.
  private static func smallestType(of values: [Float]) -> DType {
    if values.allSatisfy({ FloatFormats.float(f16: FloatFormats.f16($0)) == $0 }) { return .f16 }
    if values.allSatisfy({ FloatFormats.float(bf16: FloatFormats.bf16($0)) == $0 }) { return .bf16 }
    return .f32
  }

  private static func scaleShape(_ weight: IntegerWeight) throws -> Shape {
    try Shape(
      checking: weight.format.granularity == .tensor ? [1] : [weight.rows, weight.groups])
  }

  private static func entries(_ plan: Plan) throws -> [SafetensorsWriter.Entry] {
    let name = plan.layer.name
    guard let weight = plan.weight else {
      guard let dense = plan.layer.weight as? DenseWeight else { return [] }
      return [.init(name: name + ".weight", dtype: dense.view.dtype, shape: dense.view.shape)]
    }
    let scale = SafetensorsWriter.Entry(
      name: name + ".weight_scale", dtype: plan.scaleType, shape: try scaleShape(weight))
    if plan.isInt8 {
      let shape = try Shape(checking: [weight.rows, weight.columns])
      return [.init(name: name + ".weight", dtype: .i8, shape: shape), scale]
    }
    var entries = [
      SafetensorsWriter.Entry(
        name: name + ".weight_packed", dtype: .i32,
        shape: try Shape(checking: [weight.rows, weight.rowBytes / 4])),
      .init(name: name + ".weight_shape", dtype: .i64, shape: try Shape(checking: [2])),
      scale,
    ]
    switch weight.format.zeroPoint {
    case .fixed: break
    case .integer:
      let packed = packedZeros(weight)
      let columns = weight.format.granularity == .tensor ? 1 : weight.groups
      entries.append(
        .init(
          name: name + ".weight_zero_point", dtype: .i32,
          shape: try Shape(checking: [packed.count / columns, columns])))
    case .real:
      entries.append(
        .init(
          name: name + ".weight_real_zero_point", dtype: plan.zeroType,
          shape: try scaleShape(weight)))
    }
    return entries
  }

  private static func write(_ plan: Plan, to writer: SafetensorsWriter) throws {
    let name = plan.layer.name
    guard let weight = plan.weight else {
      if let dense = plan.layer.weight as? DenseWeight {
        try writer.write(name + ".weight", dense.view.bytes)
      }
      return
    }
    try write(weight.scales, as: plan.scaleType, to: writer, name + ".weight_scale")
    if plan.isInt8 {
      var codes = [UInt8](repeating: 0, count: weight.rows * weight.columns)
      codes.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress { weight.unpack(rows: 0..<weight.rows, into: base) }
      }
      try writer.write(name + ".weight", codes.map { $0 ^ 0x80 })
      return
    }
    try weight.codes.withUnsafeBytes { try writer.write(name + ".weight_packed", $0) }
    try writer.write(name + ".weight_shape", [Int64(weight.rows), Int64(weight.columns)])
    switch weight.format.zeroPoint {
    case .fixed: break
    case .integer: try writer.write(name + ".weight_zero_point", packedZeros(weight))
    case .real:
      try write(weight.realZeros, as: plan.zeroType, to: writer, name + ".weight_real_zero_point")
    }
  }

  private static func write(
    _ values: [Float], as type: DType, to writer: SafetensorsWriter, _ name: String
  ) throws {
    switch type {
    case .f16: try writer.write(name, values.map(FloatFormats.f16))
    case .bf16: try writer.write(name, values.map(FloatFormats.bf16))
    default: try writer.write(name, values)
    }
  }

  /// Zero points packed down the rows: word `r` of a column holds rows `r * 32 / bits` and on.
  static func packedZeros(_ weight: IntegerWeight) -> [UInt32] {
    let columns = weight.format.granularity == .tensor ? 1 : weight.groups
    let rows = weight.zeros.count / columns
    let bits = weight.format.bits
    let words = (rows * bits + 31) / 32
    var packed = [UInt32](repeating: 0, count: words * columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let value = UInt64(weight.zeros[row * columns + column]) << UInt64(row * bits % 32)
        let word = row * bits / 32
        packed[word * columns + column] |= UInt32(truncatingIfNeeded: value)
        if value >> 32 != 0, word + 1 < words {
          packed[(word + 1) * columns + column] |= UInt32(truncatingIfNeeded: value >> 32)
        }
      }
    }
    return packed
  }

  private static func quantizationConfig(_ plans: [Plan]) throws -> JSONObject {
    var groups = JSONObject()
    var formats: [String] = []
    var seen: [WeightFormat: Int] = [:]
    var targets: [[JSONValue]] = []
    var ignored: [JSONValue] = [.string("lm_head")]
    var kinds: [(WeightFormat, Plan)] = []
    for plan in plans {
      guard let weight = plan.weight else {
        ignored.append(.string(plan.layer.name))
        continue
      }
      if let index = seen[weight.format] {
        targets[index].append(.string(plan.layer.name))
      } else {
        seen[weight.format] = kinds.count
        kinds.append((weight.format, plan))
        targets.append([.string(plan.layer.name)])
      }
    }
    for (index, (format, plan)) in kinds.enumerated() {
      var group = JSONObject()
      group.set("targets", .array(kinds.count == 1 ? [.string("Linear")] : targets[index]))
      group.set("weights", .object(arguments(format)))
      var input: JSONValue = .null
      if plan.layer.activation == .int8PerToken {
        var dynamic = arguments(WeightFormat(code: .integer(bits: 8)))
        dynamic.set("strategy", .string("token"))
        dynamic.set("dynamic", .bool(true))
        input = .object(dynamic)
      }
      group.set("input_activations", input)
      group.set("output_activations", .null)
      groups.set("group_\(index)", .object(group))
      formats.append(
        plan.isInt8
          ? "int-quantized"
          : plan.hasRealZeros ? "pack-quantized-real-zeros" : "pack-quantized")
    }
    var config = JSONObject()
    let isExtended = plans.contains { $0.hasRealZeros }
    config.set("quant_method", .string(isExtended ? extensionName : name))
    config.set(
      "format", .string(Set(formats).count > 1 ? "mixed-precision" : formats.first ?? "dense"))
    config.set("quantization_status", .string("compressed"))
    config.set("global_compression_ratio", .null)
    config.set("kv_cache_scheme", .null)
    config.set("ignore", .array(ignored))
    config.set("config_groups", .object(groups))
    return config
  }

  private static func arguments(_ format: WeightFormat) -> JSONObject {
    var object = JSONObject()
    object.set("num_bits", .number(JSONNumber(format.bits)))
    object.set("type", .string("int"))
    object.set("symmetric", .bool(format.isSymmetric))
    switch format.granularity {
    case .tensor: object.set("strategy", .string("tensor"))
    case .channel: object.set("strategy", .string("channel"))
    case .group(let size):
      object.set("strategy", .string("group"))
      object.set("group_size", .number(JSONNumber(size)))
    case .block(let rows, let columns):
      object.set("strategy", .string("block"))
      object.set("block_structure", .array([rows, columns].map { .number(JSONNumber($0)) }))
    }
    object.set("dynamic", .bool(false))
    return object
  }
}

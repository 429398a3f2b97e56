import Platform
import Tensors

extension CompressedTensors {
  /// One layer in the way it is written.
  struct StoredLayer {
    enum Form: String {
      case dense
      case packed = "pack-quantized"
      case packedRealZeros = "pack-quantized-real-zeros"
      case int8 = "int-quantized"
      case outliers = "int-quantized-outliers"
      case float8 = "float-quantized"
      case nvfp4 = "nvfp4-pack-quantized"
      case mxfp4 = "mxfp4-pack-quantized"
    }

    let name: String
    let form: Form
    let format: WeightFormat
    let activation: ActivationFormat
    let isEmbedding: Bool
    let weight: any LinearWeight
    /// The layer's integer codes, if it has any.
    private let integer: IntegerWeight?

    /// - Throws: `CheckpointError.unsupported`.
    init(_ layer: Artifact.Layer, path: String) throws(CheckpointError) {
      name = layer.name
      weight = layer.weight
      format = layer.weight.format
      activation = layer.activation
      isEmbedding = layer.isEmbedding
      integer = (layer.weight as? SplitWeight)?.codes ?? layer.weight as? IntegerWeight
      let hasOutliers = if case .int8WithOutliers = activation { true } else { false }
      let isPlain =
        format.bits == 8 && format.isSymmetric && !format.isFloat
        && [.channel, .tensor].contains(format.granularity)
      switch layer.weight {
      case is DenseWeight: form = .dense
      case is ScaledFloatWeight: form = .float8
      case let floats as Float4Weight: form = floats.form == .nvfp4 ? .nvfp4 : .mxfp4
      case is SplitWeight where isPlain && hasOutliers: form = .outliers
      case is IntegerWeight where isPlain && hasOutliers: form = .outliers
      case is IntegerWeight where isPlain && activation.isInt8: form = .int8
      case is IntegerWeight: form = format.zeroPoint == .real ? .packedRealZeros : .packed
      default:
        throw .unsupported(
          file: path, item: layer.name, found: "\(format) x \(activation)",
          known: "integers, 8-bit floats, floating-point weights")
      }
    }

    /// Whether the layer is in none of the layout's own forms.
    var isExtension: Bool {
      if case .int8WithOutliers = activation, form != .dense { return true }
      if case .fp8(.f8e5m2, _) = activation, form != .dense { return true }
      return form == .packedRealZeros || format.code == .scaledFloat(type: .f8e5m2)
    }

    // MARK: Tensors

    private var scales: [Float] {
      integer?.scales ?? (weight as? ScaledFloatWeight)?.scales ?? []
    }

    private var scaleType: DType { form == .packed || form == .packedRealZeros ? smallest : .f32 }
    private var smallest: DType { Self.smallestType(of: scales) }

    private var realZeroType: DType { Self.smallestType(of: integer?.realZeros ?? []) }

    /// FP16 where it holds every number exactly, else BF16, else F32: what is read back is what was measured.
    private static func smallestType(of values: [Float]) -> DType {
      if values.allSatisfy({ FloatFormats.float(f16: FloatFormats.f16($0)) == $0 }) { return .f16 }
      if values.allSatisfy({ FloatFormats.float(bf16: FloatFormats.bf16($0)) == $0 }) {
        return .bf16
      }
      return .f32
    }

    private func scaleShape() throws -> Shape {
      let groups = format.groups(columns: weight.columns)
      return switch format.granularity {
      case .tensor: try Shape(checking: [1])
      case .channel, .group: try Shape(checking: [weight.rows, groups])
      case .block(let height, _):
        try Shape(checking: [(weight.rows + height - 1) / height, groups])
      }
    }

    /// What the file will hold of the layer.
    func entries() throws -> [SafetensorsWriter.Entry] {
      let shape = try Shape(checking: [weight.rows, weight.columns])
      if let dense = weight as? DenseWeight {
        return [.init(name: name + ".weight", dtype: dense.view.dtype, shape: dense.view.shape)]
      }
      if let floats = weight as? Float4Weight { return try entries(floats) }
      var entries = [
        SafetensorsWriter.Entry(
          name: name + ".weight_scale", dtype: scaleType, shape: try scaleShape())
      ]
      switch form {
      case .dense, .nvfp4, .mxfp4: break
      case .float8:
        let type = (weight as? ScaledFloatWeight)?.dtype ?? .f8e4m3
        entries.append(.init(name: name + ".weight", dtype: type, shape: shape))
      case .int8, .outliers:
        entries.append(.init(name: name + ".weight", dtype: .i8, shape: shape))
        if let split = weight as? SplitWeight {
          entries.append(
            .init(
              name: name + ".weight_full", dtype: split.full.view.dtype,
              shape: split.full.view.shape))
        }
      case .packed, .packedRealZeros:
        guard let integer else { break }
        entries.append(
          .init(
            name: name + ".weight_packed", dtype: .i32,
            shape: try Shape(checking: [integer.rows, integer.rowBytes / 4])))
        entries.append(
          .init(name: name + ".weight_shape", dtype: .i64, shape: try Shape(checking: [2])))
        entries += try zeroEntries(integer)
      }
      if let fixed = activation.fixed {
        let one = try Shape(checking: [1])
        entries.append(.init(name: name + ".input_scale", dtype: .f32, shape: one))
        if fixed.code == .asymmetricInt8 {
          entries.append(.init(name: name + ".input_zero_point", dtype: .i8, shape: one))
        }
      }
      return entries
    }

    private func zeroEntries(_ integer: IntegerWeight) throws -> [SafetensorsWriter.Entry] {
      switch format.zeroPoint {
      case .fixed: return []
      case .integer:
        let packed = CompressedTensors.packedZeros(integer)
        let columns = format.granularity == .tensor ? 1 : integer.groups
        return [
          .init(
            name: name + ".weight_zero_point", dtype: .i32,
            shape: try Shape(checking: [packed.count / columns, columns]))
        ]
      case .real:
        return [
          .init(
            name: name + ".weight_real_zero_point", dtype: realZeroType, shape: try scaleShape())
        ]
      }
    }

    /// Writes all of it; yields what turning it into 4-bit floats lost, relative, and nil for other layers.
    func write(to writer: ShardedTensors) throws -> Double? {
      if let floats = weight as? Float4Weight { return try write(floats, to: writer) }
      try writeNumbers(to: writer)
      return nil
    }

    private func writeNumbers(to writer: ShardedTensors) throws {
      if let dense = weight as? DenseWeight {
        return try writer.write(name + ".weight", dense.view.bytes)
      }
      try Self.write(scales, as: scaleType, to: writer, name + ".weight_scale")
      switch form {
      case .dense, .nvfp4, .mxfp4: break
      case .float8:
        if let scaled = weight as? ScaledFloatWeight {
          try scaled.codes.withUnsafeBytes { try writer.write(name + ".weight", $0) }
        }
      case .int8, .outliers:
        var codes = [UInt8](repeating: 0, count: weight.rows * weight.columns)
        codes.withUnsafeMutableBufferPointer {
          if let base = $0.baseAddress { integer?.unpack(rows: 0..<weight.rows, into: base) }
        }
        try writer.write(name + ".weight", codes.map { $0 ^ 0x80 })
        if let split = weight as? SplitWeight {
          try writer.write(name + ".weight_full", split.full.view.bytes)
        }
      case .packed, .packedRealZeros:
        guard let integer else { break }
        try integer.unsignedCodes.withUnsafeBytes {
          try writer.write(name + ".weight_packed", $0)
        }
        try writer.write(name + ".weight_shape", [Int64(weight.rows), Int64(weight.columns)])
        switch format.zeroPoint {
        case .fixed: break
        case .integer:
          try writer.write(name + ".weight_zero_point", CompressedTensors.packedZeros(integer))
        case .real:
          try Self.write(
            integer.realZeros, as: realZeroType, to: writer, name + ".weight_real_zero_point")
        }
      }
      if let fixed = activation.fixed {
        try writer.write(name + ".input_scale", [fixed.scale.scale])
        if fixed.code == .asymmetricInt8 {
          try writer.write(name + ".input_zero_point", [Int8(clamping: fixed.scale.zero)])
        }
      }
    }

    private static func write(
      _ values: [Float], as type: DType, to writer: ShardedTensors, _ name: String
    ) throws {
      switch type {
      case .f16: try writer.write(name, values.map(FloatFormats.f16))
      case .bf16: try writer.write(name, values.map(FloatFormats.bf16))
      default: try writer.write(name, values)
      }
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
}

extension ActivationFormat {
  fileprivate var isInt8: Bool { if case .int8 = self { true } else { false } }
}

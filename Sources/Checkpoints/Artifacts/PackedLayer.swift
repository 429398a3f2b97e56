import Platform
import Tensors

/// A layer of integer codes in the parts that GPTQ and AWQ checkpoints have: `qweight`, `qzeros`, `scales`.
///
/// Both store a matrix with its input channels down the file. Scales are FP16 in both.
struct PackedLayer {
  let name: String
  let weight: IntegerWeight

  var groups: Int { weight.format.granularity == .tensor ? 1 : weight.groups }
  var groupSize: Int { weight.format.groupSize(columns: weight.columns) }

  /// Zero points, `[groups][rows]`.
  func zero(_ group: Int, _ row: Int) -> UInt8 { UInt8(weight.zero(row: row, group: group)) }

  /// Scales down the file, `[groups, rows]`, in FP16.
  ///
  /// - Throws: `CheckpointError.unsupported` for a scale that FP16 cannot hold to its own precision.
  func scales(path: String) throws(CheckpointError) -> [UInt16] {
    var halves: [UInt16] = []
    halves.reserveCapacity(groups * weight.rows)
    for group in 0..<groups {
      for row in 0..<weight.rows {
        let scale = weight.scale(row: row, group: group)
        let half = FloatFormats.f16(scale)
        guard (FloatFormats.float(f16: half) - scale).magnitude <= scale.magnitude * 0x1p-10 else {
          throw .unsupported(
            file: path, item: "\(name).scales", found: "a scale of \(scale)",
            known: "scales are FP16, which holds numbers from 6e-5 to 65504 to their precision")
        }
        halves.append(half)
      }
    }
    return halves
  }

  /// How far scales are moved by FP16 at the most, relative.
  var rounding: Double {
    weight.scales.reduce(0.0) { most, scale in
      guard scale != 0 else { return most }
      let half = FloatFormats.float(f16: FloatFormats.f16(scale))
      return max(most, Double((half - scale).magnitude / scale.magnitude))
    }
  }

  /// The codes of GPTQ, `[columns * bits / 32, rows]`: words down the columns of the file.
  func wordsDown() -> [UInt32] {
    let words = weight.rowBytes / 4
    var down = [UInt32](repeating: 0, count: words * weight.rows)
    weight.unsignedCodes.withUnsafeBytes { bytes in
      for row in 0..<weight.rows {
        for word in 0..<words {
          down[word * weight.rows + row] = UInt32(
            littleEndian: bytes.loadUnaligned(
              fromByteOffset: row * weight.rowBytes + word * 4, as: UInt32.self))
        }
      }
    }
    return down
  }

  /// Zero points of GPTQ, `[groups, rows * bits / 32]`: words along the rows, each less `less` in the bits of a code.
  func zerosAlong(less: UInt8) -> [UInt32] {
    let bits = weight.format.bits
    let mask = UInt8(truncatingIfNeeded: (1 << bits) - 1)
    let words = weight.rows * bits / 32
    var along = [UInt32](repeating: 0, count: groups * words)
    for group in 0..<groups {
      for row in 0..<weight.rows {
        let value = UInt64((zero(group, row) &- less) & mask) << UInt64(row * bits % 32)
        let word = group * words + row * bits / 32
        along[word] |= UInt32(truncatingIfNeeded: value)
        if value >> 32 != 0 { along[word + 1] |= UInt32(truncatingIfNeeded: value >> 32) }
      }
    }
    return along
  }

  /// Where in a word of AWQ row `8 * word + index` lies.
  private static let places = [0, 4, 1, 5, 2, 6, 3, 7]

  /// The codes of AWQ, `[columns, rows / 8]`.
  func wordsAlong() -> [UInt32] {
    let words = weight.rows / 8
    var along = [UInt32](repeating: 0, count: weight.columns * words)
    var codes = [UInt8](repeating: 0, count: weight.columns)
    for row in 0..<weight.rows {
      codes.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress { weight.unpack(rows: row..<row + 1, into: base) }
      }
      let shift = UInt32(4 * Self.places[row % 8])
      for (column, code) in codes.enumerated() {
        along[column * words + row / 8] |= UInt32(code) << shift
      }
    }
    return along
  }

  /// Zero points of AWQ, `[groups, rows / 8]`.
  func awqZeros() -> [UInt32] {
    let words = weight.rows / 8
    var along = [UInt32](repeating: 0, count: groups * words)
    for group in 0..<groups {
      for row in 0..<weight.rows {
        along[group * words + row / 8] |=
          UInt32(zero(group, row)) << UInt32(4 * Self.places[row % 8])
      }
    }
    return along
  }
}

/// What GPTQ and AWQ refuse alike.
enum PackedObstacles {
  /// nil for layers of whole codes in `widths`, their inputs floating point, embedding table and head left alone.
  static func find(
    _ outline: ArtifactOutline, widths: [Int], method: String
  ) -> ExportObstacle? {
    for layer in outline.layers where !layer.format.isFloat {
      let found = "\(layer.name) is \(layer.format)"
      guard !layer.isEmbedding, layer.name != "lm_head" else {
        return ExportObstacle(
          "\(layer.name): embedding table and head stay floating point in \(method) checkpoints",
          nearest: .init(dropsHead: true))
      }
      guard case .integer(let bits) = layer.format.code else {
        return ExportObstacle(
          "\(found): \(method) checkpoints hold integer codes",
          nearest: .init(bits: 4, group: 128, dropsActivations: true))
      }
      guard case .float = layer.activation else {
        return ExportObstacle(
          "\(layer.name): its inputs are quantized, and \(method) checkpoints hold weights alone",
          nearest: .init(bits: widths.contains(bits) ? bits : 4, dropsActivations: true))
      }
      guard widths.contains(bits) else {
        let nearest = widths.first { $0 >= bits } ?? widths.last
        return ExportObstacle(
          "\(found): codes have \(widths.map { "\($0)" }.joined(separator: ", ")) bits",
          nearest: .init(bits: nearest, exceptions: widths))
      }
      guard layer.format.zeroPoint != .real else {
        return ExportObstacle(
          "\(found): zero points are whole numbers in \(method) checkpoints",
          nearest: .init(bits: bits, isSymmetric: false, roundsToNearest: true))
      }
    }
    guard !outline.quantized.isEmpty else {
      return ExportObstacle(
        "the recipe leaves every layer in floating point, and \(method) checkpoints hold codes",
        nearest: .init(bits: 4, group: 128))
    }
    return nil
  }
}

import Platform
import Tensors

/// Writes rows of a weight as blocks, and measures what they lose.
struct GGUFLayerCoder {
  let weight: any LinearWeight
  let form: GGUFLayerForm
  /// What the inputs count where numbers are rounded; nil where all count the same.
  let importance: [Float]?
  /// The row of the weight that each row of the file holds.
  let row: (Int) -> Int
  let pool: WorkerPool?

  /// Squares of the numbers and of what was lost, summed.
  struct Loss {
    var error = 0.0
    var size = 0.0

    var relative: Double {
      error == 0 ? 0 : (error / max(size, .leastNormalMagnitude)).squareRoot()
    }

    static func += (left: inout Loss, right: Loss) {
      left.error += right.error
      left.size += right.size
    }
  }

  /// Bytes that are in memory at once.
  private static let chunkBytes = 8 << 20

  private var rowBytes: Int { form.type.byteCount(of: weight.columns) ?? 0 }

  /// Hands over the rows of the file, one piece after the other.
  func write(_ take: (UnsafeRawBufferPointer) throws -> Void) throws -> Loss {
    var loss = Loss()
    let step = max(1, Self.chunkBytes / max(1, weight.columns * 4))
    var start = 0
    while start < weight.rows {
      let rows = start..<min(start + step, weight.rows)
      var bytes = [UInt8](repeating: 0, count: rows.count * rowBytes)
      var losses = [Loss](repeating: Loss(), count: rows.count)
      bytes.withUnsafeMutableBytes { bytes in
        losses.withUnsafeMutableBufferPointer { losses in
          guard let base = bytes.baseAddress, let sums = losses.baseAddress else { return }
          nonisolated(unsafe) let (target, results) = (base, sums)
          let body: (Int, Int) -> Void = { line, _ in
            results[line] = encode(row(rows.lowerBound + line), into: target + line * rowBytes)
          }
          if let pool {
            pool.run(chunks: rows.count, body)
          } else {
            for line in 0..<rows.count { body(line, 0) }
          }
        }
      }
      for part in losses { loss += part }
      try bytes.withUnsafeBytes(take)
      start = rows.upperBound
    }
    return loss
  }

  /// One row; yields what it lost.
  private func encode(_ row: Int, into target: UnsafeMutableRawPointer) -> Loss {
    if let blocks = weight as? BlockWeight, blocks.type == form.type {
      blocks.copyBlocks(rows: row..<row + 1, into: target)
      return Loss(error: 0, size: 1)
    }
    let columns = weight.columns
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * columns) { numbers in
      guard let values = numbers.baseAddress else { return Loss() }
      weight.dequantize(rows: row..<row + 1, into: values)
      if form.keepsCodes, let integer = weight as? IntegerWeight {
        move(integer, row, into: target)
      } else {
        let numbers = UnsafeBufferPointer(start: values, count: columns)
        if let importance {
          importance.withUnsafeBufferPointer {
            GGUFBlockWriter.encode(
              numbers, as: form.type, importance: $0.baseAddress, into: target)
          }
        } else {
          GGUFBlockWriter.encode(numbers, as: form.type, into: target)
        }
      }
      GGUFBlocks.decode(form.type, at: target, count: columns, into: values + columns)
      var loss = Loss()
      for column in 0..<columns {
        let (before, after) = (Double(values[column]), Double(values[columns + column]))
        loss.error += (before - after) * (before - after)
        loss.size += before * before
      }
      return loss
    }
  }

  /// Codes as they are, scales and minima in FP16.
  private func move(_ weight: IntegerWeight, _ row: Int, into target: UnsafeMutableRawPointer) {
    let columns = weight.columns
    let size = weight.format.groupSize(columns: columns)
    let middle = 1 << (weight.format.bits - 1)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: columns) { codes in
      guard let base = codes.baseAddress else { return }
      weight.unpack(rows: row..<row + 1, into: base)
      for block in 0..<columns / 32 {
        let group = block * 32 / size
        let to = target + block * form.type.blockBytes
        let scale = weight.scale(row: row, group: group)
        GGUFBlockWriter.store(scale, to, 0)
        let own = base + block * 32
        switch form.type {
        case .q4_0: GGUFBlockWriter.halves(to + 2) { UInt8(Int(own[$0]) - middle + 8) }
        case .q5_0: GGUFBlockWriter.fives(to + 2) { own[$0] }
        case .q8_0:
          for index in 0..<32 {
            to.storeBytes(
              of: Int8(Int(own[index]) - middle), toByteOffset: 2 + index, as: Int8.self)
          }
        default:
          GGUFBlockWriter.store(-scale * weight.zero(row: row, group: group), to, 2)
          if form.type == .q4_1 {
            GGUFBlockWriter.halves(to + 4) { own[$0] }
          } else {
            GGUFBlockWriter.fives(to + 4) { own[$0] }
          }
        }
      }
    }
  }
}

package import Platform
package import Tensors

/// Rounding weights to 8-bit floats with scales: one for the tensor, a row, or a block of rows and columns.
///
/// `scale = largest / 448` (57344 for E5M2), values clamped and rounded half to even, as in compressed-tensors and
/// DeepSeek's 128 x 128 blocks, of which those at the edges are smaller. Scales are float32.
package enum ScaledFloatRounding {
  /// Rounds `weight` to `format`, rows shared out over `pool`; the result does not depend on the number of threads.
  ///
  /// - Parameter layer: the name of the weight, for errors.
  /// - Throws: `QuantizationError.notFinite` at the first infinity or not-a-number.
  package static func quantize(
    _ weight: any LinearWeight, as format: WeightFormat, layer: String, pool: WorkerPool? = nil
  ) throws -> ScaledFloatWeight {
    let (rows, columns) = (weight.rows, weight.columns)
    let grid: FloatGrid = format.code == .scaledFloat(type: .f8e5m2) ? .e5m2 : .e4m3
    let size = max(1, format.groupSize(columns: columns))
    let groups = format.groups(columns: columns)
    let height =
      switch format.granularity {
      case .tensor: max(1, rows)
      case .channel, .group: 1
      case .block(let height, _): max(1, height)
      }
    let maxima = try Self.maxima(of: weight, size: size, groups: groups, layer: layer, pool: pool)
    var scales = [Float](repeating: 0, count: format.scales(rows: rows, columns: columns))
    for row in 0..<rows {
      for group in 0..<groups {
        let place = row / height * groups + group
        scales[place] = max(scales[place], maxima[row * groups + group])
      }
    }
    scales = scales.map { grid.scale(of: ValueRange(lowest: -$0, highest: $0)) }
    try weight.expectRoom(1)
    let codes = SharedBytes(byteCount: rows * columns) { bytes in
      guard let codes = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      GridPass.eachRow(of: weight, pool) { row, values in
        for group in 0..<groups {
          let first = group * size
          grid.encode(
            values + first, count: min(size, columns - first),
            scale: scales[row / height * groups + group], into: codes + row * columns + first)
        }
        return true
      }
    }
    return try ScaledFloatWeight(
      format: format, rows: rows, columns: columns, codes: codes, scales: scales)
  }

  /// The largest magnitude of each group of each row, `[rows, groups]`.
  private static func maxima(
    of weight: any LinearWeight, size: Int, groups: Int, layer: String, pool: WorkerPool?
  ) throws -> [Float] {
    var maxima = [Float](repeating: 0, count: weight.rows * groups)
    let columns = weight.columns
    let failed = maxima.withUnsafeMutableBufferPointer { maxima in
      GridPass.eachRow(of: weight, pool) { row, values in
        for group in 0..<groups {
          let first = group * size
          let count = min(size, columns - first)
          guard let range = Grid.range(of: values + first, count: count) else { return false }
          maxima[row * groups + group] = range.largestMagnitude
        }
        return true
      }
    }
    if let failed { throw GridPass.notFinite(weight, row: failed, layer: layer) }
    return maxima
  }
}

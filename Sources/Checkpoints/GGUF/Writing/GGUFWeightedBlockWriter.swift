import Tensors

/// A row of float32 numbers as ggml's blocks of 32, their scales searched by what an importance matrix says counts.
///
/// The error of a number counts its importance times the root of its square and the mean square of the row. Codes are those
/// that the best scale was found with, before it is rounded to 16 bits.
enum GGUFWeightedBlockWriter {
  /// - Parameter type: Q4_0, Q4_1, Q5_0 or Q5_1.
  static func encode(
    _ row: UnsafeBufferPointer<Float>, as type: GGUFTensorType,
    _ importance: UnsafePointer<Float>, into output: UnsafeMutableRawPointer
  ) {
    let mean = row.reduce(0) { $0 + $1 * $1 } / Float(row.count)
    let isFive = type == .q5_0 || type == .q5_1
    let hasMinimum = type == .q4_1 || type == .q5_1
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 32) { weights in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { codes in
        guard let weight = weights.baseAddress, let code = codes.baseAddress else { return }
        for block in 0..<row.count / 32 {
          let source = UnsafeBufferPointer(rebasing: row[block * 32..<block * 32 + 32])
          for (index, value) in source.enumerated() {
            let size = (mean + value * value).squareRoot()
            (weight + index).initialize(to: importance[block * 32 + index] * size)
          }
          var target = output + block * type.blockBytes
          if hasMinimum {
            let found = GGUFScaleSearch.scaleAndMinimum(
              source, weight, top: isFive ? 31 : 15, GGUFScaleSearch.weightedPlan, code)
            GGUFBlockWriter.store(found.scale, target, 0)
            GGUFBlockWriter.store(-found.minimum, target, 2)
            target += 4
          } else {
            let scale = GGUFScaleSearch.scale(source, half: isFive ? 16 : 8, weight, code)
            GGUFBlockWriter.store(scale, target, 0)
            target += 2
          }
          if isFive {
            GGUFBlockWriter.fives(target) { code[$0] }
          } else {
            GGUFBlockWriter.halves(target) { code[$0] }
          }
        }
      }
    }
  }
}

import Platform
import Quantization

/// Made-up weights, and grids applied to arrays.
enum Samples {
  /// `count` weights; `shape` picks normal, with outliers, one-sided, tiny or uniform ones.
  static func weights(count: Int, seed: UInt64, shape: Int) -> [Float] {
    var generator = SeededGenerator(seed: seed, stream: [UInt64(shape)])
    return (0..<count).map { index in
      let normal = Float(generator.normal())
      switch shape {
      case 0: return normal * 0.05
      case 1: return normal * (index % 37 == 5 ? 2 : 0.05)
      case 2: return abs(normal) * 0.3 + 0.01
      case 3: return normal * 3e-4
      default: return Float.random(in: -1...1, using: &generator)
      }
    }
  }

  static func range(_ values: [Float]) -> ValueRange? {
    values.withUnsafeBufferPointer { values in
      values.baseAddress.flatMap { Grid.range(of: $0, count: values.count) }
        ?? (values.isEmpty ? ValueRange(lowest: 0, highest: 0) : nil)
    }
  }

  static func codes(_ values: [Float], _ grid: Grid, _ parameters: GridParameters) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: values.count) { buffer, count in
      grid.encode(values, count: values.count, parameters, into: buffer.baseAddress!)
      count = values.count
    }
  }

  static func rounded(_ values: [Float], _ grid: Grid, _ parameters: GridParameters) -> [Float] {
    [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
      grid.round(values, count: values.count, parameters, into: buffer.baseAddress!)
      count = values.count
    }
  }
}

/// The grids' formulas in float64, written as the references write them, with signed codes where they do.
struct FormulaGrid {
  let scale: Double
  /// As an unsigned code.
  let zero: Int
  private let grid: Grid
  private let signedZero: Double
  private let exactZero: Double

  init(_ grid: Grid, _ values: [Float], shrunkBy factor: Double = 1) {
    self.grid = grid
    let low = values.map(Double.init).min()! * factor
    let high = values.map(Double.init).max()! * factor
    let extreme = max(abs(low), abs(high))
    let half = Double(1 << (grid.bits - 1))
    let maxq = 2 * half - 1
    switch (grid.convention, grid.isSymmetric) {
    case (.gptq, true):
      scale = (low < 0 ? 2 * extreme : extreme) / maxq
      signedZero = half
    case (.gptq, false):
      scale = (max(high, 0) - min(low, 0)) / maxq
      signedZero = (-min(low, 0) / scale).rounded(.toNearestOrEven)
    case (.awq, _):
      scale = max(high - low, 1e-5) / maxq
      signedZero = min(maxq, max(0, -(low / scale).rounded(.toNearestOrEven)))
    case (.absmax, _):
      scale = max(extreme, 1e-5) / (half - 1)
      signedZero = 0
    case (.compressedTensors, true):
      scale = extreme / (maxq / 2)
      signedZero = 0
    case (.compressedTensors, false):
      scale = (max(high, 0) - min(low, 0)) / maxq
      signedZero = max(-half, min(half - 1, -half - min(low, 0) / scale)).rounded(.toNearestOrEven)
    }
    exactZero = grid.isSymmetric ? 0 : min(low, 0) / scale
    let isUnsigned = grid.convention == .gptq || grid.convention == .awq
    zero = Int(signedZero) + (isUnsigned ? 0 : Int(half))
  }

  /// How far `value` is from the nearest place where its code changes, in steps.
  func distanceToEdge(_ value: Float) -> Double {
    let scaled = Double(value) / scale + (grid.convention == .compressedTensors ? signedZero : 0)
    return abs(scaled - scaled.rounded(.down) - 0.5)
  }

  /// How far the zero point was from being rounded to another, in steps.
  var distanceToEdgeOfZero: Double {
    abs(exactZero - exactZero.rounded(.down) - 0.5)
  }

  /// The unsigned code of `value`.
  func code(_ value: Float) -> Int { code(Double(value)) }

  /// The unsigned code of `value`.
  func code(_ value: Double) -> Int {
    let half = Double(1 << (grid.bits - 1))
    let scaled = value / scale
    switch grid.convention {
    case .gptq, .awq:
      return Int(max(0, min(2 * half - 1, scaled.rounded(.toNearestOrEven) + signedZero)))
    case .absmax:
      return Int(max(-half, min(half - 1, scaled.rounded(.toNearestOrEven))) + half)
    case .compressedTensors:
      let clipped = max(-half, min(half - 1, scaled + signedZero))
      return Int(clipped.rounded(.toNearestOrEven) + half)
    }
  }
}

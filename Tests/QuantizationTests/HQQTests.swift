import Glibc
import Quantization
import Testing

@Suite struct HQQTests {
  @Test(arguments: [2, 3, 4, 8]) func lowersTheErrorOfThePlainGrid(_ bits: Int) throws {
    for axis in HQQ.Axis.allCases {
      for seed in 0..<3 {
        let weights = Samples.weights(count: 32 * 96, seed: UInt64(seed), shape: 0)
        func error(_ rounds: Int) throws -> Float {
          let result = try HQQ.quantize(
            weights, columns: 96, .init(bits: bits, group: 32, axis: axis, rounds: rounds),
            layer: "w")
          return zip(weights, result.values).reduce(0) { $0 + abs($1.0 - $1.1) }
        }
        #expect(try error(20) < error(0) * (bits == 2 ? 0.97 : 1))
      }
    }
  }

  /// One round, written out in float64 from the formulas.
  @Test(arguments: [2, 4]) func oneRoundMovesTheZeroPointAsTheFormulasSay(_ bits: Int) throws {
    let weights = Samples.weights(count: 4 * 32, seed: 19, shape: 4)
    let result = try HQQ.quantize(
      weights, columns: 32, .init(bits: bits, group: 16, rounds: 1), layer: "w")
    let highest = Double(1 << bits - 1)
    for group in 0..<8 {
      let values = weights[group * 16..<(group + 1) * 16].map(Double.init)
      let low = values.min()!
      let scale = highest / (values.max()! - low)
      let zero = -low * scale
      let moved = values.reduce(0.0) { sum, value in
        let code = max(0, min(highest, (value * scale + zero).rounded(.toNearestOrEven)))
        let error = value - (code - zero) / scale
        let kept = max(0, abs(error) - exp(-0.3 * log(abs(error))) / 10) * (error < 0 ? -1 : 1)
        return sum + code - (value - (error == 0 ? 0 : kept)) * scale
      }
      #expect(abs(Double(result.zeros[group]) - moved / 16) < 1e-4)
      #expect(abs(Double(result.scales[group]) * scale - 1) < 1e-5)
    }
    #expect(result.rounds == 1)
  }

  @Test func valuesAreThoseOfTheCodes() throws {
    let weights = Samples.weights(count: 8 * 32, seed: 2, shape: 1)
    for axis in HQQ.Axis.allCases {
      let result = try HQQ.quantize(
        weights, columns: 32, .init(bits: 3, group: 16, axis: axis), layer: "w")
      let groups = result.scales.count
      for index in weights.indices {
        let group = axis == .row ? index / 16 : index % groups
        let value = result.scales[group] * (Float(result.codes[index]) - result.zeros[group])
        #expect(abs(value - result.values[index]) <= 1e-6 * abs(value))
        #expect(result.codes[index] < 8)
      }
    }
  }

  @Test func constantGroupsAndTinyWeightsStayFinite() throws {
    for value in [Float(0), 0.25, -3, 1e-30] {
      let weights = [Float](repeating: value, count: 64)
      let result = try HQQ.quantize(weights, columns: 64, .init(bits: 4), layer: "w")
      #expect(result.values.allSatisfy { $0.isFinite && abs($0 - value) <= 1e-5 })
    }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let weights = [Float](repeating: 1, count: 96)
    func run(_ columns: Int, _ options: HQQ.Options, _ weights: [Float]) throws {
      _ = try HQQ.quantize(weights, columns: columns, options, layer: "w")
    }
    try run(48, .init(bits: 4, group: 16), weights)
    #expect(throws: QuantizationError.self) { try run(48, .init(bits: 9, group: 16), weights) }
    #expect(
      throws: QuantizationError.groupDoesNotDivide(layer: "w", columns: 48, group: 32, nearest: 24)
    ) { try run(48, .init(bits: 4, group: 32), weights) }
    // Over the whole matrix 32 divides.
    try run(48, .init(bits: 4, group: 32, axis: .strided), weights)
    var broken = weights
    broken[50] = .infinity
    #expect(
      throws: QuantizationError.notFinite(layer: "w", row: 1, column: 2, value: .infinity)
    ) { try run(48, .init(bits: 4, group: 16), broken) }
  }
}

import Platform
import Quantization
import Testing

/// Grids against the formulas of their papers and repositories, written out again in float64.
@Suite struct GridTests {
  static let forms: [Grid] = Grid.Convention.allCases.flatMap { convention in
    [true, false].filter { convention.has(symmetric: $0) }.flatMap { symmetric in
      (2...8).compactMap { try? Grid(convention, bits: $0, isSymmetric: symmetric) }
    }
  }

  @Test func formsThatDoNotExistAreRefused() {
    #expect(throws: QuantizationError.self) { try Grid(.awq, bits: 4, isSymmetric: true) }
    #expect(throws: QuantizationError.self) { try Grid(.absmax, bits: 4, isSymmetric: false) }
    #expect(throws: QuantizationError.self) { try Grid(.gptq, bits: 1, isSymmetric: true) }
    #expect(throws: QuantizationError.self) { try Grid(.gptq, bits: 9, isSymmetric: true) }
    #expect(Self.forms.count == 6 * 7)
  }

  /// How near to the edge between two codes float32 division may move a value over it, in steps.
  static let edge = 5e-5

  @Test(arguments: forms) func agreesWithTheFormulas(_ grid: Grid) {
    var compared = 0
    for seed in 0..<40 {
      let count = [1, 7, 8, 31, 64, 128, 200, 333][seed % 8]
      let values = Samples.weights(count: count, seed: UInt64(seed), shape: seed % 5)
      let expected = FormulaGrid(grid, values)
      let found = encode(values, grid)
      #expect(abs(Double(found.parameters.scale) / expected.scale - 1) < 1e-6)
      if expected.distanceToEdgeOfZero > Self.edge {
        #expect(found.parameters.zero == UInt8(expected.zero))
      }
      for (code, value) in zip(found.codes, values)
      where expected.distanceToEdge(value) > Self.edge {
        #expect(Int(code) == expected.code(value))
        compared += 1
      }
    }
    #expect(compared > 3700)
  }

  @Test(arguments: forms) func errorsAreAtMostHalfAStepInsideTheGrid(_ grid: Grid) {
    for seed in 0..<10 {
      let values = Samples.weights(count: 96, seed: 500 + UInt64(seed), shape: seed % 5)
      let (parameters, codes) = encode(values, grid)
      let rounded = Samples.rounded(values, grid, parameters)
      let lowest = -Float(parameters.zero) * parameters.scale
      let highest = (Float(grid.steps) - Float(parameters.zero)) * parameters.scale
      for index in values.indices {
        let error = abs(rounded[index] - values[index])
        if values[index] >= lowest, values[index] <= highest {
          #expect(error <= parameters.scale * 0.5001)
        }
        // `round` is what codes stand for.
        let decoded = parameters.scale * (Float(codes[index]) - Float(parameters.zero))
        #expect(rounded[index] == decoded)
      }
    }
  }

  @Test func tiesGoToEven() throws {
    // With a largest magnitude of 7 the scale is 1, and every value lies between two codes.
    let grid = try Grid(.absmax, bits: 4, isSymmetric: true)
    let values: [Float] = [7, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, -0.5, -1.5, -2.5, -3.5, -6.5]
    let (parameters, codes) = encode(values, grid)
    #expect(parameters.scale == 1)
    #expect(codes.map { Int($0) - 8 } == [7, 0, 2, 2, 4, 4, 6, 0, -2, -2, -4, -6])
  }

  @Test func tiesOfCompressedTensorsIncludeTheZeroPoint() throws {
    // Scale 1 and signed zero point -5: 0.5 - 5 = -4.5 goes to -4, one above what 0 + -5 gives.
    let grid = try Grid(.compressedTensors, bits: 4, isSymmetric: false)
    let (parameters, codes) = encode([-3, 12, 0.5, 1.5], grid)
    #expect(parameters == GridParameters(scale: 1, zero: 3))
    #expect(codes == [0, 15, 4, 4])
    let other = try encode([-3, 12, 0.5, 1.5], Grid(.gptq, bits: 4, isSymmetric: false))
    #expect(other.codes == [0, 15, 3, 5])
  }

  @Test func gptqMirrorsOnlyRangesWithNegativeValues() throws {
    let grid = try Grid(.gptq, bits: 4, isSymmetric: true)
    let positive = encode([1, 15], grid)
    #expect(positive.parameters == GridParameters(scale: 1, zero: 8))
    #expect(positive.codes == [9, 15])
    #expect(encode([-1, 15], grid).parameters.scale == 2)
    #expect(encode([-15, -1], grid).parameters.scale == 2)
  }

  @Test func awqClipsRangesOfOneSign() throws {
    let grid = try Grid(.awq, bits: 4, isSymmetric: false)
    let positive = encode([15, 30], grid)
    #expect(positive.parameters == GridParameters(scale: 1, zero: 0))
    #expect(positive.codes == [15, 15])
    let negative = encode([-30, -15], grid)
    #expect(negative.parameters == GridParameters(scale: 1, zero: 15))
    #expect(negative.codes == [0, 0])
  }

  @Test func compressedTensorsClipsThePositiveExtreme() throws {
    let grid = try Grid(.compressedTensors, bits: 4, isSymmetric: true)
    let (parameters, codes) = encode([7.5, -7.5, 6.5], grid)
    #expect(parameters.scale == 1)
    #expect(codes.map { Int($0) - 8 } == [7, -8, 6])
  }

  @Test func groupsOfZerosHaveTheScalesOfTheReferences() throws {
    let zeros: [Float] = [0, 0, 0]
    let cases: [(Grid.Convention, Bool, Float, UInt8)] = [
      // In float32, 1 / (2 / 15) is just below 7.5.
      (.gptq, true, 2 / 15, 8), (.gptq, false, 2 / 15, 7), (.awq, false, 1e-5 / 15, 0),
      (.absmax, true, 1e-5 / 7, 8), (.compressedTensors, true, .ulpOfOne, 8),
      (.compressedTensors, false, .ulpOfOne, 8),
    ]
    for (convention, symmetric, scale, zero) in cases {
      let grid = try Grid(convention, bits: 4, isSymmetric: symmetric)
      let (parameters, codes) = encode(zeros, grid)
      #expect(parameters == GridParameters(scale: scale, zero: zero), "\(grid)")
      #expect(codes == [zero, zero, zero])
    }
  }

  @Test(arguments: forms) func extremeValuesKeepScalesUsable(_ grid: Grid) {
    let extremes: [[Float]] = [
      [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0],
      [.leastNonzeroMagnitude, 0], [-.leastNonzeroMagnitude, .leastNonzeroMagnitude],
      [.greatestFiniteMagnitude, .greatestFiniteMagnitude], [1e30, 1.0000001e30],
      [-1e38, 1e-38],
    ]
    for values in extremes {
      for type in ScaleType.allCases {
        let range = ValueRange(lowest: values.min() ?? 0, highest: values.max() ?? 0)
        let parameters = grid.parameters(of: range, scaleType: type)
        #expect(parameters.scale > 0 && parameters.scale.isFinite, "\(values) \(type)")
        #expect(type.rounded(parameters.scale) == parameters.scale)
        #expect(Int(parameters.zero) <= grid.steps)
      }
    }
  }

  @Test(arguments: forms) func whatIsNotFiniteStopsNothing(_ grid: Grid) {
    let values: [Float] = [.nan, .infinity, -.infinity, 1, -.nan, 2, 3, 4, .infinity]
    let parameters = GridParameters(scale: 0.5, zero: UInt8(grid.middle))
    let codes = Samples.codes(values, grid, parameters)
    #expect(codes[1] == UInt8(grid.steps))
    #expect(codes[2] == 0)
  }

  @Test func rangeFindsValuesThatAreNotFinite() {
    for count in [1, 5, 8, 9, 40] {
      for place in 0..<count {
        for bad in [Float.nan, .infinity, -.infinity] {
          var values = Samples.weights(count: count, seed: 9, shape: 0)
          values[place] = bad
          #expect(Samples.range(values) == nil)
        }
      }
    }
    #expect(Samples.range([]) == ValueRange(lowest: 0, highest: 0))
    #expect(Samples.range([-3]) == ValueRange(lowest: -3, highest: -3))
    #expect(
      Samples.range((0..<21).map { Float($0 * 7 % 11) }) == ValueRange(lowest: 0, highest: 10))
  }

  @Test(arguments: forms) func scalesAreRoundedBeforeCodesAreChosen(_ grid: Grid) {
    for type in ScaleType.allCases {
      let values = Samples.weights(count: 64, seed: 77, shape: 1)
      let range = ValueRange(lowest: values.min() ?? 0, highest: values.max() ?? 0)
      let exact = grid.parameters(of: range)
      let stored = grid.parameters(of: range, scaleType: type)
      #expect(stored.scale == type.rounded(exact.scale))
      let rounded = Samples.rounded(values, grid, stored)
      for (value, result) in zip(values, rounded)
      where value.magnitude < 0.9 * range.largestMagnitude {
        #expect(abs(value - result) <= stored.scale * 0.5001)
      }
    }
  }

  private func encode(_ values: [Float], _ grid: Grid) -> (
    parameters: GridParameters, codes: [UInt8]
  ) {
    let range = ValueRange(lowest: values.min() ?? 0, highest: values.max() ?? 0)
    let parameters = grid.parameters(of: range)
    return (parameters, Samples.codes(values, grid, parameters))
  }
}

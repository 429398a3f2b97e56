import Platform
import Quantization
import Testing

@Suite struct GridRangeSearchTests {
  /// How much more error than the best of a search in float64 is allowed, relative.
  static let slack = 1e-4

  @Test(arguments: GridTests.forms) func findsTheBestOfEightyRanges(_ grid: Grid) {
    for seed in 0..<6 {
      let count = [24, 128, 300][seed % 3]
      let values = Samples.weights(count: count, seed: 900 + UInt64(seed), shape: seed % 3)
      let found = searched(values, grid)
      let errors = (0..<80).map { step in
        let formula = FormulaGrid(grid, values, shrunkBy: 1 - Double(step) / 100)
        return error(values) { Double(formula.scale) * Double(formula.code($0) - formula.zero) }
      }
      let best = errors.min()!
      let reached = error(values) { value in
        Double(found.scale)
          * Double(Int(grid.encode(value, found)) - Int(found.zero))
      }
      #expect(reached <= best * (1 + Self.slack))
      #expect(reached <= errors[0] * (1 + Self.slack))
    }
  }

  @Test func equalErrorsKeepTheWidestRange() throws {
    let grid = try Grid(.gptq, bits: 4, isSymmetric: true)
    // Each range has a point at 0, so none is better than the full one.
    let parameters = searched([Float](repeating: 0, count: 40), grid)
    #expect(parameters == grid.parameters(of: ValueRange(lowest: 0, highest: 0)))
  }

  @Test func outliersAreClippedWhereThatPays() throws {
    let grid = try Grid(.gptq, bits: 2, isSymmetric: false)
    var values = Samples.weights(count: 512, seed: 3, shape: 4)
    values[100] = 3
    let range = ValueRange(lowest: values.min()!, highest: values.max()!)
    #expect(searched(values, grid).scale < 0.6 * grid.parameters(of: range).scale)
  }

  @Test(arguments: [1e-30, 1, 1e30]) func doesNotDependOnTheUnit(_ unit: Float) throws {
    let grid = try Grid(.gptq, bits: 3, isSymmetric: false)
    let values = Samples.weights(count: 256, seed: 12, shape: 1)
    let plain = searched(values, grid)
    let scaled = searched(values.map { $0 * unit }, grid)
    #expect(abs(scaled.scale / (plain.scale * unit) - 1) < 1e-5)
    #expect(scaled.zero == plain.zero)
  }

  private func searched(_ values: [Float], _ grid: Grid) -> GridParameters {
    let range = ValueRange(lowest: values.min()!, highest: values.max()!)
    return grid.searchedParameters(of: values, count: values.count, range: range)
  }

  private func error(_ values: [Float], _ rounded: (Float) -> Double) -> Double {
    values.reduce(0) { $0 + pow24(abs(rounded($1) - Double($1))) }
  }

  /// `x^2.4`, by squares and a fifth root found by bisection on doubles.
  private func pow24(_ x: Double) -> Double {
    guard x > 0 else { return 0 }
    var (low, high) = (0.0, max(1, x))
    for _ in 0..<200 {
      let middle = (low + high) / 2
      if middle * middle * middle * middle * middle < x { low = middle } else { high = middle }
    }
    let fifth = (low + high) / 2
    return x * x * fifth * fifth
  }
}

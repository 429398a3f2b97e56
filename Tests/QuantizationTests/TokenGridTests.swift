import Quantization
import Testing

@Suite struct TokenGridTests {
  @Test func runtimeDividesBy127() {
    let found = TokenGrid.runtime.encode([12.7, -12.7, 0.05, 0.15, 0, 0, 0, 0], columns: 4)
    #expect(found.codes == [127, -127, 0, 2, 0, 0, 0, 0])
    #expect(abs(found.scales[0] - 0.1) < 1e-7)
    #expect(found.scales[1] == 0)
    #expect(found.zeros == [0, 0])
  }

  @Test func compressedTensorsDividesBy127AndAHalf() {
    let found = TokenGrid.compressedTensors.encode([127.5, -127.5, 1, -2.5], columns: 4)
    #expect(found.scales == [1])
    #expect(found.codes == [127, -128, 1, -2])
  }

  @Test func asymmetricCodesHaveAZeroPoint() {
    let found = TokenGrid.compressedTensorsAsymmetric.encode([0, 255, 100, 1], columns: 4)
    #expect(found.scales == [1])
    #expect(found.zeros == [-128])
    #expect(found.codes == [-128, 127, -28, -127])
  }

  @Test(arguments: TokenGrid.allCases) func errorsAreAtMostHalfAStep(_ grid: TokenGrid) {
    for seed in 0..<8 {
      let rows = Samples.weights(count: 5 * 77, seed: UInt64(seed), shape: seed % 5)
      let codes = grid.encode(rows, columns: 77)
      let values = grid.rounded(rows, columns: 77)
      for (index, value) in values.enumerated() {
        // The extreme of the /127.5 grid and the rounded zero point may cost another half.
        let allowed: Float = grid == .runtime ? 0.5001 : 1.0001
        #expect(abs(value - rows[index]) <= allowed * codes.scales[index / 77])
      }
    }
  }

  @Test(arguments: TokenGrid.allCases) func whatIsNotFiniteStopsNothing(_ grid: TokenGrid) {
    let found = grid.encode([.nan, .infinity, -.infinity, 1], columns: 4)
    #expect(found.codes.count == 4)
    #expect(found.scales[0].isFinite)
    #expect(grid.encode([], columns: 4).codes.isEmpty)
    #expect(grid.encode([1], columns: 0).codes.isEmpty)
    #expect(grid.encode([.leastNonzeroMagnitude, 0], columns: 2).codes.count == 2)
  }
}

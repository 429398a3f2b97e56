import Quantization
import Testing

/// Without the reference's zeroing a column without inputs is rounded as it is, and disturbs no other.
@Suite struct GPTQDeadColumnsTests {
  private static let (rows, columns) = (20, 96)

  private func quantize(
    _ sample: Layer, hessian: [Float], zeroesDead: Bool
  ) throws -> GPTQResult {
    try GPTQ.quantize(
      sample.weights, rows: Self.rows, columns: Self.columns, hessian: hessian,
      GPTQ.Options(
        grid: try Grid(.gptq, bits: 4, isSymmetric: true), group: 32, hasStaticGroups: true,
        zeroesDead: zeroesDead), layer: "layer")
  }

  @Test func deadColumnsKeepRoundedWeights() throws {
    let dead: Set = [5, 40]
    let sample = Layer(rows: Self.rows, columns: Self.columns, seed: 12, dead: dead)
    let found = try quantize(sample, hessian: sample.hessian, zeroesDead: false)
    // A matrix that is of no use: rounding to nearest.
    let nothing = [Float](repeating: .nan, count: Self.columns * Self.columns)
    let nearest = try quantize(sample, hessian: nothing, zeroesDead: false)
    #expect(nearest.fallback != nil && found.fallback == nil)
    #expect(found.scales == nearest.scales)
    for row in 0..<Self.rows {
      for column in dead {
        let place = row * Self.columns + column
        #expect(found.codes[place] == nearest.codes[place])
      }
    }
    #expect(found.codes != nearest.codes)
  }

  @Test func theReferenceSetsThemToZero() throws {
    let sample = Layer(rows: Self.rows, columns: Self.columns, seed: 12, dead: [5])
    let values = try quantize(sample, hessian: sample.hessian, zeroesDead: true).dequantized()
    for row in 0..<Self.rows { #expect(values[row * Self.columns + 5] == 0) }
  }
}

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

  /// A column that calibration hardly reaches makes up for no error of others, unless the reference's way is asked for.
  @Test func starvedColumnsKeepRoundedWeights() throws {
    let starved = 7
    let sample = Layer(rows: Self.rows, columns: Self.columns, seed: 13, dead: [])
    var hessian = sample.hessian
    for other in 0..<Self.columns {
      hessian[starved * Self.columns + other] *= 1e-4
      hessian[other * Self.columns + starved] *= 1e-4
    }
    func codes(apart: Bool) throws -> [UInt8] {
      let preparation = try GPTQPreparation(
        hessian, columns: Self.columns, ordersByActivation: true, damping: 1e-7,
        setsStarvedApart: apart, layer: "layer")
      #expect(preparation.silent.starved == [starved])
      return try GPTQ.quantize(
        sample.weights, rows: Self.rows, preparation,
        GPTQ.Options(
          grid: try Grid(.gptq, bits: 4, isSymmetric: true), group: 32, hasStaticGroups: true,
          zeroesDead: false), layer: "layer"
      ).codes
    }
    let nothing = [Float](repeating: .nan, count: Self.columns * Self.columns)
    let nearest = try quantize(sample, hessian: nothing, zeroesDead: false).codes
    let places = (0..<Self.rows).map { $0 * Self.columns + starved }
    let apart = try codes(apart: true)
    #expect(places.allSatisfy { apart[$0] == nearest[$0] })
    let together = try codes(apart: false)
    #expect(places.contains { together[$0] != nearest[$0] })
    #expect(apart != nearest)
  }
}

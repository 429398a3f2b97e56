import Glibc
import Models
import Platform
import Testing

@Suite struct RotaryTableTests {
  @Test func plainFrequenciesFallGeometrically() {
    let found = RotaryEmbedding(base: 10_000).frequencies(headDimension: 8)
    for (index, frequency) in found.enumerated() {
      #expect(abs(frequency - pow(10_000, -Float(index) / 4)) < 1e-6)
    }
  }

  @Test func linearScalingDividesAll() {
    let plain = RotaryEmbedding(base: 500).frequencies(headDimension: 16)
    let scaled = RotaryEmbedding(base: 500, scaling: .linear(factor: 4)).frequencies(
      headDimension: 16)
    #expect(scaled == plain.map { $0 / 4 })
  }

  @Test func llama3ScalingKeepsShortAndDividesLongWaves() {
    let plain = RotaryEmbedding(base: 500_000).frequencies(headDimension: 128)
    let scaled = RotaryEmbedding(
      base: 500_000, scaling: .llama3(factor: 8, low: 1, high: 4, originalContext: 8192)
    ).frequencies(headDimension: 128)
    var blended = 0
    for (before, after) in zip(plain, scaled) {
      let wavelength = 2 * Float.pi / before
      if wavelength < 8192 / 4 {
        #expect(after == before)
      } else if wavelength > 8192 {
        #expect(after == before / 8)
      } else {
        #expect(after < before && after > before / 8)
        blended += 1
      }
    }
    #expect(blended > 0)
  }

  @Test func rowsAreCosinesAndSines() throws {
    let table = RotaryTable(RotaryEmbedding(base: 100), headDimension: 4)
    let rows = try table.rows(3000)
    #expect(rows.count >= 3000)
    for position in [0, 1, 63, 2999] {
      for pair in 0..<2 {
        let angle = Double(Float(position) * table.frequencies[pair])
        #expect(rows.cosine[position * 2 + pair] == Float(cos(angle)))
        #expect(rows.sine[position * 2 + pair] == Float(sin(angle)))
      }
    }
    // A shorter table is a part of the longer; nothing is made twice.
    #expect(try table.rows(10) === rows)
    #expect(try table.rows(rows.count + 1) !== rows)
    // One that no memory holds is refused, and what was made stays.
    #expect(throws: PlatformError.self) { try table.rows(1 << 45) }
    #expect(try table.rows(rows.count) !== rows)
  }
}

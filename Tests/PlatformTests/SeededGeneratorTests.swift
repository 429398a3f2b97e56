import Platform
import Testing

@Suite struct SeededGeneratorTests {
  /// Values of the published C code of SplitMix64 and xoshiro256**, computed apart.
  @Test(arguments: [
    (
      UInt64(0),
      [0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c] as [UInt64]
    ),
    (
      UInt64(42),
      [0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1, 0xecb8ad4703b360a1] as [UInt64]
    ),
  ])
  func givesThePublishedNumbers(seed: UInt64, expected: [UInt64]) {
    var generator = SeededGenerator(seed: seed)
    #expect(expected.map { _ in generator.next() } == expected)
  }

  @Test func streamsDiffer() {
    var seen: Set<UInt64> = []
    for stream: [UInt64] in [[], [0], [1], [0, 0], [0, 1], [1, 0], [2, 3, 4]] {
      var generator = SeededGenerator(seed: 5, stream: stream)
      seen.insert(generator.next())
      #expect(generator.next() != generator.next())
    }
    #expect(seen.count == 7)
  }

  @Test func uniformNumbersFillTheUnit() {
    var generator = SeededGenerator(seed: 3)
    let numbers = (0..<100_000).map { _ in generator.uniform() }
    #expect(numbers.allSatisfy { (0..<1).contains($0) })
    let mean: Double = numbers.reduce(0, +) / 100_000
    // Six standard errors of the mean, 0.289 / 316.
    #expect(abs(mean - 0.5) < 0.0055)
  }

  @Test func normalNumbersHaveTheirMoments() {
    var generator = SeededGenerator(seed: 4)
    let numbers = (0..<100_000).map { _ in generator.normal() }
    func average(_ value: (Double) -> Double) -> Double {
      numbers.reduce(0.0) { $0 + value($1) } / Double(numbers.count)
    }
    let mean = average { $0 }
    let variance = average { ($0 - mean) * ($0 - mean) }
    let fourth = average { $0 * $0 * $0 * $0 }
    #expect(abs(mean) < 0.02)
    #expect(abs(variance - 1) < 0.03)
    #expect(abs(fourth - 3) < 0.2)
    #expect(generator.normals(10, deviation: 0) == [Float](repeating: 0, count: 10))
  }

  @Test func aCopyContinuesAlike() {
    var generator = SeededGenerator(seed: 9)
    _ = generator.normal()
    var copy = generator
    #expect(copy == generator)
    #expect(copy.normal() == generator.normal())
    #expect(copy.normal() == generator.normal())
  }
}

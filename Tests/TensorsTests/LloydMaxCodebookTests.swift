import Glibc
import Platform
import Testing

@testable import Tensors

@Suite struct LloydMaxCodebookTests {
  private static let dimensions = [2, 3, 4, 5, 16, 17, 64, 96, 128, 256, 1024, 5000]

  /// The closed-form distortions of d = 64, 128 and 512, to the digits they were published with.
  @Test func distortionsAreTheTable() throws {
    let table: [(Int, [Double], Double)] = [
      (64, [0.3584, 0.1145, 0.0334, 0.0091], 5e-5),
      (128, [0.36089, 0.11600, 0.033966, 0.0093148, 0.002451], 5e-6),
      (512, [0.3628, 0.1171, 0.0344, 0.00945], 5e-5),
    ]
    for (dimension, distortions, tolerance) in table {
      for (index, expected) in distortions.enumerated() {
        let codebook = try LloydMaxCodebook(dimension: dimension, bits: index + 1)
        #expect(abs(codebook.distortion - expected) < tolerance, "d \(dimension), b \(index + 1)")
      }
    }
  }

  /// In the limit of large d the levels are those for normal numbers over sqrt(d).
  @Test func levelsTendToThoseOfNormalNumbers() throws {
    let dimension = 1_000_000
    let two = try LloydMaxCodebook(dimension: dimension, bits: 2).centroids.map { $0 * 1000 }
    for (found, expected) in zip(two, [-1.5104, -0.4528, 0.4528, 1.5104]) {
      #expect(abs(found - expected) < 1e-4)
    }
    let one = try LloydMaxCodebook(dimension: dimension, bits: 1).centroids.map { $0 * 1000 }
    #expect(abs(one[1] - 0.79788) < 1e-5)
  }

  @Test func threeDimensionsAreUniform() throws {
    for bits in 1...8 {
      let codebook = try LloydMaxCodebook(dimension: 3, bits: bits)
      let step = 2 / Double(codebook.levels.count)
      for (index, level) in codebook.centroids.enumerated() {
        #expect(abs(level - (-1 + step * (Double(index) + 0.5))) < 1e-12)
      }
      #expect(abs(codebook.distortion - 3 * step * step / 12) < 1e-12)
    }
  }

  @Test(arguments: dimensions) func levelsAreSymmetricMeansOfTheirCells(dimension: Int) throws {
    for bits in 1...8 {
      let codebook = try LloydMaxCodebook(dimension: dimension, bits: bits)
      let levels = codebook.centroids
      #expect(levels.count == 1 << bits)
      #expect(zip(levels, levels.dropFirst()).allSatisfy { $0 < $1 })
      #expect(zip(levels, levels.reversed()).allSatisfy { $0 == -$1 })
      var distortion = 0.0
      for index in levels.count / 2..<levels.count {
        let low = (levels[index - 1] + levels[index]) / 2
        let high = index + 1 < levels.count ? (levels[index] + levels[index + 1]) / 2 : 1
        let cell = Self.integrals(dimension, from: low, to: high, about: levels[index])
        let width = index + 1 < levels.count ? high - low : 2 * (levels[index] - low)
        #expect(
          abs(cell.first / cell.mass) < 1e-6 * width, "d \(dimension), b \(bits), level \(index)")
        distortion += 2 * Double(dimension) * cell.second
      }
      #expect(abs(codebook.distortion / distortion - 1) < 1e-6, "d \(dimension), b \(bits)")
    }
  }

  /// Integrals of f, (x - c) f and (x - c)^2 f over a cell by Gauss and Legendre in the angle,
  /// x = sin t, where the density is a power of a cosine, smooth for any d.
  private static func integrals(
    _ dimension: Int, from low: Double, to high: Double, about center: Double
  ) -> (mass: Double, first: Double, second: Double) {
    let nodes = [0.183_434_642_495_650, 0.525_532_409_916_329, 0.796_666_477_413_627]
    let outer = 0.960_289_856_497_536
    let weights = [0.362_683_783_378_362, 0.313_706_645_877_887, 0.222_381_034_453_374]
    let outerWeight = 0.101_228_536_290_376
    let scale =
      exp(lgamma(Double(dimension) / 2) - lgamma(Double(dimension - 1) / 2))
      / Double.pi.squareRoot()
    // The density falls to nothing within a few standard deviations of a border far out.
    let reach = min(high, low + 12 / Double(dimension).squareRoot())
    let (start, end) = (asin(low), asin(min(1, reach)))
    let parts = 64
    var (mass, first, second) = (0.0, 0.0, 0.0)
    for part in 0..<parts {
      let width = (end - start) / Double(parts)
      let middle = start + width * (Double(part) + 0.5)
      for (node, weight) in zip(nodes + [outer], weights + [outerWeight]) {
        for side in [-1.0, 1.0] {
          let angle = middle + side * node * width / 2
          let share = scale * pow(cos(angle), Double(dimension - 2)) * weight * width / 2
          let distance = sin(angle) - center
          mass += share
          first += share * distance
          second += share * distance * distance
        }
      }
    }
    return (mass, first, second)
  }

  @Test func randomVectorsErrAsTheClosedFormSays() throws {
    for (dimension, bits) in [(2, 2), (16, 1), (64, 2), (128, 3), (128, 4), (80, 8)] {
      let codebook = try LloydMaxCodebook(dimension: dimension, bits: bits)
      var generator = SeededGenerator(seed: 7, stream: [UInt64(dimension), UInt64(bits)])
      let vectors = 400_000 / dimension
      var error = 0.0
      for _ in 0..<vectors {
        let vector = generator.normals(dimension)
        let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for value in vector {
          let unit = value / norm
          let difference = Double(unit - codebook.levels[codebook.index(of: unit)])
          error += difference * difference
        }
      }
      let ratio = error / Double(vectors) / codebook.distortion
      #expect(abs(ratio - 1) < 0.02, "d \(dimension), b \(bits): \(ratio)")
    }
  }

  @Test func oneDimensionHasTwoPoints() throws {
    #expect(try LloydMaxCodebook(dimension: 1, bits: 1).levels == [-1, 1])
    for bits in 1...8 {
      let codebook = try LloydMaxCodebook(dimension: 1, bits: bits)
      #expect(codebook.levels.count == 1 << bits && codebook.distortion == 0)
      #expect(codebook.levels[codebook.index(of: 1)] == 1)
      #expect(codebook.levels[codebook.index(of: -1)] == -1)
    }
  }

  @Test func indicesAreThoseOfTheNearestLevel() throws {
    let codebook = try LloydMaxCodebook(dimension: 64, bits: 4)
    for step in -1000...1000 {
      let value = Float(step) / 1000
      let nearest = codebook.levels.map { abs($0 - value) }.min() ?? 0
      #expect(abs(abs(codebook.levels[codebook.index(of: value)] - value) - nearest) < 1e-7)
    }
  }

  @Test func whatCannotBeIsRefused() {
    for bits in [0, 9, -1] {
      #expect(
        throws: TensorError.outOfRange(
          what: "bits of a codebook", expected: "1 to 8", found: "\(bits)")
      ) { try LloydMaxCodebook(dimension: 64, bits: bits) }
    }
    #expect(
      throws: TensorError.outOfRange(
        what: "dimension of a codebook", expected: "1 or more", found: "0")
    ) { try LloydMaxCodebook(dimension: 0, bits: 2) }
  }
}

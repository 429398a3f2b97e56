import Tensors
import Testing

@Suite struct KVRotationTests {
  private static let dimensions = [
    1, 2, 3, 4, 5, 12, 20, 24, 28, 36, 44, 48, 50, 52, 60, 64, 76, 80, 92, 96, 100, 108, 112, 128,
    140,
    192, 256, 576,
  ]

  /// How far `M M^T` is from the identity, in its worst entry.
  private static func worst(_ matrix: [Float], _ dimension: Int) -> Double {
    var worst = 0.0
    for first in 0..<dimension {
      for second in 0...first {
        var product = first == second ? -1.0 : 0
        for column in 0..<dimension {
          product +=
            Double(matrix[first * dimension + column]) * Double(matrix[second * dimension + column])
        }
        worst = max(worst, abs(product))
      }
    }
    return worst
  }

  @Test(arguments: dimensions) func bothAreOrthogonal(dimension: Int) {
    for rotation in [KVRotation.hadamard(seed: 11), .dense(seed: 12)] {
      let matrix = rotation.matrix(dimension: dimension)
      #expect(matrix.count == dimension * dimension)
      #expect(Self.worst(matrix, dimension) < 1e-6, "\(rotation) of \(dimension)")
    }
  }

  @Test(arguments: dimensions) func turningInPlaceIsTheMatrix(dimension: Int) throws {
    let vector = KVRotation.gaussian(dimension: dimension, seed: 5).prefix(dimension)
    for rotation in [KVRotation.hadamard(seed: 1), .dense(seed: 1)] {
      let matrix = rotation.matrix(dimension: dimension)
      let prepared = rotation.prepared(dimension: dimension)
      var turned = Array(vector)
      try prepared.apply(toRows: &turned)
      for row in 0..<dimension {
        let expected = vector.enumerated().reduce(0.0) {
          $0 + Double(matrix[row * dimension + $1.offset]) * Double($1.element)
        }
        #expect(abs(Double(turned[row]) - expected) < 1e-5)
      }
      turned.withUnsafeMutableBufferPointer { prepared.applyInverse($0.baseAddress!) }
      #expect(zip(turned, vector).allSatisfy { abs($0 - $1) < 1e-5 })
      var doubles = vector.map { Double($0) }
      doubles.withUnsafeMutableBufferPointer {
        prepared.apply($0.baseAddress!)
        prepared.applyInverse($0.baseAddress!)
      }
      #expect(zip(doubles, vector).allSatisfy { abs($0 - Double($1)) < 1e-5 })
    }
  }

  @Test func seedsDecide() {
    for dimension in [3, 12, 64, 96] {
      for make in [KVRotation.hadamard, KVRotation.dense] {
        let first = make(3).matrix(dimension: dimension)
        #expect(first == make(3).matrix(dimension: dimension))
        #expect(first != make(9).matrix(dimension: dimension))
      }
      let gaussian = KVRotation.gaussian(dimension: dimension, seed: 3)
      #expect(gaussian == KVRotation.gaussian(dimension: dimension, seed: 3))
      #expect(gaussian != KVRotation.gaussian(dimension: dimension, seed: 4))
    }
  }

  @Test func hadamardEntriesAreOfOneSize() {
    for dimension in [2, 12, 20, 28, 52, 96, 100, 256] {
      let size = 1 / Float(dimension).squareRoot()
      let matrix = KVRotation.hadamard(seed: 2).matrix(dimension: dimension)
      #expect(matrix.allSatisfy { abs(abs($0) - size) < 1e-6 }, "order \(dimension)")
    }
  }

  @Test func kindsSayWhatIsMade() {
    let rotation = KVRotation.hadamard(seed: 0)
    #expect(rotation.kind(dimension: 128) == "Hadamard of 128")
    #expect(rotation.kind(dimension: 96) == "Hadamard of 96 = 12 x 8")
    #expect(rotation.kind(dimension: 100) == "Hadamard of 100 = 100 x 1")
    #expect(rotation.kind(dimension: 50) == "dense (no Hadamard of order 50)")
    #expect(KVRotation.dense(seed: 0).kind(dimension: 64) == "dense of 64")
    // What falls back is the dense rotation of the same seed.
    #expect(rotation.matrix(dimension: 50) == KVRotation.dense(seed: 0).matrix(dimension: 50))
  }

  /// Of a uniformly random rotation every entry has mean 0 and variance 1/d, the diagonal included,
  /// which a QR without its signs fixed does not have.
  @Test func denseRotationsAreUniform() {
    let (dimension, draws) = (6, 3000)
    var sums = [Double](repeating: 0, count: dimension * dimension)
    var squares = sums
    for seed in 0..<UInt64(draws) {
      for (index, value) in KVRotation.dense(seed: seed).matrix(dimension: dimension).enumerated() {
        sums[index] += Double(value) / Double(draws)
        squares[index] += Double(value * value) / Double(draws)
      }
    }
    #expect(sums.allSatisfy { abs($0) < 0.035 })
    #expect(squares.allSatisfy { abs($0 - 1 / 6) < 0.02 })
  }

  @Test func gaussianNumbersAreStandard() {
    let values = KVRotation.gaussian(dimension: 256, seed: 8)
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
    let variance = values.reduce(0.0) { $0 + Double($1 * $1) } / Double(values.count)
    #expect(abs(mean) < 0.015 && abs(variance - 1) < 0.025)
  }

  @Test(arguments: [12, 20, 24, 28, 36, 44, 52, 60, 76, 100, 108, 140, 244, 11264, 3072, 5120])
  func ordersOfPaleyAreMade(order: Int) throws {
    let matrix = try #require(HadamardMatrix(order: order))
    #expect(matrix.core * matrix.block == order)
    #expect(matrix.block.nonzeroBitCount == 1)
  }

  @Test(arguments: [-4, 0, 3, 6, 50, 92, 116, 156, 172]) func otherOrdersAreNot(order: Int) {
    #expect(HadamardMatrix(order: order) == nil)
  }

  @Test func coresFromElsewhereAreChecked() throws {
    let sylvester: [Float] = [1, 1, 1, -1]
    let matrix = try HadamardMatrix(order: 8, core: sylvester)
    var (found, expected) = ([Float](repeating: 0, count: 8), [Float](repeating: 0, count: 8))
    for index in 0..<8 {
      found[index] = Float(index * index)
      expected[index] = found[index]
    }
    found.withUnsafeMutableBufferPointer { matrix.apply($0.baseAddress!) }
    try WalshHadamard.transform(&expected, block: 8)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(throws: TensorError.self) { try HadamardMatrix(order: 8, core: [1, 1, 1, 1]) }
    #expect(throws: TensorError.self) { try HadamardMatrix(order: 12, core: sylvester) }
    #expect(throws: TensorError.self) {
      try PreparedRotation(matrix, signs: [1, 0, 1, 1, 1, 1, 1, 1])
    }
  }
}

import Operators
import Platform
import Tensors
import Testing

/// Vector codes against their own theory, and the formats' edges.
@Suite struct KVCoderTests {
  /// A unit vector, uniform over the sphere.
  private static func unit(_ generator: inout SeededGenerator, _ dimension: Int) -> [Float] {
    let vector = generator.normals(dimension)
    let norm = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return vector.map { Float(Double($0) / norm) }
  }

  /// The vector after its codes: levels times scales, turned back by the transposed transform.
  private static func decoded(
    _ encoded: KVCoder.Encoded, levels: [[Float]], parts: [Int], transform: [Float], dimension: Int
  ) -> [Double] {
    var stored: [Double] = []
    var first = 0
    for (index, size) in parts.enumerated() {
      for code in encoded.codes[first..<first + size] {
        stored.append(Double(levels[index][Int(code)]) * Double(encoded.scales[index]))
      }
      first += size
    }
    return (0..<dimension).map { column in
      stored.indices.reduce(0.0) { $0 + stored[$1] * Double(transform[$1 * dimension + column]) }
    }
  }

  @Test(arguments: [64, 128, 256], 1...8)
  func distortionIsTheCodebooksOwn(dimension: Int, bits: Int) throws {
    let codebook = try LloydMaxCodebook(dimension: dimension, bits: bits)
    let rotation = KVRotation.hadamard(seed: 5).matrix(dimension: dimension)
    let coder = try KVCoder(
      codebook: CodebookFormat(bits: bits), isKeys: true, headDimension: dimension,
      transform: rotation, levels: [codebook.levels])
    var generator = SeededGenerator(seed: 11, stream: [UInt64(dimension), UInt64(bits)])
    var squares = 0.0
    let count = 600
    for _ in 0..<count {
      let vector = Self.unit(&generator, dimension)
      let found = Self.decoded(
        coder.encode(vector), levels: [codebook.levels], parts: [dimension], transform: rotation,
        dimension: dimension)
      squares += zip(vector, found).reduce(0) { $0 + ($1.1 - Double($1.0)) * ($1.1 - Double($1.0)) }
    }
    let measured = squares / Double(count)
    #expect(abs(measured / codebook.distortion - 1) < 0.03)
    // Theorem 1 of the paper: at most sqrt(3) pi / 2 * 4^-b.
    let bound = 3.0.squareRoot() * Double.pi / 2 / Double(1 << (2 * bits))
    #expect(measured < bound)
  }

  /// Over projections the mean of the estimated inner product is the inner product itself, which `mse` shrinks.
  @Test(arguments: [1, 2, 3]) func signsOfTheResidualTakeTheBiasAway(bits: Int) throws {
    let dimension = 64
    var generator = SeededGenerator(seed: 3, stream: [UInt64(bits)])
    let vector = Self.unit(&generator, dimension)
    // A query along the vector has the largest bias.
    let query = vector
    let rotation = KVRotation.dense(seed: 2).matrix(dimension: dimension)
    let levels = bits > 1 ? try LloydMaxCodebook(dimension: dimension, bits: bits - 1).levels : []
    var sum = 0.0
    let rounds = 400
    for round in 0..<rounds {
      let gaussian = KVRotation.gaussian(dimension: dimension, seed: UInt64(round))
      let made = KVCoder.unbiased(
        rotation: bits > 1 ? rotation : nil, gaussian: gaussian, dimension: dimension)
      let coder = try KVCoder(
        codebook: CodebookFormat(bits: bits, form: .prod), isKeys: true, headDimension: dimension,
        transform: made.transform, projection: made.projection,
        levels: bits > 1 ? [levels, [-1, 1]] : [[-1, 1]])
      let found = Self.decoded(
        coder.encode(vector), levels: bits > 1 ? [levels, [-1, 1]] : [[-1, 1]],
        parts: bits > 1 ? [dimension, dimension] : [dimension], transform: made.transform,
        dimension: dimension)
      sum += zip(query, found).reduce(0) { $0 + Double($1.0) * $1.1 }
    }
    // Deviation of one estimate is about sqrt(pi / 2 / d) of the residual, of the mean a twentieth of it.
    #expect(abs(sum / Double(rounds) - 1) < 0.03)
    let plain = try LloydMaxCodebook(dimension: dimension, bits: bits)
    let coder = try KVCoder(
      codebook: CodebookFormat(bits: bits), isKeys: true, headDimension: dimension,
      transform: rotation, levels: [plain.levels])
    var slope = 0.0
    for _ in 0..<50 {
      let vector = Self.unit(&generator, dimension)
      let shrunk = Self.decoded(
        coder.encode(vector), levels: [plain.levels], parts: [dimension], transform: rotation,
        dimension: dimension)
      slope += zip(vector, shrunk).reduce(0) { $0 + Double($1.0) * $1.1 } / 50
    }
    #expect(slope < 1 - plain.distortion / 2)
  }

  @Test func channelsWithTheLargestSquaresComeFirst() {
    #expect(KVCoder.order([1, 9, 4, 9, 0], more: 2) == [1, 3, 0, 2, 4])
    #expect(KVCoder.order([2, 2, 2], more: 1) == [0, 1, 2])
    #expect(KVCoder.order([1, 2], more: 0) == [0, 1])
  }

  @Test func averagesOfSplitBitsAreTold() {
    func bits(_ format: CodebookFormat) -> Int {
      Int(KVFormat.codebook(format: format).bitsPerValue(headDimension: 128) * 128)
    }
    // 64 channels at 3 bits, 64 at 2, two norms of 16 bits.
    #expect(bits(CodebookFormat(bits: 2, extraShare: 0.5)) == 64 * 5 + 32)
    // The paper's "2.5 bits" are a quarter of the channels at 3.
    #expect(bits(CodebookFormat(bits: 2, extraShare: 0.25)) == 32 * 3 + 96 * 2 + 32)
    #expect(bits(CodebookFormat(bits: 3, form: .prod)) == 128 * 3 + 32)
    #expect(KVFormat.fp8(type: .f8e4m3, scale: .token).bitsPerValue(headDimension: 64) == 8.5)
    #expect(KVFormat.channelGroups(bits: 2, tokens: 32).bitsPerValue(headDimension: 64) == 3)
    #expect(KVFormat.tokenGroups(bits: 4, group: 32).bitsPerValue(headDimension: 64) == 5)
  }

  @Test func cachesThatCannotBeKeptAreRefused() {
    func refuses(_ format: KVFormatPair, _ dimension: Int = 64) -> Bool {
      (try? KVLayerCoding(format: format, headDimension: dimension)) == nil
    }
    let plain = KVFormatPair.fp16.values
    let kivi = KVFormat.channelGroups(bits: 2, tokens: 32)
    #expect(refuses(KVFormatPair(keys: kivi, values: plain)), "no window to wait in")
    #expect(
      refuses(KVFormatPair(keys: kivi, values: plain, window: KVWindow(tokens: 48))),
      "a window of no whole groups")
    #expect(!refuses(KVFormatPair(keys: kivi, values: plain, window: KVWindow(tokens: 64))))
    let turbo = KVFormat.codebook(format: CodebookFormat(bits: 3))
    #expect(
      !refuses(KVFormatPair(keys: turbo, values: turbo, window: KVWindow(tokens: 64))),
      "recent tokens are stored in the coordinates of the others")
    let prod = KVFormat.codebook(format: CodebookFormat(bits: 3, form: .prod))
    #expect(
      refuses(KVFormatPair(keys: prod, values: turbo, window: KVWindow(tokens: 64))),
      "more numbers than a recent token has")
    #expect(refuses(KVFormatPair(keys: plain, values: kivi, window: KVWindow(tokens: 64))))
    #expect(refuses(KVFormatPair(keys: turbo, values: turbo), 1024))
    #expect(
      refuses(KVFormatPair(keys: .rotated(format: turbo, rotation: .dense(seed: 1)), values: plain))
    )
    #expect(
      !refuses(KVFormatPair(keys: turbo, values: turbo), 50), "no Hadamard of this order: dense")
  }
}

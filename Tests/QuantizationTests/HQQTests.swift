import Glibc
import Models
import Platform
import Quantization
import Tensors
import Testing

@Suite struct HQQTests {
  @Test(arguments: [2, 3, 4, 8]) func lowersTheErrorOfThePlainGrid(_ bits: Int) throws {
    for axis in HQQ.Axis.allCases {
      for seed in 0..<3 {
        let weights = Samples.weights(count: 32 * 96, seed: UInt64(seed), shape: 0)
        func error(_ rounds: Int) throws -> Float {
          let result = try HQQ.quantize(
            weights, columns: 96, .init(bits: bits, group: 32, axis: axis, rounds: rounds),
            layer: "w")
          return zip(weights, result.values).reduce(0) { $0 + abs($1.0 - $1.1) }
        }
        #expect(try error(20) < error(0) * (bits == 2 ? 0.97 : 1))
      }
    }
  }

  /// One round, written out in float64 from the formulas.
  @Test(arguments: [2, 4]) func oneRoundMovesTheZeroPointAsTheFormulasSay(_ bits: Int) throws {
    let weights = Samples.weights(count: 4 * 32, seed: 19, shape: 4)
    let result = try HQQ.quantize(
      weights, columns: 32, .init(bits: bits, group: 16, rounds: 1), layer: "w")
    let highest = Double(1 << bits - 1)
    for group in 0..<8 {
      let values = weights[group * 16..<(group + 1) * 16].map(Double.init)
      let low = values.min()!
      let scale = highest / (values.max()! - low)
      let zero = -low * scale
      let moved = values.reduce(0.0) { sum, value in
        let code = max(0, min(highest, (value * scale + zero).rounded(.toNearestOrEven)))
        let error = value - (code - zero) / scale
        let kept = max(0, abs(error) - exp(-0.3 * log(abs(error))) / 10) * (error < 0 ? -1 : 1)
        return sum + code - (value - (error == 0 ? 0 : kept)) * scale
      }
      #expect(abs(Double(result.zeros[group]) - moved / 16) < 1e-4)
      #expect(abs(Double(result.scales[group]) * scale - 1) < 1e-5)
    }
    #expect(result.rounds == 1)
  }

  @Test func valuesAreThoseOfTheCodes() throws {
    let weights = Samples.weights(count: 8 * 32, seed: 2, shape: 1)
    for axis in HQQ.Axis.allCases {
      let result = try HQQ.quantize(
        weights, columns: 32, .init(bits: 3, group: 16, axis: axis), layer: "w")
      let groups = result.scales.count
      for index in weights.indices {
        let group = axis == .row ? index / 16 : index % groups
        let value = result.scales[group] * (Float(result.codes[index]) - result.zeros[group])
        #expect(abs(value - result.values[index]) <= 1e-6 * abs(value))
        #expect(result.codes[index] < 8)
      }
    }
  }

  @Test func constantGroupsAndTinyWeightsStayFinite() throws {
    for value in [Float(0), 0.25, -3, 1e-30] {
      let weights = [Float](repeating: value, count: 64)
      let result = try HQQ.quantize(weights, columns: 64, .init(bits: 4), layer: "w")
      #expect(result.values.allSatisfy { $0.isFinite && abs($0 - value) <= 1e-5 })
    }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let weights = [Float](repeating: 1, count: 96)
    func run(_ columns: Int, _ options: HQQ.Options, _ weights: [Float]) throws {
      _ = try HQQ.quantize(weights, columns: columns, options, layer: "w")
    }
    try run(48, .init(bits: 4, group: 16), weights)
    #expect(throws: QuantizationError.self) { try run(48, .init(bits: 9, group: 16), weights) }
    #expect(
      throws: QuantizationError.groupDoesNotDivide(layer: "w", columns: 48, group: 32, nearest: nil)
    ) { try run(48, .init(bits: 4, group: 32), weights) }
    // Over the whole matrix 32 divides.
    try run(48, .init(bits: 4, group: 32, axis: .strided), weights)
    var broken = weights
    broken[50] = .infinity
    #expect(
      throws: QuantizationError.notFinite(layer: "w", row: 1, column: 2, value: .infinity)
    ) { try run(48, .init(bits: 4, group: 16), broken) }
  }

  /// Errors beyond the soft threshold keep a part; large weights at 2 bits have many of them.
  @Test func largeErrorsPassTheThreshold() throws {
    let weights = Samples.weights(count: 8 * 64, seed: 7, shape: 1).map { $0 * 20 }
    func zeros(strength: Double) throws -> [Float] {
      try HQQ.quantize(
        weights, columns: 64, .init(bits: 2, rounds: 1, strength: strength), layer: "w"
      ).zeros
    }
    // So weak that nothing passes, and so strong that everything does and no zero point moves.
    let (weak, strong) = (try zeros(strength: 1e-6), try zeros(strength: 1e9))
    let plain = try HQQ.quantize(weights, columns: 64, .init(bits: 2, rounds: 0), layer: "w").zeros
    #expect(try zeros(strength: 10) != weak)
    #expect(zip(strong, plain).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(zip(weak, plain).contains { abs($0 - $1) > 1e-2 })
  }

  @Test(arguments: HQQ.Axis.allCases) func resultsDoNotDependOnThreads(_ axis: HQQ.Axis) throws {
    let weights = Samples.weights(count: 1024 * 96, seed: 3, shape: 0)
    func run(_ pool: WorkerPool?) throws -> HQQ.Result {
      try HQQ.quantize(
        weights, columns: 96, .init(bits: 3, group: 48, axis: axis), layer: "w", pool: pool)
    }
    let alone = try run(nil)
    for threads in [1, 3] {
      let shared = try run(WorkerPool(threads: threads))
      #expect(alone.codes == shared.codes)
      #expect(alone.zeros == shared.zeros)
      #expect(alone.rounds == shared.rounds)
    }
  }

  /// What is stored is what codes were chosen with: no other code is nearer to a weight.
  @Test(arguments: [2, 3, 4, 8]) func codesSuitWhatIsStored(_ bits: Int) throws {
    let weights = Samples.weights(count: 16 * 64, seed: 11, shape: 0)
    let result = try HQQ.quantize(
      weights, columns: 64, .init(bits: bits, group: 32, storesFP16: true), layer: "w")
    #expect((result.scales + result.zeros).allSatisfy { Float(Float16($0)) == $0 })
    for (place, weight) in weights.enumerated() {
      let (scale, zero) = (result.scales[place / 32], result.zeros[place / 32])
      let errors = (0..<1 << bits).map { abs(scale * (Float($0) - zero) - weight) }
      #expect(errors[Int(result.codes[place])] <= errors.min()! + 1e-6 * scale)
    }
  }

  /// Zero points of groups far from 0 do not fit FP16 at the step that their range asks for.
  @Test(arguments: [Float(1), 40, 3e4]) func groupsFarFromZeroFit(_ offset: Float) throws {
    let weights = Samples.weights(count: 4 * 64, seed: 5, shape: 0).map { offset + $0 * 0.001 }
    let result = try HQQ.quantize(
      weights, columns: 64, .init(bits: 4, storesFP16: true), layer: "w")
    #expect((result.scales + result.zeros).allSatisfy { Float(Float16($0)) == $0 })
    // FP16 itself is off by 2^-11 of such a weight.
    #expect(zip(weights, result.values).allSatisfy { abs($0 - $1) <= offset * 0x1p-11 })
  }

  @Test func flatGroupsAreCounted() throws {
    var weights = Samples.weights(count: 4 * 64, seed: 5, shape: 0)
    for place in 0..<64 { weights[place] *= 1e-6 }
    for place in 64..<128 { weights[place] = 0.5 }
    let result = try HQQ.quantize(weights, columns: 64, .init(bits: 4), layer: "w")
    #expect(result.flatGroups == 1)
  }

  @Test func theMethodWritesRealZeroPoints() throws {
    for (group, groups) in [(64, 2), (-1, 1)] {
      let options = try OptionValues(
        ["nbits": .integer(3), "group_size": .integer(group)], specs: HQQMethod.describes.options,
        method: "hqq")
      let weights = Samples.weights(count: 16 * 128, seed: 8, shape: 0)
      let view = try TensorView(dtype: .f32, shape: [16, 128], copying: weights)
      var draft = BlockDraft(
        index: 0,
        layers: [
          .init(
            projection: .down, name: "w", weight: try DenseWeight(view),
            activation: .float(type: .bf16))
        ], pool: WorkerPool(threads: 2))
      try HQQMethod(options: options).quantize(&draft)
      let found = try #require(draft.layers[0].weight as? IntegerWeight)
      #expect(found.format.bits == 3)
      #expect(found.format.zeroPoint == .real)
      #expect(found.realZeros.count == 16 * groups)
      #expect(found.realZeros.contains { $0 != $0.rounded() })
      let direct = try HQQ.quantize(
        weights, columns: 128, .init(bits: 3, group: group < 0 ? 128 : group, storesFP16: true),
        layer: "w")
      #expect(found.dequantized() == direct.values)
      #expect(draft.layers[0].method == "hqq")
      #expect(draft.layers[0].fallback == nil)
    }
  }
}

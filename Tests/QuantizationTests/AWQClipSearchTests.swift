import Platform
import Quantization
import Testing

@Suite struct AWQClipSearchTests {
  /// The share of groups that may land on another range, where two errors are as good as equal.
  static let otherChoices = 0.02

  @Test(arguments: [
    (4, 32, 96, 200), (3, 64, 128, 600), (4, 20, 60, 100), (2, 96, 96, 40), (4, 16, 64, 1),
  ])
  func agreesWithTheFormulationInFloat64(
    bits: Int, group: Int, columns: Int, tokens: Int
  ) throws {
    let sample = AWQSample(rows: 30, columns: columns, tokens: tokens, seed: 20)
    let grid = try Grid(.awq, bits: bits, isSymmetric: false)
    let clip = try AWQClipSearch.search(
      sample.layer(grid), sample: sample.seen().sample, .init(group: group, scaleType: .f32))
    let groups = columns / group
    var differing = 0
    for row in 0..<sample.rows {
      for index in 0..<groups {
        let channels = index * group..<(index + 1) * group
        let errors = PlainAWQ.clipErrors(sample, grid, row: row, channels: channels, step: 1)
        let best = errors.indices.min { errors[$0] < errors[$1] }!
        let largest = channels.map { sample.weights[row * columns + $0].magnitude }.max()!
        let place = row * groups + index
        if clip.limits[place] != largest * Float(1 - Double(best) / 20) { differing += 1 }
        #expect(abs(clip.errors[place] - errors[best]) <= 1e-3 * errors[best] + 1e-12)
        #expect(abs(clip.errorsUnclipped[place] - errors[0]) <= 1e-3 * errors[0] + 1e-12)
      }
    }
    #expect(Double(differing) <= Self.otherChoices * Double(sample.rows * groups))
    #expect(clip.clippedShare > 0.1)
  }

  @Test func noGroupBecomesWorse() throws {
    let sample = AWQSample(rows: 40, columns: 64, tokens: 300, seed: 21)
    let grid = try Grid(.awq, bits: 3, isSymmetric: false)
    let clip = try AWQClipSearch.search(
      sample.layer(grid), sample: sample.seen().sample, .init(group: 32, scaleType: .f32))
    for (clipped, unclipped) in zip(clip.errors, clip.errorsUnclipped) {
      #expect(clipped <= unclipped)
    }
    #expect(clip.errors.reduce(0, +) < 0.95 * clip.errorsUnclipped.reduce(0, +))
    // The same said of weights that were clipped and rounded.
    var weights = sample.weights
    clip.clip(&weights)
    for start in stride(from: 0, to: weights.count, by: 32) {
      let place = start / 32
      func error(_ values: [Float]) -> Double {
        let rounded = Samples.rounded(values, grid, grid.parameters(of: Samples.range(values)!))
        return (0..<300).reduce(0) { sum, token in
          let output = (0..<32).reduce(0.0) {
            let input = sample.inputs[token * 64 + start % 64 + $1]
            return $0 + Double(input) * Double(rounded[$1] - sample.weights[start + $1])
          }
          return sum + output * output / 300
        }
      }
      let found = error(Array(weights[start..<start + 32]))
      #expect(abs(found - clip.errors[place]) <= 1e-3 * found)
      #expect(found <= error(Array(sample.weights[start..<start + 32])) * 1.001)
      #expect(weights[start..<start + 32].allSatisfy { $0.magnitude <= clip.limits[place] })
    }
  }

  /// The largest weight of a group stays where nothing enters: clipping it would cost nothing on the text, and all elsewhere.
  @Test func whatTheTextDoesNotReachIsNotClipped() throws {
    let sample = AWQSample(rows: 6, columns: 32, tokens: 200, seed: 23, dead: [3])
    var weights = sample.weights
    for row in 0..<6 { weights[row * 32 + 3] = 4 }
    let layer = try AWQ.Layer(
      name: "layer", rows: 6, columns: 32, weights: weights,
      grid: Grid(.awq, bits: 3, isSymmetric: false))
    var clip = try AWQClipSearch.search(
      layer, sample: sample.seen().sample, .init(group: 16, scaleType: .f32))
    #expect((0..<6).contains { clip.limits[$0 * 2] < 4 })
    let others = (0..<6).map { clip.limits[$0 * 2 + 1] }
    clip.keep([3], of: weights)
    #expect((0..<6).allSatisfy { clip.limits[$0 * 2] == 4 })
    #expect((0..<6).map { clip.limits[$0 * 2 + 1] } == others)
  }

  @Test func theFullRangeIsTakenWhenNothingCounts() throws {
    let sample = AWQSample(rows: 6, columns: 32, tokens: 20, seed: 22, dead: Set(0..<32))
    let grid = try Grid(.awq, bits: 4, isSymmetric: false)
    let clip = try AWQClipSearch.search(
      sample.layer(grid), sample: sample.seen().sample, .init(group: 16))
    for (place, limit) in clip.limits.enumerated() {
      let values = sample.weights[place * 16..<(place + 1) * 16]
      #expect(limit == values.map(\.magnitude).max())
    }
    #expect(clip.clippedShare == 0)
    let unseen = try AWQClipSearch.search(
      sample.layer(grid), sample: TokenSample(columns: 32, expected: 0), .init(group: 16))
    #expect(unseen.limits == clip.limits)
    var weights = sample.weights
    clip.clip(&weights)
    #expect(weights == sample.weights)
  }

  @Test func tokensAreTakenInStrides() {
    for (tokens, stride, kept) in [(1, 1, 1), (511, 1, 511), (1023, 1, 1023), (1030, 2, 515)] {
      var sample = TokenSample(columns: 2, expected: tokens)
      let inputs = (0..<tokens * 2).map(Float.init)
      inputs.withUnsafeBufferPointer { inputs in
        // Sequences of uneven length, which strides run across.
        for first in Swift.stride(from: 0, to: tokens, by: 37) {
          sample.add(inputs.baseAddress! + first * 2, tokens: min(37, tokens - first))
        }
      }
      #expect(sample.stride == stride)
      #expect(sample.tokens == kept)
      let expected = Swift.stride(from: 0, to: tokens, by: stride).flatMap {
        (token: Int) -> [Float] in [inputs[2 * token], inputs[2 * token + 1]]
      }
      #expect(sample.values == expected)
    }
    let divided = TokenSample(columns: 2, expected: 9).divided(by: [2, 4])
    #expect(divided.tokens == 0)
  }

  @Test func doesNotDependOnThreads() throws {
    let sample = AWQSample(rows: 200, columns: 64, tokens: 90, seed: 23)
    let layer = try sample.layer(Grid(.awq, bits: 4, isSymmetric: false))
    let seen = sample.seen().sample
    for group in [16, 64] {
      let alone = try AWQClipSearch.search(layer, sample: seen, .init(group: group))
      let shared = try AWQClipSearch.search(
        layer, sample: seen, .init(group: group), pool: WorkerPool(threads: 3))
      #expect(alone == shared)
    }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let sample = AWQSample(rows: 4, columns: 32, tokens: 20, seed: 24)
    let grid = try Grid(.awq, bits: 4, isSymmetric: false)
    let seen = sample.seen().sample
    #expect(
      throws: QuantizationError.groupDoesNotDivide(
        layer: "block 2 down", columns: 32, group: 5, nearest: 32)
    ) { try AWQClipSearch.search(sample.layer(grid), sample: seen, .init(group: 5)) }
    #expect(throws: QuantizationError.self) {
      try AWQClipSearch.search(sample.layer(nil), sample: seen, .init(group: 16))
    }
    #expect(throws: QuantizationError.self) {
      try AWQClipSearch.search(
        sample.layer(grid), sample: TokenSample(columns: 16, expected: 1), .init(group: 16))
    }
  }
}

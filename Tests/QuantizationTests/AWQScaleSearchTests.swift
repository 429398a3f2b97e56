import Models
import Platform
import Quantization
import Testing

@Suite struct AWQScaleSearchTests {
  /// How far losses may be from float64 ones, relative: a product that meets the edge between two codes falls to either
  /// side.
  static let lossSlack = 0.01
  /// How much larger the loss at the ratio found may be than the least one, relative.
  static let choiceSlack = 0.005

  struct Setting: Sendable, CustomStringConvertible {
    var description: String
    var bits = 4
    var group: Int? = 32
    var scaling = AWQ.Scaling.activations
    var symmetric = false
    var columns = 96
  }

  static let settings: [Setting] = [
    Setting(description: "W4"),
    Setting(description: "W3, duo", bits: 3, scaling: .duo),
    Setting(description: "whole rows", group: nil),
    Setting(description: "whole rows, duo", group: nil, scaling: .duo),
    Setting(description: "no zero point", symmetric: true),
    Setting(description: "groups of a width that is no vector's", group: 20, columns: 60),
    Setting(description: "W8", bits: 8, group: 16),
    Setting(description: "more than one panel", bits: 3, group: 64, columns: 320),
  ]

  @Test(arguments: settings) func agreesWithTheFormulationInFloat64(_ setting: Setting) throws {
    let sample = AWQSample(rows: 24, columns: setting.columns, tokens: 130, seed: 4)
    let grid = try Grid(
      setting.symmetric ? .absmax : .awq, bits: setting.bits, isSymmetric: setting.symmetric)
    let curve = try search(
      sample, grid, .init(group: setting.group, scaling: setting.scaling, scaleType: .f32))
    let group = setting.group ?? setting.columns
    let inputs = PlainAWQ.inputMeans(sample)
    let weights = setting.scaling == .duo ? PlainAWQ.weightMeans(sample, group: group) : nil
    #expect(curve.ratios == (0..<20).map { Double($0) / 20 })
    var losses: [Double] = []
    for (index, ratio) in curve.ratios.enumerated() {
      let scales = PlainAWQ.scales(inputs, weights, ratio: ratio)
      let expected = PlainAWQ.loss(
        sample, PlainAWQ.rounded(sample, grid, group: group, scales: scales))
      losses.append(expected)
      #expect(abs(curve.losses[index] / expected - 1) < Self.lossSlack)
      guard index == curve.best else { continue }
      for (found, expected) in zip(curve.scales, scales) {
        #expect(abs(Double(found) / expected - 1) < 1e-5)
      }
    }
    #expect(losses[curve.best] <= losses.min()! * (1 + Self.choiceSlack))
    #expect(losses[curve.best] < 0.95 * losses[0] || setting.scaling == .duo)
  }

  @Test func momentsActivationsAndModulesGiveTheSameLosses() throws {
    for columns in [64, 384] {
      let sample = AWQSample(rows: 20, columns: columns, tokens: 300, seed: 5)
      let grid = try Grid(.awq, bits: 3, isSymmetric: false)
      let options = AWQ.Options(group: 32, scaleType: .f32)
      let inputs = sample.seen()
      let search = try AWQScaleSearch(
        [sample.layer(grid)], magnitudes: inputs.magnitudes, options)
      let moments = try search.run(try #require(try inputs.outputError()))
      let direct = try search.run(
        OutputError(inputs: sample.inputs, tokens: sample.tokens, columns: columns))
      let module = try search.run { PlainAWQ.loss(sample, $0[0].map(Double.init)) }
      for index in moments.losses.indices {
        #expect(abs(direct.losses[index] / module.losses[index] - 1) < 1e-5)
        #expect(abs(moments.losses[index] / module.losses[index] - 1) < 1e-5)
      }
      #expect(moments.scales == module.scales)
    }
  }

  @Test func theFirstOfEqualLossesIsTaken() throws {
    let sample = AWQSample(rows: 4, columns: 32, tokens: 20, seed: 6)
    let layer = try sample.layer(Grid(.awq, bits: 4, isSymmetric: false))
    let search = try AWQScaleSearch(
      [layer], magnitudes: sample.seen().magnitudes, .init(group: 32, ratios: 5))
    func best(_ losses: [Double]) throws -> Int {
      var left = losses.makeIterator()
      let curve = try search.run { _ in left.next()! }
      #expect(curve.losses.count == 5)
      return curve.best
    }
    #expect(try best([7, 7, 7, 7, 7]) == 0)
    #expect(try best([3, 2, 1, 1, 2]) == 2)
    #expect(try best([.nan, .infinity, 4, 5, 4]) == 2)
  }

  @Test func withoutRatioOnlyDuoScales() throws {
    let sample = AWQSample(rows: 10, columns: 64, tokens: 40, seed: 7)
    let layer = try sample.layer(nil)
    let inputs = sample.seen().magnitudes
    let plain = AWQScaleFormula(inputs: inputs, weights: nil).scales(at: 0)
    #expect(plain == [Float](repeating: 1, count: 64))
    let means = AWQScaleFormula.weightMeans(of: [layer], group: 32)
    let duo = AWQScaleFormula(inputs: inputs, weights: means).scales(at: 0)
    // 1 / w, up to a factor.
    for channel in 1..<64 {
      let expected = (means[0] + 1e-4) / (means[channel] + 1e-4)
      #expect(abs(duo[channel] / duo[0] / expected - 1) < 1e-5)
    }
    #expect(duo.max()! > 1.1 * duo.min()!)
  }

  @Test func weightsOfAllLayersCount() throws {
    let first = AWQSample(rows: 10, columns: 64, tokens: 1, seed: 8)
    let second = AWQSample(rows: 30, columns: 64, tokens: 1, seed: 9)
    let found = AWQScaleFormula.weightMeans(
      of: [try first.layer(nil), try second.layer(nil)], group: 16)
    let means = [first, second].map { PlainAWQ.weightMeans($0, group: 16) }
    for channel in 0..<64 {
      let expected = (means[0][channel] * 10 + means[1][channel] * 30) / 40
      #expect(abs(Double(found[channel]) / expected - 1) < 1e-5)
    }
  }

  @Test(arguments: AWQ.Scaling.allCases)
  func channelsWithoutInputDoNotShiftTheOthers(_ scaling: AWQ.Scaling) throws {
    let inputs: [Float] = [0.5, 0, 2, 1, 1e-12, 0.25]
    let weights: [Float]? = scaling == .duo ? [0.3, 0.4, 0, 0.5, 0.2, 0.6] : nil
    let filled: [Float]? = scaling == .duo ? [0.3, 0.4, 0.2, 0.5, 0.2, 0.6] : nil
    let found = AWQScaleFormula(inputs: inputs, weights: weights)
    let expected = AWQScaleFormula(inputs: [0.5, 0.25, 2, 1, 0.25, 0.25], weights: filled)
    for ratio in [0, 0.35, 0.95] {
      #expect(found.scales(at: ratio) == expected.scales(at: ratio))
      let ends = (found.scales(at: ratio).min()!, found.scales(at: ratio).max()!)
      #expect(ends.0 > 0.1 && ends.1 < 10)
    }
    let nothing = AWQScaleFormula(inputs: [0, 0, 0], weights: nil)
    #expect(nothing.scales(at: 0.5) == [1, 1, 1])
  }

  @Test func deadChannelsLeaveTheLossFinite() throws {
    let sample = AWQSample(rows: 12, columns: 64, tokens: 60, seed: 10, dead: [0, 5, 63])
    let grid = try Grid(.awq, bits: 4, isSymmetric: false)
    for scaling in AWQ.Scaling.allCases {
      let curve = try search(sample, grid, .init(group: 32, scaling: scaling))
      #expect(curve.losses.allSatisfy { $0.isFinite && $0 > 0 })
      #expect(curve.scales.allSatisfy { $0 > 1e-3 && $0 < 1e3 })
    }
  }

  @Test func inputsThatAreNoNumbersAreAnErrorOfTheSet() throws {
    let sample = AWQSample(rows: 4, columns: 32, tokens: 20, seed: 11)
    var inputs = sample.inputs
    inputs[40] = .nan
    var seen = AWQInputs(columns: 32, expected: 20, gathersMoments: true)
    inputs.withUnsafeBufferPointer { seen.add($0.baseAddress!, tokens: 20) }
    let grid = try Grid(.awq, bits: 4, isSymmetric: false)
    let layers = try ["block 1 gate", "block 1 up"].map { try sample.layer(grid, name: $0) }
    let search = try AWQScaleSearch(layers, magnitudes: seen.magnitudes, .init(group: 32))
    let outputError = try #require(try seen.outputError())
    #expect(
      throws: QuantizationError.noFiniteLoss(layers: "block 1 gate, block 1 up", tried: 20)
    ) { try search.run(outputError) }
    #expect {
      try search.run { _ in .nan }
    } throws: { "\($0)".contains("block 1 gate, block 1 up") }
  }

  @Test func layersWithoutGridStayAsTheyAre() throws {
    let sample = AWQSample(rows: 4, columns: 32, tokens: 20, seed: 12)
    let grid = try Grid(.awq, bits: 4, isSymmetric: false)
    let layers = [try sample.layer(grid), try sample.layer(nil)]
    let search = try AWQScaleSearch(
      layers, magnitudes: sample.seen().magnitudes, .init(group: 16))
    _ = try search.run { candidates in
      #expect(candidates[0] != sample.weights)
      #expect(candidates[1] == sample.weights)
      return 1
    }
  }

  @Test func tiedChannelsShareAScale() throws {
    let pair = BlockPlan.gated(
      hidden: 24, heads: 6, kvHeads: 2, headDimension: 4, intermediate: 8
    ).scalePairs[1]
    #expect(pair.isTied)
    let sample = AWQSample(rows: 6, columns: 24, tokens: 30, seed: 13)
    let means = sample.seen().magnitudes
    let curve = try AWQScaleSearch(
      [sample.layer(Grid(.awq, bits: 4, isSymmetric: false))], magnitudes: means, over: pair,
      .init(group: 8)
    ).run { _ in 1 }
    #expect(curve.best == 0)
    let scales = AWQScaleFormula(inputs: means, weights: nil, over: pair).scales(at: 0.5)
    for channel in 0..<24 {
      let first = channel / 12 * 12 + channel % 4
      #expect(scales[channel] == scales[first])
      let mean = (means[first] + means[first + 4] + means[first + 8]) / 3
      let other = (means[0] + means[4] + means[8]) / 3
      #expect(abs(scales[channel] / scales[0] / (mean / other).squareRoot() - 1) < 1e-5)
    }
  }

  @Test func doesNotDependOnThreads() throws {
    let sample = AWQSample(rows: 300, columns: 64, tokens: 60, seed: 14)
    let grid = try Grid(.awq, bits: 4, isSymmetric: false)
    let alone = try search(sample, grid, .init(group: 32))
    let shared = try search(sample, grid, .init(group: 32), pool: WorkerPool(threads: 3))
    #expect(alone == shared)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let sample = AWQSample(rows: 4, columns: 32, tokens: 20, seed: 15)
    let grid = try Grid(.awq, bits: 4, isSymmetric: false)
    let means = sample.seen().magnitudes
    #expect(
      throws: QuantizationError.groupDoesNotDivide(
        layer: "block 2 down", columns: 32, group: 24, nearest: 32)
    ) { try AWQScaleSearch([sample.layer(grid)], magnitudes: means, .init(group: 24)) }
    #expect(throws: QuantizationError.self) {
      try AWQScaleSearch([sample.layer(grid)], magnitudes: [1], .init(group: 16))
    }
    #expect(throws: QuantizationError.self) {
      try AWQScaleSearch([], magnitudes: means, .init(group: 16))
    }
    #expect(throws: QuantizationError.self) {
      try AWQScaleSearch([sample.layer(grid)], magnitudes: means, .init(group: 16, ratios: 0))
    }
    var weights = sample.weights
    weights[33] = .infinity
    #expect(
      throws: QuantizationError.notFinite(layer: "w", row: 1, column: 1, value: .infinity)
    ) { try AWQ.Layer(name: "w", rows: 4, columns: 32, weights: weights, grid: grid) }
  }

  private func search(
    _ sample: AWQSample, _ grid: Grid, _ options: AWQ.Options, pool: WorkerPool? = nil
  ) throws -> AWQScaleCurve {
    let inputs = sample.seen()
    return try AWQScaleSearch(
      [sample.layer(grid)], magnitudes: inputs.magnitudes, options, pool: pool
    ).run(try #require(try inputs.outputError()))
  }
}

import Glibc
import Operators
import Platform
import Quantization
import Tensors
import Testing

@Suite struct GPTQTests {
  /// How much of the codes may differ from the float64 formulation, where a float32 sum meets the edge
  /// between two codes and what follows differs with it.
  static let flips = 0.01
  /// How far losses may be apart, relative.
  static let lossSlack = 0.01

  struct Setting: Sendable, CustomStringConvertible {
    var description: String
    var bits = 4
    var symmetric = false
    var group: Int? = 32
    var ordered = false
    var fixed = false
    var block = 32
    var columns = 96
    var dead: Set<Int> = []
  }

  static let settings: [Setting] = [
    Setting(description: "groups of a block"),
    Setting(description: "channel", group: nil),
    Setting(description: "symmetric channel", symmetric: true, group: nil),
    Setting(description: "groups inside a block", group: 16, block: 64),
    Setting(description: "groups over blocks", group: 48, block: 16),
    Setting(description: "ordered", ordered: true),
    Setting(description: "ordered channel", group: nil, ordered: true, dead: [3, 40]),
    Setting(description: "ordered, static", ordered: true, fixed: true),
    Setting(description: "static", group: 16, fixed: true, block: 128),
    Setting(description: "dead columns", dead: [0, 17, 95]),
    Setting(description: "short last group", group: 32, columns: 80),
    Setting(description: "two bits", bits: 2, group: 16),
    Setting(description: "three bits", bits: 3, symmetric: true),
    Setting(description: "eight bits", bits: 8, group: nil),
    Setting(description: "blocks that end inside a panel", group: 20, block: 20, columns: 110),
    Setting(description: "several steps of the factorization", columns: 220),
  ]

  @Test(arguments: settings) func agreesWithTheFormulationInFloat64(_ setting: Setting) throws {
    let rows = 24
    let sample = Layer(rows: rows, columns: setting.columns, seed: 5, dead: setting.dead)
    let options = try options(setting)
    let found = try quantize(sample, options)
    let expected = PlainGPTQ.quantize(sample, options)
    #expect(found.fallback == nil)
    #expect(found.groupIndex.map(Int.init) == expected.groupIndex)
    let values = found.dequantized()
    var differing = 0
    for index in values.indices where abs(Double(values[index]) - expected.values[index]) > 1e-5 {
      differing += 1
    }
    #expect(Double(differing) <= Self.flips * Double(values.count))
    let loss = sample.loss(values.map(Double.init))
    #expect(abs(loss / sample.loss(expected.values) - 1) < Self.lossSlack)
    #expect(abs(found.loss / expected.loss - 1) < Self.lossSlack)
    for column in setting.dead {
      for row in 0..<rows { #expect(values[row * setting.columns + column] == 0) }
    }
  }

  @Test func withoutCorrelationsItIsRoundingToNearest() throws {
    let (rows, columns) = (20, 64)
    let sample = Layer(rows: rows, columns: columns, seed: 1)
    var identity = [Float](repeating: 0, count: columns * columns)
    for index in 0..<columns { identity[index * (columns + 1)] = 3 }
    for symmetric in [true, false] {
      let grid = try Grid(.gptq, bits: 4, isSymmetric: symmetric)
      let result = try GPTQ.quantize(
        sample.weights, rows: rows, columns: columns, hessian: identity,
        .init(grid: grid, group: 16), layer: "w")
      let weight = try DenseWeight(
        TensorView(dtype: .f32, shape: [rows, columns], copying: sample.weights))
      let nearest = try RoundToNearest.quantize(
        weight,
        as: WeightFormat(
          code: .integer(bits: 4), granularity: .group(size: 16), isSymmetric: symmetric),
        .init(grid: .gptq), layer: "w")
      let found = try #require(try result.weight())
      #expect(found.codes == nearest.weight.codes)
      #expect(found.scales == nearest.weight.scales)
      #expect(found.zeros == nearest.weight.zeros)
    }
  }

  @Test(arguments: [2, 3, 4, 8]) func lossIsWellBelowRoundingToNearest(_ bits: Int) throws {
    for seed in 0..<4 {
      let sample = Layer(rows: 32, columns: 128, seed: UInt64(seed))
      let grid = try Grid(.gptq, bits: bits, isSymmetric: false)
      func loss(_ options: GPTQ.Options) throws -> Double {
        sample.loss(try quantize(sample, options).dequantized().map(Double.init))
      }
      let nearest = GPTQ.Options(grid: grid, group: 32, damping: 1e9, scaleType: .f32)
      let plain = GPTQ.Options(grid: grid, group: 32, scaleType: .f32)
      var ordered = plain
      ordered.ordersByActivation = true
      #expect(try loss(plain) < 0.85 * loss(nearest))
      #expect(try loss(ordered) < 0.85 * loss(nearest))
    }
  }

  @Test func proxyLossIsTheSumOverRows() throws {
    let sample = Layer(rows: 5, columns: 24, seed: 2)
    let other = sample.weights.map { ($0 * 8).rounded() / 8 }
    let found = GPTQ.proxyLoss(
      of: sample.weights, rounded: other, rows: 5, columns: 24, hessian: sample.hessian)
    #expect(abs(found / sample.loss(other.map(Double.init)) - 1) < 1e-9)
  }

  @Test func dampingIsRaisedUntilTheHessianCanBeUsed() throws {
    let sample = Layer(rows: 8, columns: 32, seed: 3)
    // A direction with a negative moment of a twentieth of the mean diagonal, as bad inputs can leave.
    var hessian = sample.hessian
    let mean = (0..<32).reduce(0) { $0 + hessian[$1 * 33] } / 32
    for row in 0..<32 {
      for column in 0..<32 { hessian[row * 32 + column] = row == column ? mean : 0 }
    }
    hessian[1] = mean * 1.05
    hessian[32] = mean * 1.05
    let grid = try Grid(.gptq, bits: 4, isSymmetric: false)
    let result = try GPTQ.quantize(
      sample.weights, rows: 8, columns: 32, hessian: hessian, .init(grid: grid, group: 16),
      layer: "w")
    #expect(result.fallback == nil)
    #expect(result.damping == 0.1)
  }

  @Test func unusableHessiansFallBackAndSayWhy() throws {
    let sample = Layer(rows: 70, columns: 32, seed: 4)
    let grid = try Grid(.gptq, bits: 4, isSymmetric: false)
    var indefinite = sample.hessian.map { _ in Float(0) }
    for index in 0..<32 { indefinite[index * 33] = 1 }
    (indefinite[1], indefinite[32]) = (9, 9)
    var broken = sample.hessian
    broken[40] = .nan
    for (hessian, word) in [(indefinite, "positive definite"), (broken, "not finite")] {
      for group in [16, nil] {
        let result = try GPTQ.quantize(
          sample.weights, rows: 70, columns: 32, hessian: hessian,
          .init(grid: grid, group: group, ordersByActivation: true, scaleType: .f32), layer: "w",
          pool: WorkerPool(threads: 2))
        #expect(result.fallback?.contains(word) == true)
        #expect(result.damping == nil)
        let values = result.dequantized()
        for index in values.indices {
          let place = index / 32 * result.groups + index % 32 / (group ?? 32)
          #expect(abs(values[index] - sample.weights[index]) <= 0.5001 * result.scales[place])
        }
      }
    }
  }

  @Test func doesNotDependOnThreads() throws {
    let sample = Layer(rows: 200, columns: 96, seed: 6)
    let options = GPTQ.Options(
      grid: try Grid(.gptq, bits: 4, isSymmetric: false), group: 32, block: 32)
    let alone = try quantize(sample, options)
    let shared = try quantize(sample, options, pool: WorkerPool(threads: 3))
    #expect(alone.codes == shared.codes)
    #expect(alone.scales == shared.scales)
    #expect(alone.loss == shared.loss)
  }

  @Test func hessianAndFactorDoNotDependOnThreads() throws {
    // More columns than a block of the factorization, more tokens than a run of the sums, and no multiples.
    let (rows, columns, tokens) = (50, 250, 600)
    var generator = SeededGenerator(seed: 12)
    let inputs = generator.normals(tokens * columns)
    let weights = generator.normals(rows * columns)
    let options = GPTQ.Options(
      grid: try Grid(.gptq, bits: 4, isSymmetric: true), group: 50, ordersByActivation: true,
      hasStaticGroups: true)
    func run(_ pool: WorkerPool?) throws -> (hessian: [Float], result: GPTQResult) {
      var hessian = Hessian(columns: columns)
      hessian.add(inputs, tokens: tokens, pool: pool)
      let preparation = try GPTQPreparation(
        hessian, ordersByActivation: true, damping: 0.01, layer: "w", pool: pool)
      let result = try GPTQ.quantize(
        weights, rows: rows, preparation, options, layer: "w", pool: pool)
      return (hessian.matrix(), result)
    }
    let (alone, shared) = (try run(nil), try run(WorkerPool(threads: 3)))
    #expect(alone.hessian == shared.hessian)
    #expect(alone.result.codes == shared.result.codes)
    #expect(alone.result.scales == shared.result.scales)
    #expect(alone.result.loss == shared.result.loss)
    #expect(alone.result.fallback == nil)
    // The matrix written out says the same as the panels.
    let written = try GPTQPreparation(
      alone.hessian, columns: columns, ordersByActivation: true, damping: 0.01, layer: "w",
      pool: WorkerPool(threads: 2))
    #expect(
      try GPTQ.quantize(weights, rows: rows, written, options, layer: "w").codes
        == alone.result.codes)
  }

  /// Inputs of which each leans on its neighbour alone, `H_ij = r^|i - j|`, have an inverse factor of two diagonals:
  /// each error, times r, goes to the next column and no further.
  @Test(arguments: [(1, 130), (2, 4100)])
  func errorsGoToTheNextColumnAlone(_ threads: Int, _ columns: Int) throws {
    let (rows, lean) = (3, 0.7)
    var generator = SeededGenerator(seed: 14)
    let weights = generator.normals(rows * columns)
    let powers = (0..<columns).map { Float(pow(lean, Double($0))) }
    let hessian = (0..<columns * columns).map { powers[abs($0 / columns - $0 % columns)] }
    let grid = try Grid(.gptq, bits: 4, isSymmetric: true)
    let result = try GPTQ.quantize(
      weights, rows: rows, columns: columns, hessian: hessian,
      .init(grid: grid, group: nil, damping: 0, scaleType: .f32), layer: "w",
      pool: WorkerPool(threads: threads))
    #expect(result.damping == 0)
    let values = result.dequantized()
    var differing = 0
    for row in 0..<rows {
      let formula = FormulaGrid(grid, Array(weights[row * columns..<(row + 1) * columns]))
      var carried = 0.0
      for column in 0..<columns {
        let place = row * columns + column
        let value = Double(weights[place]) + carried
        let expected = formula.scale * Double(formula.code(value) - formula.zero)
        if abs(Double(values[place]) - expected) > 1e-5 { differing += 1 }
        carried = lean * (value - Double(values[place]))
      }
    }
    #expect(Double(differing) <= Self.flips * Double(rows * columns))
  }

  @Test(arguments: ExecutionProvider.allCases.filter(\.isSupported))
  func providersAgree(_ provider: ExecutionProvider) throws {
    let (rows, columns, tokens) = (60, 200, 700)
    var generator = SeededGenerator(seed: 13)
    let inputs = generator.normals(tokens * columns)
    let weights = generator.normals(rows * columns)
    func run(_ provider: ExecutionProvider) throws -> (hessian: Hessian, result: GPTQResult) {
      var hessian = Hessian(columns: columns)
      hessian.add(inputs, tokens: tokens, provider: provider)
      let preparation = try GPTQPreparation(
        hessian, ordersByActivation: false, damping: 0.01, layer: "w", provider: provider)
      let options = GPTQ.Options(grid: try Grid(.gptq, bits: 3, isSymmetric: false), group: 40)
      let result = try GPTQ.quantize(
        weights, rows: rows, preparation, options, layer: "w", provider: provider)
      return (hessian, result)
    }
    let (expected, found) = (try run(.generic), try run(provider))
    for (one, other) in zip(expected.hessian.matrix(), found.hessian.matrix()) {
      #expect(abs(one - other) < 1e-2)
    }
    let differing = zip(expected.result.codes, found.result.codes).count { $0 != $1 }
    #expect(Double(differing) <= Self.flips * Double(rows * columns))
    #expect(abs(found.result.loss / expected.result.loss - 1) < Self.lossSlack)
  }

  @Test func layersOfTheSameInputsShareAPreparation() throws {
    let sample = Layer(rows: 10, columns: 48, seed: 9, dead: [5])
    let options = GPTQ.Options(
      grid: try Grid(.gptq, bits: 4, isSymmetric: false), group: 16, ordersByActivation: true,
      hasStaticGroups: true)
    let preparation = try GPTQPreparation(
      sample.hessian, columns: 48, ordersByActivation: true, damping: 0.01, layer: "q, k, v")
    #expect(preparation.deadColumns == 1)
    #expect(preparation.silent.dead == [5] && preparation.silent.starved.isEmpty)
    #expect(preparation.damping == 0.01)
    let shared = try GPTQ.quantize(sample.weights, rows: 10, preparation, options, layer: "k")
    #expect(try shared.codes == quantize(sample, options).codes)
  }

  @Test func groupsThatFollowActivationsHaveNoPlainFormat() throws {
    let sample = Layer(rows: 4, columns: 64, seed: 7)
    var options = GPTQ.Options(
      grid: try Grid(.gptq, bits: 4, isSymmetric: true), group: 16, ordersByActivation: true)
    #expect(try quantize(sample, options).weight() == nil)
    options.hasStaticGroups = true
    let result = try quantize(sample, options)
    let weight = try #require(try result.weight())
    #expect(weight.dequantized() == result.dequantized())
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let sample = Layer(rows: 4, columns: 16, seed: 8)
    let options = GPTQ.Options(grid: try Grid(.gptq, bits: 4, isSymmetric: true), group: 16)
    func run(_ change: (inout GPTQ.Options, inout [Float], inout [Float]) -> Void) throws {
      var (options, weights, hessian) = (options, sample.weights, sample.hessian)
      change(&options, &weights, &hessian)
      _ = try GPTQ.quantize(
        weights, rows: 4, columns: 16, hessian: hessian, options, layer: "block 1 up")
    }
    try run { _, _, _ in }
    #expect(throws: QuantizationError.self) { try run { _, weights, _ in weights.removeLast() } }
    #expect(throws: QuantizationError.self) { try run { _, _, hessian in hessian.removeLast() } }
    #expect(throws: QuantizationError.self) { try run { options, _, _ in options.group = 0 } }
    #expect(throws: QuantizationError.self) { try run { options, _, _ in options.block = 0 } }
    #expect(throws: QuantizationError.self) { try run { options, _, _ in options.damping = -1 } }
    #expect(
      throws: QuantizationError.notFinite(
        layer: "block 1 up", row: 1, column: 2, value: -.infinity)
    ) { try run { _, weights, _ in weights[18] = -.infinity } }
  }

  @Test func hessiansAreMomentsOverSequences() {
    var generator = SeededGenerator(seed: 11)
    let inputs = (0..<3).map { _ in generator.normals(10 * 6) }
    var hessian = Hessian(columns: 6)
    for sequence in inputs { hessian.add(sequence, tokens: 10) }
    hessian.add(inputs[0], tokens: 0)
    #expect(hessian.sequences == 3)
    #expect(hessian.tokens == 30)
    let matrix = hessian.matrix()
    for row in 0..<6 {
      for column in 0..<6 {
        let sum = inputs.joined().enumerated().reduce(0.0) { sum, entry in
          guard entry.offset % 6 == row else { return sum }
          let token = entry.offset / 6
          let other = inputs[token / 10][token % 10 * 6 + column]
          return sum + Double(entry.element) * Double(other)
        }
        #expect(abs(Double(matrix[row * 6 + column]) - sum * 2 / 3) < 1e-4)
      }
    }
    #expect(Hessian(columns: 2).matrix() == [0, 0, 0, 0])
  }

  private func options(_ setting: Setting) throws -> GPTQ.Options {
    GPTQ.Options(
      grid: try Grid(.gptq, bits: setting.bits, isSymmetric: setting.symmetric),
      group: setting.group, ordersByActivation: setting.ordered, hasStaticGroups: setting.fixed,
      block: setting.block, scaleType: .f32)
  }

  private func quantize(
    _ sample: Layer, _ options: GPTQ.Options, pool: WorkerPool? = nil
  ) throws -> GPTQResult {
    try GPTQ.quantize(
      sample.weights, rows: sample.rows, columns: sample.columns, hessian: sample.hessian,
      options, layer: "w", pool: pool)
  }
}

/// A layer with correlated inputs of uneven size.
struct Layer {
  let rows: Int
  let columns: Int
  let weights: [Float]
  let hessian: [Float]

  init(rows: Int, columns: Int, seed: UInt64, dead: Set<Int> = []) {
    self.rows = rows
    self.columns = columns
    var generator = SeededGenerator(seed: seed, stream: [77])
    weights = generator.normals(rows * columns, deviation: 0.05)
    let sizes = (0..<columns).map { _ in Float(exp2(generator.normal())) }
    let tokens = 4 * columns
    var inputs: [Float] = []
    for _ in 0..<tokens {
      let shared = Float(generator.normal())
      var previous: Float = 0
      for column in 0..<columns {
        // Each channel leans on its neighbour and on what the token has in common.
        previous = 0.6 * previous + Float(generator.normal()) + 0.4 * shared
        inputs.append(dead.contains(column) ? 0 : previous * sizes[column])
      }
    }
    var hessian = Hessian(columns: columns)
    hessian.add(inputs, tokens: tokens)
    self.hessian = hessian.matrix()
  }

  /// `sum over rows of (w - q) H (w - q)^T`.
  func loss(_ rounded: [Double]) -> Double {
    var loss = 0.0
    for row in 0..<rows {
      let errors = (0..<columns).map {
        Double(weights[row * columns + $0]) - rounded[row * columns + $0]
      }
      for first in 0..<columns {
        for second in 0..<columns {
          loss += errors[first] * Double(hessian[first * columns + second]) * errors[second]
        }
      }
    }
    return loss
  }
}

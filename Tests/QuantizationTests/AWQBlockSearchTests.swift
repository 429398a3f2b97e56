import Glibc
import Models
import Platform
import Quantization
import Testing

@Suite struct AWQBlockSearchTests {
  /// How far outputs of a block may move when scale does, in units of the largest.
  static let foldSlack = 1e-5

  static func options(ties: Bool = false, normType: ScaleType = .f32) -> AWQ.Options {
    AWQ.Options(group: 16, tiesHeads: ties, scaleType: .f32, normType: normType)
  }

  @Test(arguments: [(4, ScaleType.f32), (4, .bf16), (2, .f32), (2, .f16)])
  func movingScaleAloneChangesNothing(kvHeads: Int, normType: ScaleType) throws {
    let block = try SmallBlock(kvHeads: kvHeads, seed: 40)
    let result = try AWQBlockSearch(
      pairs: block.pairs, Self.options(ties: true, normType: normType)
    ).run(block)
    #expect(result.curves.count == 4)
    var moved = block
    for projection in BlockPlan.gatedRoles {
      moved.weights[projection] = result.scaled(block.weights[projection]!, of: projection)
      let hasScale = result.inputScales(of: projection) != nil
      #expect(hasScale)
    }
    moved.norms.merge(result.gains) { $1 }
    #expect(moved.weights != block.weights)
    #expect(moved.norms != block.norms)
    let before = block.output()
    let largest = before.map(\.magnitude).max()!
    for (old, new) in zip(before, moved.output()) {
      #expect(abs(Double(old) - Double(new)) <= Self.foldSlack * Double(largest))
    }
  }

  @Test func sharedHeadsAreLeftOutUnlessTied() throws {
    let block = try SmallBlock(kvHeads: 2, seed: 41)
    let apart = try AWQBlockSearch(pairs: block.pairs, Self.options()).run(block)
    #expect(
      apart.curves.map(\.pair.source) == [.norm(.attention), .norm(.feedForward), .linear(.up)])
    #expect(apart.inputScales(of: .o) == nil)
    #expect(apart.outputScales(of: .v) == nil)
    let tied = try AWQBlockSearch(pairs: block.pairs, Self.options(ties: true)).run(block)
    let scales = try #require(tied.inputScales(of: .o))
    let sources = try #require(tied.outputScales(of: .v))
    #expect(sources.count == 16)
    for channel in 0..<32 {
      #expect(scales[channel] == sources[channel / 16 * 8 + channel % 8])
    }
  }

  @Test func scalesAreSearchedInTheBlockAsItWas() throws {
    let block = try SmallBlock(kvHeads: 4, seed: 42)
    let all = try AWQBlockSearch(pairs: block.pairs, Self.options()).run(block)
    for (index, pair) in block.pairs.enumerated() {
      let alone = try AWQBlockSearch(pairs: [pair], Self.options()).run(block)
      #expect(alone.curves[0].curve == all.curves[index].curve)
      #expect(alone.curves[0].curve.bestLoss <= alone.curves[0].curve.losses[0])
    }
    // The loss of a module is that of its output.
    let inputs = block.normed(block.inputs, .attention)
    let candidate = block.weights[.k]!.map { $0 * 1.01 }
    let before = block.attention(inputs, [:]).1
    let after = block.attention(inputs, [.k: candidate]).1
    let mean =
      zip(before, after).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
      / Double(before.count)
    #expect(abs(block.loss(behind: .attention, with: [.k: candidate]) / mean - 1) < 1e-6)
  }

  @Test func rangesAreSearchedInScaledLayersOfScaledInputs() throws {
    let block = try SmallBlock(kvHeads: 4, seed: 43)
    let result = try AWQBlockSearch(pairs: block.pairs, Self.options()).run(block)
    #expect(Set(result.clips.keys) == [.v, .o, .gate, .up, .down])
    let layer = try block.layer(.up)
    let scaled = try AWQ.Layer(
      name: "up", rows: layer.rows, columns: layer.columns,
      weights: result.scaled(layer.weights, of: .up), grid: layer.grid)
    let scales = try #require(result.inputScales(of: .up))
    let expected = try AWQClipSearch.search(
      scaled, sample: #require(block.inputs(of: .up)).sample.divided(by: scales), Self.options())
    #expect(result.clips[.up] == expected)
    var plain = Self.options()
    plain.clips = false
    #expect(try AWQBlockSearch(pairs: block.pairs, plain).run(block).clips.isEmpty)
  }

  @Test func layersThatStayAsTheyAreAreNotSearched() throws {
    var block = try SmallBlock(kvHeads: 4, seed: 44)
    block.kept = [.down, .up]
    let result = try AWQBlockSearch(pairs: block.pairs, Self.options()).run(block)
    #expect(
      result.curves.map(\.pair.source) == [.norm(.attention), .linear(.v), .norm(.feedForward)])
    #expect(Set(result.clips.keys) == [.v, .o, .gate])
    // They still take part in what moves.
    #expect(result.inputScales(of: .up) != nil)
    #expect(result.inputScales(of: .down) == nil)
  }
}

/// A decoder block of 32 channels with two sequences of inputs.
struct SmallBlock: AWQBlock {
  let kvHeads: Int
  let pairs: [ScalePair]
  let inputs: [Float]
  var weights: [Projection: [Float]] = [:]
  var norms: [BlockNorm: [Float]] = [:]
  var kept: Set<Projection> = []
  private let grid: Grid

  private static let hidden = 32
  private static let wide = 48
  private static let heads = 4
  private static let length = 30

  init(kvHeads: Int, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    self.kvHeads = kvHeads
    pairs =
      BlockPlan.gated(
        hidden: Self.hidden, heads: Self.heads, kvHeads: kvHeads, headDimension: 8,
        intermediate: Self.wide
      ).scalePairs
    grid = try Grid(.awq, bits: 3, isSymmetric: false)
    inputs = generator.normals(2 * Self.length * Self.hidden)
    for projection in BlockPlan.gatedRoles {
      let (rows, columns) = sizes(projection)
      weights[projection] = generator.normals(rows * columns, deviation: 0.2)
    }
    for norm in [BlockNorm.attention, .feedForward] {
      // Halves, which every type of norm holds.
      norms[norm] = generator.normals(Self.hidden, deviation: 4).map { ($0.rounded() + 0.5) / 2 }
    }
  }

  func layer(_ projection: Projection) throws -> AWQ.Layer {
    let (rows, columns) = sizes(projection)
    return try AWQ.Layer(
      name: "\(projection)", rows: rows, columns: columns, weights: weights[projection]!,
      grid: kept.contains(projection) ? nil : grid)
  }

  var roles: [Projection] { BlockPlan.gatedRoles }

  func gains(of norm: BlockNorm) -> [Float] { norms[norm]! }

  func inputs(of projection: Projection) -> AWQInputs? {
    let first = normed(inputs, .attention)
    let second = normed(middle(), .feedForward)
    let values =
      switch projection {
      case .q, .k, .v: first
      case .o: attention(first, [:]).0
      case .gate, .up: second
      default: feedForward(second, [:]).0
      }
    let columns = sizes(projection).columns
    var seen = AWQInputs(
      columns: columns, expected: 2 * Self.length,
      gathersMoments: projection == .o || projection == .down)
    values.withUnsafeBufferPointer { seen.add($0.baseAddress!, tokens: 2 * Self.length) }
    return seen
  }

  func loss(behind norm: BlockNorm, with other: [Projection: [Float]]) -> Double {
    func output(_ other: [Projection: [Float]]) -> [Float] {
      norm == .attention
        ? attention(normed(inputs, .attention), other).1
        : feedForward(normed(middle(), .feedForward), other).1
    }
    let before = output([:])
    return zip(before, output(other)).reduce(0.0) {
      $0 + pow(Double($1.0) - Double($1.1), 2) / Double(before.count)
    }
  }

  func output() -> [Float] {
    let middle = middle()
    return zip(middle, feedForward(normed(middle, .feedForward), [:]).1).map { $0 + $1 }
  }

  func normed(_ values: [Float], _ norm: BlockNorm) -> [Float] {
    var result = values
    for first in stride(from: 0, to: values.count, by: Self.hidden) {
      let square = values[first..<first + Self.hidden].reduce(0) { $0 + $1 * $1 }
      for channel in 0..<Self.hidden {
        result[first + channel] *=
          norms[norm]![channel] / (square / Float(Self.hidden)).squareRoot()
      }
    }
    return result
  }

  /// What enters o, and what leaves it.
  func attention(_ values: [Float], _ other: [Projection: [Float]]) -> ([Float], [Float]) {
    let (q, k, v) = (
      linear(values, .q, other), linear(values, .k, other), linear(values, .v, other)
    )
    let width = kvHeads * 8
    var attended = [Float](repeating: 0, count: values.count)
    for token in 0..<2 * Self.length {
      for head in 0..<Self.heads {
        let shared = head / (Self.heads / kvHeads) * 8
        let past = token / Self.length * Self.length...token
        let shares = past.map { other in
          (0..<8).reduce(Float(0)) {
            $0 + q[token * 32 + head * 8 + $1] * k[other * width + shared + $1]
          } / 8
        }
        let weights = shares.map { exp($0 - shares.max()!) }
        let sum = weights.reduce(0, +)
        for (index, other) in past.enumerated() {
          for channel in 0..<8 {
            attended[token * 32 + head * 8 + channel] +=
              weights[index] / sum * v[other * width + shared + channel]
          }
        }
      }
    }
    return (attended, linear(attended, .o, other))
  }

  private func middle() -> [Float] {
    zip(inputs, attention(normed(inputs, .attention), [:]).1).map { $0 + $1 }
  }

  private func feedForward(
    _ values: [Float], _ other: [Projection: [Float]]
  ) -> ([Float], [Float]) {
    let gated = zip(linear(values, .gate, other), linear(values, .up, other)).map {
      $0 / (1 + exp(-$0)) * $1
    }
    return (gated, linear(gated, .down, other))
  }

  private func linear(
    _ values: [Float], _ projection: Projection, _ other: [Projection: [Float]]
  ) -> [Float] {
    let weights = other[projection] ?? weights[projection]!
    let (rows, columns) = sizes(projection)
    return (0..<values.count / columns).flatMap { token in
      (0..<rows).map { row in
        var sum: Float = 0
        for channel in 0..<columns {
          sum += values[token * columns + channel] * weights[row * columns + channel]
        }
        return sum
      }
    }
  }

  private func sizes(_ projection: Projection) -> (rows: Int, columns: Int) {
    switch projection {
    case .q, .o: (Self.hidden, Self.hidden)
    case .k, .v: (kvHeads * 8, Self.hidden)
    case .gate, .up: (Self.wide, Self.hidden)
    default: (Self.hidden, Self.wide)
    }
  }
}

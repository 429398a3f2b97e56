import Models
import Operators
import Platform
import Tensors
import Testing

/// The runner against float64: float32 sums of some dozens of products.
private let tolerance = 2e-5

/// Blocks that differ from the usual one in what families differ by, run and held against `PlainBlock`.
@Suite struct PlannedBlockTests {
  /// One way in which a block differs.
  struct Variant: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let change: @Sendable (inout BlockPlan) -> Void

    init(_ name: String, _ change: @escaping @Sendable (inout BlockPlan) -> Void) {
      testDescription = name
      self.change = change
    }
  }

  static let variants = [
    Variant("as it is") { _ in },
    Variant("layer norms with biases") { plan in
      for place in [BlockNorm.attention, .feedForward] {
        plan[place] = NormPlan(.layer, width: plan.hidden, hasBias: true, name: "\(place).weight")
      }
    },
    Variant("norms after only, over all heads") { plan in
      for (place, width) in [
        (BlockNorm.attentionOutput, plan.hidden), (.feedForwardOutput, plan.hidden), (.query, 32),
        (.key, 16),
      ] { plan[place] = NormPlan(width: width, name: "\(place).weight") }
      plan[.attention] = nil
      plan[.feedForward] = nil
    },
    Variant("layer norms after") { plan in
      for place in [BlockNorm.attentionOutput, .feedForwardOutput] {
        plan[place] = NormPlan(.layer, width: plan.hidden, hasBias: true, name: "\(place).weight")
      }
    },
    Variant("no gate, GELU") { plan in ungated(&plan, .gelu) },
    Variant("no gate, ReLU") { plan in ungated(&plan, .relu) },
    Variant("no gate, no activation") { plan in ungated(&plan, nil) },
    Variant("gate without activation") { $0.feedForward.activation = nil },
    Variant("GELU by tanh") { $0.feedForward.activation = .geluTanh },
    Variant("ReLU gate") { $0.feedForward.activation = .relu },
    Variant("multiplied") { $0.residualMultiplier = 0.22 },
    Variant("multiplied after norms") { plan in
      plan.residualMultiplier = 1.5
      plan[.attentionOutput] = NormPlan(width: plan.hidden, name: "n.weight")
    },
    Variant("half of the channels turn") { $0.attention.rotation?.channels = 4 },
    Variant("nothing turns, a window, another scale") { plan in
      plan.attention.rotation = nil
      plan.attention.window = 5
      plan.attention.scale = 0.3
    },
  ]

  private static func ungated(_ plan: inout BlockPlan, _ activation: Activation?) {
    plan.feedForward = FeedForwardPlan(activation, hasGate: false)
    plan.linears.removeAll { $0.role.kind == .gate }
  }

  private func block(_ plan: BlockPlan) throws -> DecoderBlock {
    var generator = SeededGenerator(seed: 5)
    func floats(_ count: Int, _ middle: Float, _ deviation: Double) -> [Float] {
      (0..<count).map { _ in middle + Float(generator.normal() * deviation) }
    }
    var linears: [Projection: Linear] = [:]
    for linear in plan.linears {
      let view = try TensorView(
        dtype: .f32, shape: Shape(checking: [linear.rows, linear.columns]),
        copying: floats(linear.parameters, 0, 1 / Double(linear.columns).squareRoot()))
      linears[linear.role] = Linear(
        name: linear.name, weight: try DenseWeight(view), bias: floats(linear.rows, 0, 0.3),
        activation: .float(type: .f32))
    }
    var norms: [BlockNorm: NormWeight] = [:]
    for place in plan.normPlaces {
      guard let norm = plan[place] else { continue }
      norms[place] = NormWeight(
        norm, stored: floats(norm.width, 1, 0.3),
        bias: norm.hasBias ? floats(norm.width, 0, 0.3) : nil)
    }
    return try DecoderBlock(plan: plan, linears: linears, norms: norms)
  }

  @Test(arguments: variants, ExecutionProvider.allCases.filter(\.isSupported))
  func runsAsItsPlanSays(_ variant: Variant, _ provider: ExecutionProvider) throws {
    let model = try FixtureModel(name: "llama-linear").model()
    var plan = model.blocks[0].plan
    variant.change(&plan)
    #expect(plan.notRun == nil)
    let block = try block(plan)
    var generator = SeededGenerator(seed: 6)
    let input = (0..<20).map { _ in (0..<plan.hidden).map { _ in generator.normal() } }
    let hidden = try HiddenStates(tokens: 20, width: plan.hidden)
    for (place, value) in input.joined().enumerated() { hidden.pointer[place] = Float(value) }
    let context = try makeContext(provider: provider)
    try model.runBlock(
      0, block, hidden: [hidden], context: context, cache: .fp32, options: .init(chunk: 7))
    let expected = PlainBlock(block: block, epsilon: Double(model.configuration.normEpsilon))
      .run(input)
    var worst = 0.0
    for token in 0..<20 {
      for (found, value) in zip(hidden.values(token: token), expected[token]) {
        worst = max(worst, (Double(found) - value).magnitude)
      }
    }
    #expect(worst < tolerance, "\(worst)")
  }

  /// The halves one after the other are the block.
  @Test(arguments: variants) func halvesMakeTheBlock(_ variant: Variant) throws {
    let model = try FixtureModel(name: "llama-linear").model()
    var plan = model.blocks[0].plan
    variant.change(&plan)
    let block = try block(plan)
    let context = try makeContext()
    let whole = try HiddenStates(tokens: 9, width: plan.hidden)
    var generator = SeededGenerator(seed: 7)
    for place in 0..<9 * plan.hidden { whole.pointer[place] = Float(generator.normal()) }
    let parts = try whole.copy()
    let delta = try HiddenStates(tokens: 9, width: plan.hidden)
    for half in BlockHalf.allCases {
      try model.runHalf(half, 0, block, input: parts, into: delta, context: context, cache: .fp32)
      for place in 0..<9 * plan.hidden { parts.pointer[place] += delta.pointer[place] }
    }
    try model.runBlock(0, block, hidden: [whole], context: context, cache: .fp32)
    for token in 0..<9 {
      #expect(largestDifference(whole.values(token: token), parts.values(token: token)) < 1e-5)
    }
  }
}

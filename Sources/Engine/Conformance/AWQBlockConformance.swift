import Models
import Platform
import Quantization

/// AWQ over the toy decoder block of the fixtures.
///
/// Outputs are named after the tensors of a checkpoint: `clip.mlp.up_proj`, `lnscaled.input_layernorm`.
enum AWQBlockConformance {
  static func run(_ run: inout ConformanceRun) throws {
    let block = try FixtureBlock(run)
    let toy = block.toy
    let result = try AWQBlockSearch(
      pairs: toy.plan.scalePairs, AWQConformance.options(run.item, ratios: "n_grid_scale"),
      pool: run.pool
    ).run(block)
    for output in run.item.outputs {
      if output == "block_out_fp" {
        try run.check(output, block.output)
        continue
      }
      let parts = output.split(separator: ".", maxSplits: 1).map(String.init)
      let norm = parts.last.flatMap { name in
        toy.plan.normPlaces.first { toy.plan[$0]?.name == name + ".weight" }
      }
      let projection = parts.last.flatMap { name in
        toy.plan.linears.first { $0.name == name }?.role
      }
      switch (parts[0], norm, projection) {
      case ("feat", _, let projection?):
        try run.check(output, block.features(of: projection))
      case ("Wscaled", _, let projection?):
        try run.check(output, result.scaled(toy.weights[projection] ?? [], of: projection))
      case ("lnscaled", let norm?, _):
        try run.check(output, result.gains[norm] ?? toy.gains[norm] ?? [])
      case ("clip", _, let projection?):
        try run.check(output, result.clips[projection]?.limits ?? [])
      case (let kind, _, _):
        let source = norm.map { ScalePair.Source.norm($0) } ?? projection.map { .linear($0) }
        guard let found = result.curves.first(where: { $0.pair.source == source }) else {
          run.skip(output, because: "its name is of nothing that was searched")
          continue
        }
        try run.check(output, found.curve, kind: kind)
      }
    }
  }
}

/// The toy block with the weights and inputs of a fixture.
private struct FixtureBlock: AWQBlock {
  let toy: ToyDecoderBlock
  /// What leaves the block, `[tokens, hidden]`.
  let output: [Float]

  private let grid: Grid
  /// What the norms yield, `[tokens, hidden]`.
  private let normed: [BlockHalf: [Float]]
  /// What the halves after them yield, `[tokens, hidden]`.
  private let outputs: [BlockHalf: [Float]]
  private let attended: [Float]
  private let gated: [Float]

  init(_ run: ConformanceRun) throws {
    let (item, fixture) = (run.item, run.fixture)
    let shape = try fixture.dimensions("in.x_block", rank: 3)
    let intermediate = try fixture.dimensions("in.W.mlp.up_proj", rank: 2)[0]
    let heads = item.params["heads"]?.integer ?? 1
    let kvHeads = item.params["kv_heads"]?.integer ?? heads
    guard kvHeads > 0, heads % kvHeads == 0, shape[2] % heads == 0 else {
      throw ConformanceError.malformed(
        file: item.file, item: "params", expected: "heads that divide \(shape[2]) channels",
        found: "\(heads) heads, \(kvHeads) KV heads")
    }
    let plan = BlockPlan.gated(
      hidden: shape[2], heads: heads, kvHeads: kvHeads, headDimension: shape[2] / heads,
      intermediate: intermediate)
    var weights: [Projection: [Float]] = [:]
    for linear in plan.linears {
      weights[linear.role] = try fixture.floats("in.W." + linear.name)
    }
    var gains: [BlockNorm: [Float]] = [:]
    for norm in plan.openingNorms {
      gains[norm] = try plan[norm].map { plan in
        try fixture.floats("in.ln." + LinearPlan.layer(of: plan.name))
      }
    }
    toy = ToyDecoderBlock(
      hidden: shape[2], intermediate: intermediate, heads: heads, kvHeads: kvHeads,
      epsilon: Float(item.params["rms_eps"]?.double ?? 1e-5), weights: weights, gains: gains,
      length: shape[1])
    for projection in plan.roles {
      let expected = toy.rows(of: projection) * toy.columns(of: projection)
      guard weights[projection]?.count == expected else {
        throw ConformanceError.malformed(
          file: item.file, item: "the weights of \(projection)", expected: "\(expected)",
          found: "\(weights[projection]?.count ?? 0)")
      }
    }
    grid = try AWQConformance.grid(item)
    let inputs = try fixture.floats("in.x_block")
    let first = toy.normed(inputs, by: BlockHalf.attention.openingNorm)
    let attention = toy.attention(first)
    let middle = zip(inputs, attention.output).map { $0 + $1 }
    let second = toy.normed(middle, by: BlockHalf.feedForward.openingNorm)
    let feedForward = toy.feedForward(second)
    normed = [BlockHalf.attention: first, .feedForward: second]
    outputs = [BlockHalf.attention: attention.output, .feedForward: feedForward.output]
    attended = attention.attended
    gated = feedForward.gated
    output = zip(middle, feedForward.output).map { $0 + $1 }
  }

  /// What enters a layer, `[tokens, columns]`.
  func features(of projection: Projection) -> [Float] {
    if projection.readsStream { return normed[projection.half] ?? [] }
    return projection.half == .attention ? attended : gated
  }

  var roles: [Projection] { toy.plan.roles }

  func layer(_ projection: Projection) throws -> AWQ.Layer {
    try AWQ.Layer(
      name: "\(projection)", rows: toy.rows(of: projection), columns: toy.columns(of: projection),
      weights: toy.weights[projection] ?? [], grid: grid)
  }

  func gains(of norm: BlockNorm) -> [Float] { toy.gains[norm] ?? [] }

  func inputs(of projection: Projection) -> AWQInputs? {
    AWQInputs(features(of: projection), columns: toy.columns(of: projection))
  }

  func loss(behind norm: BlockNorm, with weights: [Projection: [Float]]) -> Double {
    guard let half = toy.plan.half(openedBy: norm) else { return 0 }
    let inputs = normed[half] ?? []
    let found =
      half == .attention
      ? toy.attention(inputs, with: weights).output : toy.feedForward(inputs, with: weights).output
    let sum = zip(found, outputs[half] ?? []).reduce(0.0) { sum, pair in
      let difference = Double(pair.0 - pair.1)
      return sum + difference * difference
    }
    return sum / Double(max(1, found.count))
  }
}

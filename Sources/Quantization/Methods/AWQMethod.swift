package import Models
import Operators
import Platform
import Tensors

/// AWQ: moves scale to the input channels that carry most, clips ranges, and rounds to nearest.
///
/// Lin et al., arXiv 2306.00978. Norms and the layers in front take the scale, so that the block computes the same and
/// nothing is left to do when it runs. The inputs are those of the calibration text after the blocks that are quantized
/// already; the reference takes them after blocks in full precision.
package struct AWQMethod: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "awq", title: "AWQ",
    summary: "Scales up the input channels that carry most; the layers in front make up for it.",
    target: .weights, calibration: .activations,
    options: [
      bits.spec, group.spec, symmetric.spec, scaling.spec, ratios.spec, clip.spec, tieHeads.spec,
      tokens.spec,
    ],
    aliases: ["awq-gemm"])

  package static let bits = WeightOptions.bits
  package static let group = WeightOptions.group()
  static let symmetric = WeightOptions.symmetry(standard: false)
  static let scaling = OptionKey<AWQ.Scaling>(
    "scaling", "scales from the activations (llm-awq), or from the weights as well (AutoAWQ)",
    standard: .activations)
  static let ratios = OptionKey<Int>(
    "ratios", "how many strengths of the scales are tried", in: 1...100, standard: 20,
    aliases: ["n_grid"])
  static let clip = OptionKey<Bool>(
    "clip", "clip ranges where that lessens the error", standard: true,
    aliases: ["auto_clip", "apply_clip"])
  static let tieHeads = OptionKey<Bool>(
    "tie-heads", "scale between v and o under grouped-query attention too, tied over query heads",
    standard: false)
  static let tokens = OptionKey<Int>(
    "tokens", "calibration tokens that scales are searched on; 0 for all", in: 0...10_000_000,
    standard: 4096)

  package static let revision = 2

  package static let traits = MethodTraits(
    .init(
      when: .fewerThanFourBitsFit, rank: 3, form: .fourBits(zeroPoint: .integer),
      why: "close to GPTQ at W4 and bound less to its calibration text",
      wouldChange: """
        more room than \(.weightBitsThatFit) bits a weight: then it is as good as GPTQ
        """),
    .init(
      rank: 3, form: .fourBits(zeroPoint: .integer),
      why: "close to GPTQ at W4 and bound less to its calibration text",
      wouldChange: "a calibration text unlike the workload: then it comes before GPTQ"))

  private let format: WeightFormat
  private let scaling: AWQ.Scaling
  private let ratios: Int
  private let clips: Bool
  private let tiesHeads: Bool
  private let tokens: Int

  package init(options: OptionValues) {
    format = WeightFormat(
      bits: options[Self.bits], group: options[Self.group], isSymmetric: options[Self.symmetric])
    scaling = options[Self.scaling]
    ratios = options[Self.ratios]
    clips = options[Self.clip]
    tiesHeads = options[Self.tieHeads]
    tokens = options[Self.tokens]
  }

  private var group: Int? {
    if case .group(let size) = format.granularity { size } else { nil }
  }

  private var convention: Grid.Convention { format.isSymmetric ? .absmax : .awq }

  package func quantize(_ draft: inout BlockDraft) throws {
    for layer in draft.layers where !layer.staysFloat {
      if let group {
        try RoundToNearest.checkGroup(group, columns: layer.weight.columns, layer: layer.name)
      }
    }
    guard let calibration = draft.calibration else {
      for projection in draft.layers.map(\.projection) where !draft[projection].staysFloat {
        try round(projection, draft[projection].weight, &draft)
        draft[projection].note("rounded to nearest: no calibration inputs were seen")
      }
      return
    }
    let clock = draft.clock
    let block = try CalibratedAWQBlock(draft, calibration, tokens: tokens) { layer in
      guard !layer.staysFloat else { return nil }
      return try Grid(
        convention, bits: layer.format(format).bits, isSymmetric: format.isSymmetric)
    }
    let options = AWQ.Options(
      group: group, scaling: scaling, ratios: ratios, clips: clips, tiesHeads: tiesHeads,
      normType: calibration.normType)
    let found = try AWQBlockSearch(
      pairs: calibration.scalePairs, options, pool: draft.pool, clock: clock
    ).run(block)
    for (norm, gains) in found.gains { draft.norms[norm] = gains }
    for (pair, curve) in found.curves { note(curve, of: pair, in: &draft) }
    for projection in draft.layers.map(\.projection) {
      try calibration.pause()
      let silent = try block.inputs(of: projection).map { SilentColumns(sizes: $0.magnitudes) }
      try apply(found, to: projection, silent, &draft)
      if !draft[projection].staysFloat, let silent {
        draft[projection].take(
          silent, dead: "their scales are those of the quietest others, their weights unclipped",
          starved: "their weights stay unclipped")
      }
      calibration.report("rounding \(projection)", 1)
    }
  }

  /// Puts the scaled, clipped and rounded weight of a layer into the draft.
  private func apply(
    _ found: AWQBlockResult, to projection: Projection, _ silent: SilentColumns?,
    _ draft: inout BlockDraft
  ) throws {
    let layer = draft[projection]
    let scales = LayerScales(
      input: found.inputScales(of: projection), output: found.outputScales(of: projection))
    draft[projection].scales = layer.scales.composed(with: scales)
    if let output = scales.output {
      draft[projection].bias = layer.bias.map { bias in zip(bias, output).map { $0 / $1 } }
    }
    guard !layer.staysFloat else {
      if !scales.isIdentity {
        draft[projection].weight = try scales.applied(
          to: layer.weight, storedAs: layer.floatType)
      }
      return
    }
    // The weights, what scales make of them, and a copy of that.
    try layer.weight.expectRoom(3 * MemoryLayout<Float>.stride)
    var weights = found.scaled(layer.weight.dequantized(), of: projection)
    if var clip = found.clips[projection] {
      if let silent { clip.keep(silent.dead + silent.starved, of: weights) }
      clip.clip(&weights)
    }
    try round(
      projection,
      DenseWeight(
        TensorView(
          dtype: .f32, shape: Shape(checking: [layer.weight.rows, layer.weight.columns]),
          copying: weights)), &draft)
  }

  private func round(
    _ projection: Projection, _ weight: any LinearWeight, _ draft: inout BlockDraft
  ) throws {
    let layer = draft[projection]
    let outcome = try draft.clock.time("rounding") {
      try RoundToNearest.quantize(
        weight, as: layer.format(format), .init(grid: convention), layer: layer.name,
        pool: draft.pool)
    }
    draft[projection].weight = outcome.weight
    if let reason = outcome.fallback { draft[projection].note(reason) }
    draft[projection].method = Self.describes.name
  }

  private func note(_ curve: AWQScaleCurve, of pair: ScalePair, in draft: inout BlockDraft) {
    let names = pair.targets.map(\.rawValue).joined(separator: ", ")
    for projection in pair.targets {
      draft[projection].curve = SearchCurve(
        title: "scale of \(names)", axis: "ratio", positions: curve.ratios, losses: curve.losses,
        best: curve.best)
    }
  }

  package func cost(of block: BlockSizes, tokens all: Int) -> QuantizationCost {
    let tokens = Double(tokens == 0 ? all : min(tokens, all))
    let parameters = Double(block.parameters)
    let moments = block.plan.roles.filter(\.writesStream).compactMap { block.layers[$0] }
    let squares = moments.reduce(0.0) { $0 + Double($1.columns) * Double($1.columns) }
    let quadratic = moments.reduce(0.0) {
      $0 + Double($1.rows) * Double($1.columns) * Double($1.columns)
    }
    // Every ratio runs both modules in float32; what a layer's own output costs comes from the moments.
    let hidden = block.plan.hidden
    // Half of the block in float32, with what it gives for all tokens, and a candidate of its layers as numbers and packed.
    let bytes = 3 * Int(tokens) * hidden * 4 + 2 * Int(squares) * 4 + 12 * block.parameters
    return QuantizationCost(
      passes: tokens / Double(max(1, all)),
      float32: Double(ratios) * (2 * parameters * tokens + quadratic) + tokens * squares
        + parameters * 1280,
      sweeps: Double(ratios) + 12, bytes: bytes)
  }
}

extension AWQ.Scaling: OptionChoice {}

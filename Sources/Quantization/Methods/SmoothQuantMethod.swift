package import Models
import Tensors

/// SmoothQuant: moves scale from the channels of activations that stand out to the weights, and runs both in INT8.
///
/// Xiao et al., arXiv 2211.10438 (see `SmoothQuantScales`). The scale is folded into the norm in front, so nothing is
/// left to do when the block runs; o and down have no norm in front and are quantized as they are. Scale moves before any
/// method of the recipe quantizes, so that one for weights next to it sees the smoothed ones.
package struct SmoothQuantMethod: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "smoothquant", title: "SmoothQuant",
    summary: "Moves what stands out in activations into norms and weights, then W8A8 INT8.",
    target: .activations, calibration: .activations,
    options: [alpha.spec, search.spec, reach.spec] + Int8Form.options,
    aliases: ["sq", "w8a8-smoothquant", "smooth-quant"])

  package static let alpha = OptionKey<Double>(
    "alpha", "how much of the difficulty moves to the weights", in: 0...1, standard: 0.5,
    aliases: ["smoothing_strength", "migration_strength"])
  package static let search = OptionKey<Bool>(
    "search", "search alpha for each norm, 0.3 to 0.9, by the layers' outputs", standard: false,
    aliases: ["search_alpha"])
  static let reach = OptionKey<Reach>(
    "reach", "what gives scale: norms as in the paper, or v and up as well (extension)",
    standard: .norms)

  package static let traits = MethodTraits(
    .init(
      when: .int8IsFaster, rank: 4, form: .int8(),
      why: """
        INT8 at \(.int8Rate) against \(.bf16Rate) in BF16, with outlier channels moved into the weights first
        """,
      wouldChange: "an outlier survey without outliers: then plain INT8 needs no calibration"),
    .init(
      rank: 4, form: .int8(),
      why: """
        INT8 is no faster here (\(.int8Rate) against \(.bf16Rate)), but outlier channels are dealt with
        """,
      wouldChange: "an outlier survey without outliers: then plain INT8 needs no calibration"))

  /// Which neighbours of layers scale moves to.
  enum Reach: String, OptionChoice {
    case norms
    /// v before o, and up before down: not in the paper.
    case all
  }

  private let alpha: Double
  private let searches: Bool
  private let reach: Reach
  private let form: Int8Form

  package init(options: OptionValues) {
    alpha = options[Self.alpha]
    searches = options[Self.search]
    reach = options[Self.reach]
    form = Int8Form(options)
  }

  package func prepare(_ draft: inout BlockDraft) throws {
    guard let calibration = draft.calibration else {
      for layer in draft.layers where layer.projection.readsStream && !layer.staysFloat {
        let projection = layer.projection
        draft[projection].note("not smoothed: no calibration inputs were seen")
      }
      return
    }
    let pairs = pairs(calibration.scalePairs, draft)
    guard !pairs.isEmpty else { return }
    let ranges = try calibration.ranges(
      of: draft, groups: Set(pairs.map { draft.lead(of: $0.targets[0]) }),
      sampled: searches ? SmoothQuantSearch.tokens : 0)
    for pair in pairs {
      guard let inputs = ranges[draft.lead(of: pair.targets[0])] else { continue }
      try smooth(pair, inputs, calibration, &draft)
    }
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    try form.apply(to: &draft, method: Self.describes.name)
  }

  /// The pairs that scale moves over; linear sources first, so that norms are searched with the rows that will run.
  private func pairs(_ pairs: [ScalePair], _ draft: BlockDraft) -> [ScalePair] {
    let wanted = pairs.filter { pair in
      pair.targets.contains { !draft[$0].staysFloat } && (reach == .all || pair.isBehindNorm)
    }
    return wanted.filter { !$0.isBehindNorm } + wanted.filter { $0.isBehindNorm }
  }

  private func smooth(
    _ pair: ScalePair, _ inputs: ChannelRanges, _ calibration: BlockCalibration,
    _ draft: inout BlockDraft
  ) throws {
    let magnitudes = pair.largest(of: inputs.magnitudes)
    let maxima = pair.largest(
      of: SmoothQuantScales.weightMaxima(of: pair.targets.map { draft[$0].weight }))
    let type = calibration.normType
    let gains: [Float]? =
      switch pair.source {
      case .norm(let norm): draft.norms[norm] ?? calibration.gains(of: norm)
      case .linear: nil
      }
    func fold(_ alpha: Double) -> (fold: ScaleFold, gains: [Float]?) {
      let scales = SmoothQuantScales.reached(inputs: magnitudes, weights: maxima, alpha: alpha)
      guard var gains else { return (ScaleFold(scales, over: pair), nil) }
      let fold = ScaleFold(scales, over: pair, dividing: &gains, as: type)
      return (fold, gains)
    }
    var chosen = alpha
    if searches {
      let search = SmoothQuantSearch(form: form, draft: draft, context: calibration.context)
      let curve = try search.run(over: pair.targets, inputs: inputs) { fold($0).fold.targetScales }
      chosen = curve.positions[curve.best]
      for projection in pair.targets { draft[projection].curve = curve }
    }
    let found = fold(chosen)
    if case .norm(let norm) = pair.source { draft.norms[norm] = found.gains }
    if case .linear(let source) = pair.source {
      try move(LayerScales(output: found.fold.sourceScales), into: source, &draft)
    }
    let silent = SilentColumns(sizes: inputs.magnitudes)
    for target in pair.targets {
      try move(LayerScales(input: found.fold.targetScales), into: target, &draft)
      draft[target].take(silent, dead: "their scales stay 1", starved: nil)
    }
  }

  /// Multiplies a layer's weight, and notes it; what stays FP is stored as it was.
  private func move(
    _ scales: LayerScales, into projection: Projection, _ draft: inout BlockDraft
  ) throws {
    let layer = draft[projection]
    draft[projection].weight = try scales.applied(
      to: layer.weight, storedAs: layer.staysFloat ? layer.floatType : .f32)
    draft[projection].scales = layer.scales.composed(with: scales)
    if let output = scales.output {
      draft[projection].bias = layer.bias.map { bias in zip(bias, output).map { $0 / $1 } }
    }
  }

  package func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost {
    let smoothed = block.plan.roles.filter { reach == .all || $0.readsStream }
    let weights = Double(block.parameters(of: smoothed))
    let sampled = Double(searches ? min(tokens, 2 * SmoothQuantSearch.tokens) : 0)
    let trials = searches ? Double(SmoothQuantSearch.strengths.count) : 0
    let widest = block.layers.values.map { $0.rows + $0.columns }.max() ?? 0
    // Maxima are taken while the calibration text runs through the block as it is.
    return QuantizationCost(
      float32: 2 * (trials + 1) * weights * sampled, sweeps: 4 + 4 * trials,
      bytes: 3 * Int(sampled) * widest * 4) + form.activations.cost
  }
}

extension ScalePair {
  fileprivate var isBehindNorm: Bool { if case .norm = source { true } else { false } }
}

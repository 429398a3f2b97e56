import Models
import Operators
import Platform
import Tensors

/// GPTQ: rounds a layer column by column, and lets the columns to come make up for each error.
///
/// Frantar et al., arXiv 2210.17323. The inputs that shape the Hessian are those of the calibration text behind the
/// blocks that are quantized already, and, true-sequential, behind the layers of the same block that are. Act-order
/// takes its groups from the original order of the columns (static groups), so that no index of groups is needed when
/// the layer runs.
package struct GPTQMethod: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "gptq", title: "GPTQ",
    summary: "Rounds column by column; the columns to come make up for each error on real inputs.",
    target: .weights, calibration: .activations,
    options: [
      .weightBits,
      .weightGroup(),
      .weightSymmetry(standard: true),
      OptionSpec(
        key: "act-order", summary: "the columns with the largest inputs first, in static groups",
        kind: .flag, standard: .flag(false), aliases: ["desc_act", "actorder"]),
      OptionSpec(
        key: "true-sequential",
        summary:
          "inputs run through the block's own quantized layers: q k v, then o, gate up, down",
        kind: .flag, standard: .flag(true), aliases: ["true_sequential"]),
      OptionSpec(
        key: "static-groups",
        summary: "all groups' grids from the original weights, before rounding",
        kind: .flag, standard: .flag(false), aliases: ["static_groups"]),
      OptionSpec(
        key: "block", summary: "columns rounded between two updates of all columns to come",
        kind: .integer(lowest: 16, highest: 1024, listed: []), standard: .integer(128),
        aliases: ["block_size", "blocksize"]),
      OptionSpec(
        key: "damping", summary: "share of the mean diagonal added to the Hessian's",
        kind: .decimal(lowest: 0, highest: 1), standard: .decimal(0.01),
        aliases: ["damp_percent", "percdamp", "dampening_frac"]),
      OptionSpec(
        key: "mse", summary: "search each range for the least error instead of taking min and max",
        kind: .flag, standard: .flag(false)),
    ])

  private let format: WeightFormat
  private let ordersByActivation: Bool
  private let isTrueSequential: Bool
  private let hasStaticGroups: Bool
  private let block: Int
  private let damping: Double
  private let searchesRange: Bool

  package init(options: OptionValues) {
    format = options.weightFormat
    ordersByActivation = options.flag("act-order")
    isTrueSequential = options.flag("true-sequential")
    hasStaticGroups = options.flag("static-groups") || ordersByActivation
    block = options.integer("block")
    damping = options.decimal("damping")
    searchesRange = options.flag("mse")
  }

  /// Layers that share their inputs, in the order of the forward pass.
  private static let groups: [Projection] = [.q, .o, .gate, .down]

  package func quantize(_ draft: inout BlockDraft) throws {
    for layer in draft.layers where !layer.staysFloat {
      if case .group(let size) = format.granularity {
        try RoundToNearest.checkGroup(size, columns: layer.weight.columns, layer: layer.name)
      }
    }
    let wanted = Self.groups.filter { group in
      group.inputGroup.contains { !draft[$0].staysFloat }
    }
    let calibration = draft.calibration
    var hessians: [Projection: Hessian] = [:]
    if let calibration, !isTrueSequential {
      hessians = try calibration.hessians(
        of: draft.drafted(from: calibration.block), groups: wanted)
    }
    for group in wanted {
      if let calibration, isTrueSequential {
        hessians = try calibration.hessians(
          of: draft.drafted(from: calibration.block), groups: [group])
      }
      // Taken out, so that the matrix is given back as soon as it is factored.
      let preparation = try hessians.removeValue(forKey: group).map { hessian in
        try GPTQPreparation(
          hessian, ordersByActivation: ordersByActivation, damping: damping,
          layer: draft[group].name, pool: draft.pool,
          provider: calibration?.context.provider ?? .best)
      }
      for projection in group.inputGroup where !draft[projection].staysFloat {
        try calibration?.pause()
        try round(projection, preparation, &draft)
        calibration?.report("rounding \(projection)", 1)
      }
    }
  }

  private func round(
    _ projection: Projection, _ preparation: GPTQPreparation?, _ draft: inout BlockDraft
  ) throws {
    let layer = draft[projection]
    let format = layer.format(format)
    draft[projection].method = Self.describes.name
    guard let preparation else {
      let outcome = try RoundToNearest.quantize(
        layer.weight, as: format, .init(grid: .gptq, searchesRange: searchesRange),
        layer: layer.name, pool: draft.pool)
      draft[projection].weight = outcome.weight
      draft[projection].note(
        outcome.fallback ?? "rounded to nearest: no calibration inputs were seen")
      return
    }
    let group: Int? = if case .group(let size) = format.granularity { size } else { nil }
    let result = try GPTQ.quantize(
      layer.weight.dequantized(), rows: layer.weight.rows, preparation,
      GPTQ.Options(
        grid: Grid(.gptq, bits: format.bits, isSymmetric: format.isSymmetric), group: group,
        ordersByActivation: ordersByActivation, hasStaticGroups: hasStaticGroups, damping: damping,
        block: block, searchesRange: searchesRange),
      layer: layer.name, pool: draft.pool, provider: draft.calibration?.context.provider ?? .best)
    guard let weight = try result.weight() else {
      throw QuantizationError.invalidOption(
        method: Self.describes.name, key: "static-groups",
        expected: "groups in the order of the columns", found: "groups in the order of activations")
    }
    draft[projection].weight = weight
    if let reason = result.fallback { draft[projection].note(reason) }
    draft[projection].rawLoss = result.loss
  }

  package func cost(of block: BlockSizes, tokens: Int) -> QuantizationCost {
    let widest = block.inputs.max() ?? 0
    let cubes = block.inputs.reduce(0.0) { $0 + Double($1) * Double($1) * Double($1) }
    let squares = block.inputs.reduce(0.0) { $0 + Double($1) * Double($1) }
    let updates = block.layers.values.reduce(0.0) {
      $0 + Double($1.rows) * Double($1.columns) * Double($1.columns)
    }
    // The Hessian as sums, whole, in float64 and as a factor.
    let bytes =
      (isTrueSequential ? widest * widest : Int(squares)) * 4 + widest * widest * (4 + 8 + 4)
    let whole = Double(max(1, block.parameters))
    func share(_ members: [Projection]) -> Double {
      members.reduce(0) {
        $0 + Double((block.layers[$1]?.rows ?? 0) * (block.layers[$1]?.columns ?? 0)) / whole
      }
    }
    let attention = share([.q, .k, .v, .o])
    let down = share([.down])
    return QuantizationCost(
      // A block runs only as far as the inputs that are wanted: nothing of it for q, k and v.
      passes: (isTrueSequential ? 2 * attention + 1 : 1) - down,
      float32: Double(tokens) * squares + updates,
      float64: cubes * 2 / 3, walks: 2, bytes: bytes)
  }
}

package import Models
import Operators
import Platform
import Tensors

/// GPTQ: rounds a layer column by column, and lets the columns to come make up for each error.
///
/// Frantar et al., arXiv 2210.17323. The inputs that shape the Hessian are those of the calibration text after the
/// blocks that are quantized already, and, true-sequential, after the layers of the same block that are. Act-order
/// takes its groups from the original order of the columns (static groups), so that no index of groups is needed when
/// the layer runs. That and the search of ranges cost nothing when the layer runs, and together they measured best of all
/// their choices at 3 and 4 bits (docs/defaults.md); quantizing takes up to twice as long for the search.
package struct GPTQMethod: QuantizationMethod {
  package static let describes = MethodDescription(
    name: "gptq", title: "GPTQ",
    summary: "Rounds column by column; the columns to come make up for each error on real inputs.",
    target: .weights, calibration: .activations,
    options: [
      bits.spec, group.spec, symmetric.spec, actOrder.spec, trueSequential.spec, staticGroups.spec,
      block.spec, damping.spec, mse.spec, zeroDead.spec,
    ])

  package static let bits = WeightOptions.bits
  package static let group = WeightOptions.group()
  static let symmetric = WeightOptions.symmetry(standard: true)
  static let actOrder = OptionKey<Bool>(
    "act-order", "the columns with the largest inputs first, in static groups", standard: true,
    aliases: ["desc_act", "actorder"])
  static let trueSequential = OptionKey<Bool>(
    "true-sequential",
    "inputs run through the block's own quantized layers: q k v, then o, gate up, down",
    standard: true, aliases: ["true_sequential"])
  static let staticGroups = OptionKey<Bool>(
    "static-groups", "all groups' grids from the original weights, before rounding",
    standard: false, aliases: ["static_groups"])
  static let block = OptionKey<Int>(
    "block", "columns rounded between two updates of all columns to come", in: 16...1024,
    standard: 128, aliases: ["block_size", "blocksize"])
  static let damping = OptionKey<Double>(
    "damping", "share of the mean diagonal added to the Hessian's", in: 0...1, standard: 0.01,
    aliases: ["damp_percent", "percdamp", "dampening_frac"])
  static let mse = OptionKey<Bool>(
    "mse", "search each range for the least error instead of taking min and max", standard: true)

  static let zeroDead = OptionKey<Bool>(
    "zero-dead", "set weights of inputs that calibration never sees to 0, as the reference does",
    standard: false)

  package static let revision = 3

  package static let traits = MethodTraits(
    .init(
      when: .fewerThanFourBitsFit, rank: 4, form: .fourBits(),
      why: "only \(.weightBitsThatFit) bits a weight fit, and it holds best below W4",
      wouldChange: "no text like the workload's to calibrate on: HQQ"),
    .init(
      rank: 4, form: .fourBits(),
      why: """
        pushes each rounding error onto columns not yet rounded, the least error of these at W4
        """,
      wouldChange: "no text like the workload's to calibrate on: HQQ"))

  private let format: WeightFormat
  private let ordersByActivation: Bool
  private let isTrueSequential: Bool
  private let hasStaticGroups: Bool
  private let block: Int
  private let damping: Double
  private let searchesRange: Bool
  private let zeroesDead: Bool

  package init(options: OptionValues) {
    format = WeightFormat(
      bits: options[Self.bits], group: options[Self.group], isSymmetric: options[Self.symmetric])
    ordersByActivation = options[Self.actOrder]
    isTrueSequential = options[Self.trueSequential]
    hasStaticGroups = options[Self.staticGroups] || ordersByActivation
    block = options[Self.block]
    damping = options[Self.damping]
    searchesRange = options[Self.mse]
    zeroesDead = options[Self.zeroDead]
  }

  package func quantize(_ draft: inout BlockDraft) throws {
    for layer in draft.layers where !layer.staysFloat {
      if case .group(let size) = format.granularity {
        try RoundToNearest.checkGroup(size, columns: layer.weight.columns, layer: layer.name)
      }
    }
    // Layers that share their inputs, in the order of the forward pass.
    let wanted = draft.inputGroups.filter { group in
      group.roles.contains { !draft[$0].staysFloat }
    }
    let clock = draft.clock
    let calibration = draft.calibration
    var hessians: [Projection: Hessian] = [:]
    if let calibration, !isTrueSequential {
      hessians = try clock.time("hessian") {
        try calibration.hessians(of: draft, groups: wanted.map(\.lead))
      }
    }
    for stage in Self.stages(wanted) {
      if let calibration, isTrueSequential {
        hessians = try clock.time("hessian") {
          try calibration.hessians(of: draft, groups: stage.map(\.lead))
        }
      }
      try round(stage, &hessians, &draft)
    }
  }

  /// Groups that do not read what others of them yield, in the order of the forward pass: those of a dense block one by one,
  /// the experts of a mixture together, some at a time.
  private static func stages(_ groups: [InputGroup]) -> [[InputGroup]] {
    let order = groups.enumerated().sorted {
      (stage($0.element), $0.offset) < (stage($1.element), $1.offset)
    }.map(\.element)
    return order.reduce(into: []) { stages, group in
      if let last = stages.last, last.count < mostAtOnce, let first = last.first,
        stage(first) == stage(group)
      {
        stages[stages.count - 1].append(group)
      } else {
        stages.append([group])
      }
    }
  }

  /// Groups whose Hessians are held at a time.
  private static let mostAtOnce = 16

  private static func stage(_ group: InputGroup) -> Int {
    (group.lead.half == .attention ? 0 : 2) + (group.readsStream ? 0 : 1)
  }

  /// Rounds the layers of some groups.
  private func round(
    _ stage: [InputGroup], _ hessians: inout [Projection: Hessian], _ draft: inout BlockDraft
  ) throws {
    let (clock, calibration) = (draft.clock, draft.calibration)
    for group in stage {
      // Taken out, so that the matrix is given back as soon as it is factored.
      let preparation = try clock.time("factorization") {
        try hessians.removeValue(forKey: group.lead).flatMap {
          hessian -> GPTQPreparation? in
          guard Self.sees(enough: hessian, group) else { return nil }
          try HeapMemory.expect(GPTQPreparation.workingBytes(columns: hessian.columns))
          return try GPTQPreparation(
            hessian, ordersByActivation: ordersByActivation, damping: damping,
            setsStarvedApart: !zeroesDead, layer: draft[group.lead].name, pool: draft.pool,
            provider: calibration?.context.provider ?? .best)
        }
      }
      for projection in group.roles where !draft[projection].staysFloat {
        try calibration?.pause()
        try round(projection, preparation, &draft)
        calibration?.report("rounding \(projection)", 1)
      }
    }
  }

  /// Fewer tokens than this say too little of what an expert reads.
  private static let fewestOfExpert = 32

  /// Whether enough calibration tokens came to the layers: experts that few were sent to are rounded to nearest.
  private static func sees(enough hessian: Hessian, _ group: InputGroup) -> Bool {
    group.lead.expert == nil || hessian.tokens >= fewestOfExpert
  }

  private func round(
    _ projection: Projection, _ preparation: GPTQPreparation?, _ draft: inout BlockDraft
  ) throws {
    let layer = draft[projection]
    let format = layer.format(format)
    draft[projection].method = Self.describes.name
    guard let preparation else {
      let outcome = try draft.clock.time("rounding") {
        try RoundToNearest.quantize(
          layer.weight, as: format, .init(grid: .gptq, searchesRange: searchesRange),
          layer: layer.name, pool: draft.pool)
      }
      draft[projection].weight = outcome.weight
      draft[projection].note(
        draft.calibration == nil || projection.expert == nil
          ? "rounded to nearest: no calibration inputs were seen"
          : "rounded to nearest: fewer than \(Self.fewestOfExpert) calibration tokens came to the expert"
      )
      if let reason = outcome.fallback { draft[projection].note(reason) }
      return
    }
    let group: Int? = if case .group(let size) = format.granularity { size } else { nil }
    var options = GPTQ.Options(
      grid: try Grid(.gptq, bits: format.bits, isSymmetric: format.isSymmetric), group: group,
      ordersByActivation: ordersByActivation, hasStaticGroups: hasStaticGroups, damping: damping,
      block: block, searchesRange: searchesRange, zeroesDead: zeroesDead)
    let (clock, pool, provider) = (
      draft.clock, draft.pool, draft.calibration?.context.provider ?? .best
    )
    // The weights, and a code each.
    try layer.weight.expectRoom(MemoryLayout<Float>.stride + 1)
    func rounded(_ options: GPTQ.Options) throws -> GPTQResult {
      try clock.time("rounding") {
        try GPTQ.quantize(
          layer.weight.dequantized(), rows: layer.weight.rows, preparation, options,
          layer: layer.name, pool: pool, provider: provider)
      }
    }
    var result = try rounded(options)
    if let reason = result.scales.max().flatMap(ScaleType.shortfall) {
      options.scaleType = .bf16
      result = try rounded(options)
      draft[projection].note(reason)
    }
    guard let weight = try draft.clock.time("packing", { try result.weight() }) else {
      throw QuantizationError.invalidOption(
        method: Self.describes.name, key: Self.staticGroups.spec.key,
        expected: "groups in the order of the columns", found: "groups in the order of activations")
    }
    draft[projection].weight = weight
    if let reason = result.fallback { draft[projection].note(reason) }
    let nearest = "their weights are rounded to nearest"
    draft[projection].take(
      preparation.silent, dead: zeroesDead ? "their weights are 0" : nearest,
      starved: zeroesDead ? "their weights make up for errors of others" : nearest)
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
      members.reduce(0) { $0 + Double(block.parameters(of: [$1])) / whole }
    }
    let attention = share(block.plan.roles(of: .attention))
    let down = share(block.plan.roles(of: .feedForward).filter(\.writesStream))
    return QuantizationCost(
      // A block runs only as far as the inputs that are wanted: nothing of it for q, k and v.
      passes: (isTrueSequential ? 2 * attention + 1 : 1) - down,
      float32: Double(tokens) * squares + updates,
      float64: cubes * 2 / 3, sweeps: searchesRange ? 26 : 2, bytes: bytes)
  }
}

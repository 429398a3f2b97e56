import Models
import Operators
import Planning
import Platform
import Quantization
import Tensors

extension Laboratory {
  /// What a recipe would cost, from the sizes of the model and the kernels there are.
  func assess(_ recipe: Recipe, _ calibration: CalibrationOptions) throws -> AssessReport {
    let bench = try bench(for: "pricing a recipe")
    let shape = bench.summary.shape
    var problems: [String] = []
    var demand = RuntimeDemand()
    var cache = KVFormatPair.fp16
    var bits = 16.0
    var tableBits = 16.0
    var price: Preflight?
    do {
      if let head = recipe.head {
        tableBits = try head.bitsPerWeight(columns: shape.hiddenSize)
        demand.weights = head.format(columns: shape.hiddenSize)
      }
      cache = try recipe.cacheFormat(standard: .fp16)
      if cache != .fp16 { demand.ask(for: cache) }
      if let trial = try trial(recipe, bench.model) {
        demand.weights = trial.format.isFloat ? nil : trial.format
        demand.activations = recipe.activations == nil ? nil : trial.activation
        bits = trial.bits
      }
      let length = min(calibration.length, shape.context)
      price = try preflight(
        recipe, bench, [Int](repeating: length, count: calibration.samples), keeps: true)
    } catch let error as QuantizationError {
      problems.append(Self.advice(on: error))
    }
    return AssessReport(
      recipe: recipe, seconds: problems.isEmpty ? price?.seconds : nil,
      peakResidentBytes: price?.peakBytes ?? Machine.residentBytes() ?? 0,
      outputBytes: Int(shape.weightBytes(bitsPerWeight: bits, tableBits: tableBits)),
      baselineBytes: bench.model.weightBytes,
      kvBytesPerToken: shape.kvBytesPerToken(cache),
      baselineKVBytesPerToken: shape.kvBytesPerToken(.fp16),
      coverage: RuntimeRules.coverage(demand), problems: problems,
      diskBytes: price.map { $0.keptBytes + $0.artifactBytes }, warnings: price?.warnings)
  }

  /// A refusal with what helps; for a group that does not divide, the runtimes that take the nearest one.
  static func advice(on error: QuantizationError) -> String {
    guard case .groupDoesNotDivide(_, _, _, let nearest) = error else { return "\(error)" }
    let format = WeightFormat(code: .integer(bits: 4), granularity: .group(size: nearest))
    let takers = RuntimeRules.coverage(RuntimeDemand(weights: format))
      .filter { $0.support == .native }.map(\.runtime)
    return "\(error), which "
      + (takers.isEmpty
        ? "no other runtime we know of executes natively"
        : "\(takers.joined(separator: ", ")) execute\(takers.count == 1 ? "s" : "") natively")
  }

  /// A recipe tried on zeros.
  struct Trial {
    /// Of the first layer that no exception covers.
    var format: WeightFormat
    var activation: ActivationFormat
    /// Bits of a weight, scales included, over all layers.
    var bits: Double
  }

  /// Tries the recipe on zeros of the widths of the model's layers: formats and refusals, without its weights; nil when
  /// no method touches them.
  ///
  /// - Throws: `QuantizationError` for what the methods refuse.
  func trial(_ recipe: Recipe, _ model: Model) throws -> Trial? {
    guard try !recipe.methods().isEmpty else { return nil }
    let plain = try trialBlock(recipe, model, treatment: nil)
    var drafts: [LayerException.Treatment?: BlockDraft] = [nil: plain]
    var stored = 0.0
    var total = 0.0
    for id in model.linears {
      let treatment = recipe.treatment(of: id)
      let draft = try drafts[treatment] ?? trialBlock(recipe, model, treatment: treatment)
      drafts[treatment] = draft
      let size = model[id].weight
      let layer = draft[id.projection]
      let weights = Double(size.rows * size.columns)
      stored +=
        layer.weight.format.isFloat
        ? weights * 16
        : weights * Double(layer.weight.byteCount * 8)
          / Double(Self.trialRows * size.columns)
      total += weights
    }
    return Trial(
      format: plain.layers[0].weight.format, activation: plain.layers[0].activation,
      bits: stored / max(1, total))
  }

  /// Rows of the layers a recipe is tried on.
  private static let trialRows = 16

  private func trialBlock(
    _ recipe: Recipe, _ model: Model, treatment: LayerException.Treatment?
  ) throws -> BlockDraft {
    var draft = BlockDraft(
      index: 0,
      layers: try model.blocks[0].plan.linears.map { linear in
        let (projection, columns) = (linear.role, linear.columns)
        let zeros = try TensorView(
          dtype: .f32, shape: Shape(checking: [Self.trialRows, columns]),
          copying: [Float](repeating: 0, count: Self.trialRows * columns))
        return BlockDraft.Layer(
          projection: projection, name: "every \(projection)", weight: try DenseWeight(zeros),
          activation: model.precision.activation, treatment: treatment, input: linear.input)
      }, pool: pool)
    draft.isOutline = true
    try draft.run(recipe.methods())
    return draft
  }
}

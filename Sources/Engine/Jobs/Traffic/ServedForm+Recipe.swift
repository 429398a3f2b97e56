import Models
import Operators
import Planning
import Platform
import Quantization
import Tensors

extension ServedForm {
  /// A recipe on a model that need not be open: its methods are run on zeros of the widths of the layers.
  ///
  /// - Throws: `QuantizationError` for what the methods refuse.
  init(_ recipe: Recipe, of shape: ModelShape, on peaks: MachinePeaks, pool: WorkerPool) throws {
    let recipe = try recipe.fitted(to: recipe.widths(of: shape)).recipe
    let stored = shape.storedBits ?? 16
    var form = ServedForm(
      name: recipe.isBaseline ? "FP" : RecipeText.text(of: recipe),
      linearBytes: Double(shape.blockLinearParameters) * stored / 8, tableBits: stored,
      rate: peaks.bf16Rate)
    if let head = recipe.head {
      form.tableBits = try head.bitsPerWeight(columns: shape.hiddenSize)
    }
    if try !recipe.methods().isEmpty {
      let trial = try Self.trial(recipe, of: shape, stored: stored, pool: pool)
      form.linearBytes = trial.bytes
      (form.unit, form.rate) = Self.arithmetic(trial.activation, peaks)
    }
    form.setCache(try recipe.cacheFormat(standard: .fp16), of: shape)
    self = form
  }

  /// What multiplies layers whose inputs are so, and how fast.
  private static func arithmetic(
    _ activation: ActivationFormat, _ peaks: MachinePeaks
  ) -> (String, Double) {
    if activation.multipliesIntegers { return ("INT8", peaks.int8Rate) }
    if case .fp8 = activation, let rate = peaks.fp8Rate { return ("FP8", rate) }
    return ("BF16", peaks.bf16Rate)
  }

  /// Bytes of all linear layers and what the first takes for its input; layers of a treatment are tried once.
  private static func trial(
    _ recipe: Recipe, of shape: ModelShape, stored: Double, pool: WorkerPool
  ) throws -> (bytes: Double, activation: ActivationFormat) {
    var drafts: [LayerException.Treatment?: BlockDraft] = [:]
    func draft(_ treatment: LayerException.Treatment?) throws -> BlockDraft {
      if let known = drafts[treatment] { return known }
      let made = try block(recipe, of: shape, treatment: treatment, pool: pool)
      drafts[treatment] = made
      return made
    }
    var bytes = 0.0
    var parameters = 0
    for block in 0..<shape.blocks {
      for (place, size) in shape.linears.enumerated() {
        let treatment = recipe.treatment(of: LinearID(block: block, projection: size.role))
        let layer = try draft(treatment).layers[place]
        let weights = size.rows * size.columns
        parameters += weights
        bytes +=
          layer.weight === layer.original
          ? Double(weights) * stored / 8
          : Double(layer.weight.format.byteCount(rows: size.rows, columns: size.columns))
      }
    }
    // Where blocks differ their list is of one of them: what it takes a weight holds for all.
    return (
      bytes * Double(shape.blockLinearParameters) / Double(max(1, parameters)),
      try draft(nil).layers.first?.activation ?? .float(type: .bf16)
    )
  }

  private static func block(
    _ recipe: Recipe, of shape: ModelShape, treatment: LayerException.Treatment?, pool: WorkerPool
  ) throws -> BlockDraft {
    let rows = 16
    var draft = BlockDraft(
      index: 0,
      layers: try shape.linears.map { size in
        let zeros = try TensorView(
          dtype: .bf16, shape: Shape(checking: [rows, size.columns]),
          copying: [UInt8](repeating: 0, count: rows * size.columns * 2))
        return BlockDraft.Layer(
          projection: size.role, name: "every \(size.role)", weight: try DenseWeight(zeros),
          activation: .float(type: .bf16), treatment: treatment)
      }, pool: pool)
    draft.isOutline = true
    try draft.run(recipe.methods())
    return draft
  }

  /// Sets what a cache takes: where it grows, and besides.
  mutating func setCache(_ format: KVFormatPair, of shape: ModelShape) {
    let footprint = CacheFootprint(shape, forgets: false)
    func bytes(_ blocks: Double) -> Double {
      footprint.bytes(
        context: blocks * CacheFootprint.blockTokens, requests: 1, shared: 0, format: format)
    }
    // Far from the start, where the latest tokens are all there.
    let (near, far) = (64.0, 128.0)
    let block = (bytes(far) - bytes(near)) / (far - near)
    let values =
      2 * Double(shape.blocksWithCache * shape.kvHeads * shape.headDimension)
      * CacheFootprint.blockTokens
    guard block > 0, values > 0 else { return }
    cacheBits = block * 8 / values
    seatBlocks = Int(((bytes(near) - near * block) / block - 1e-6).rounded(.up))
    seatBlocks = max(0, seatBlocks)
  }
}

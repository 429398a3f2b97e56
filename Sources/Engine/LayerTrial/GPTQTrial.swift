import Operators
import Platform
import Quantization
import Tensors
import Wording

/// GPTQ of one layer: the Hessian of its inputs, the factorization, the rounding.
struct GPTQTrial: LayerTrialMethod {
  static let method = GPTQMethod.describes.name

  private let values: OptionValues

  init(options: OptionValues) { values = options }

  func quantize(
    _ sample: LayerSample, pool: WorkerPool, provider: ExecutionProvider, clock: inout LayerClock
  ) throws -> LayerTrialOutcome {
    let size = values.integer("group")
    if size > 0 {
      try RoundToNearest.checkGroup(size, columns: sample.columns, layer: "the layer")
    }
    try Self.checkMemory(columns: sample.columns)
    let ordersByActivation = values.flag("act-order")
    let options = GPTQ.Options(
      grid: try Grid(.gptq, bits: values.integer("bits"), isSymmetric: values.flag("symmetric")),
      group: size > 0 ? size : nil, ordersByActivation: ordersByActivation,
      hasStaticGroups: values.flag("static-groups") || ordersByActivation,
      damping: values.decimal("damping"), block: values.integer("block"),
      searchesRange: values.flag("mse"))
    var hessian: Hessian? = clock.time("hessian") {
      sample.hessian(pool: pool, provider: provider)
    }
    let preparation = try clock.time("factorization") {
      // Taken out, so that the sums are given back as soon as they are factored.
      try GPTQPreparation(
        hessian.take() ?? Hessian(columns: sample.columns), ordersByActivation: ordersByActivation,
        damping: options.damping, layer: "the layer", pool: pool, provider: provider)
    }
    let result = try clock.time("rounding") {
      try GPTQ.quantize(
        sample.weights, rows: sample.rows, preparation, options, layer: "the layer", pool: pool,
        provider: provider)
    }
    guard let weight = try clock.time("packing", { try result.weight() }) else {
      throw QuantizationError.invalidOption(
        method: Self.method, key: "static-groups", expected: "groups in the order of the columns",
        found: "groups in the order of activations")
    }
    return LayerTrialOutcome(weight: weight, fallback: result.fallback)
  }

  /// Half of a matrix is held three times: the sums in float32, the factorization in float64, its result in float32.
  private static func checkMemory(columns: Int) throws {
    let needed = columns * columns / 2 * (4 + 8 + 4)
    if let free = Machine.memoryAvailable(), needed > free {
      throw EngineError.badLayer(
        item: "columns", expected: "a Hessian that fits the \(Quantity.bytes(free)) free",
        found: "\(columns) columns, \(Quantity.bytes(needed)) with its factorization")
    }
  }
}

extension LayerSample {
  /// Tokens of a sequence: the length GPTQ's reference calibrates with.
  static let sequenceLength = 2048

  /// Sequences the inputs are taken as; the last may be shorter.
  var sequences: Int { (tokens + Self.sequenceLength - 1) / Self.sequenceLength }

  fileprivate func hessian(pool: WorkerPool, provider: ExecutionProvider) -> Hessian {
    var hessian = Hessian(columns: columns)
    inputs.withUnsafeBufferPointer { inputs in
      guard let base = inputs.baseAddress else { return }
      for first in stride(from: 0, to: tokens, by: Self.sequenceLength) {
        hessian.add(
          base + first * columns, tokens: min(Self.sequenceLength, tokens - first), pool: pool,
          provider: provider)
      }
    }
    return hessian
  }
}

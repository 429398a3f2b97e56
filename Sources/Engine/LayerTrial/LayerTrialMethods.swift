import Models
package import Operators
package import Platform
package import Quantization
package import Tensors

/// How one method quantizes a layer by itself, its steps told apart.
///
/// To add one: a type here or beside it, and a line in `LayerTrialMethods.all`.
package protocol LayerTrialMethod: Sendable {
  /// The name in `QuantizationMethods`.
  static var method: String { get }

  /// Takes options that were checked against the method's description.
  init(options: OptionValues)

  /// Quantizes the layer; each step is run through `clock`.
  func quantize(
    _ sample: LayerSample, pool: WorkerPool, provider: ExecutionProvider, clock: inout LayerClock
  ) throws -> LayerTrialOutcome
}

/// A layer that was quantized by itself.
package struct LayerTrialOutcome {
  package var weight: any LinearWeight
  /// What it amounts to on the inputs as they are, `[rows, columns]`; the weight's own values where that is the same.
  package var values: [Float]?
  /// Why it was not quantized as asked, if so.
  package var fallback: String?
}

/// The steps of one repetition and their seconds.
package struct LayerClock {
  package private(set) var phases: [(name: String, seconds: Double)] = []

  /// Runs one step; steps of the same name are added up.
  package mutating func time<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result
  {
    let start = Machine.seconds()
    let result = try body()
    let seconds = Machine.seconds() - start
    if let index = phases.firstIndex(where: { $0.name == name }) {
      phases[index].seconds += seconds
    } else {
      phases.append((name, seconds))
    }
    return result
  }
}

package enum LayerTrialMethods {
  /// One line a method.
  package static let all: [any LayerTrialMethod.Type] = [
    RoundToNearestTrial.self, GPTQTrial.self, AWQTrial.self, HQQTrial.self,
  ]

  /// The method of a choice, its options checked.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option, `EngineError.noTrial` for a method that needs more
  ///   than a layer.
  package static func make(_ choice: MethodChoice) throws -> any LayerTrialMethod {
    let description = try QuantizationMethods.description(of: choice.method, target: .weights)
    guard let type = all.first(where: { $0.method == description.name }) else {
      throw EngineError.noTrial(method: description.name, known: all.map { $0.method })
    }
    return type.init(
      options: try OptionValues(
        choice.options, specs: description.options, method: description.name))
  }
}

/// RTN: one walk over the weights.
struct RoundToNearestTrial: LayerTrialMethod {
  static let method = RoundToNearestMethod.describes.name
  private let plain: RoundToNearestMethod

  init(options: OptionValues) { plain = RoundToNearestMethod(options: options) }

  func quantize(
    _ sample: LayerSample, pool: WorkerPool, provider: ExecutionProvider, clock: inout LayerClock
  ) throws -> LayerTrialOutcome {
    try sample.quantize(with: plain, pool: pool, clock: &clock)
  }
}

/// HQQ: one search over the weights.
struct HQQTrial: LayerTrialMethod {
  static let method = HQQMethod.describes.name
  private let plain: HQQMethod

  init(options: OptionValues) { plain = HQQMethod(options: options) }

  func quantize(
    _ sample: LayerSample, pool: WorkerPool, provider: ExecutionProvider, clock: inout LayerClock
  ) throws -> LayerTrialOutcome {
    try sample.quantize(with: plain, pool: pool, clock: &clock)
  }
}

extension LayerSample {
  /// The weights as a layer.
  package func layer() throws -> DenseWeight {
    try DenseWeight(TensorView(dtype: .f32, shape: [rows, columns], copying: weights))
  }

  /// Quantizes the layer, as the only one of a block, by a method that needs no data.
  fileprivate func quantize(
    with method: some QuantizationMethod, pool: WorkerPool, clock: inout LayerClock
  ) throws -> LayerTrialOutcome {
    var draft = BlockDraft(
      index: 0,
      layers: [
        .init(
          projection: .q, name: "the layer", weight: try layer(), activation: .float(type: .f32))
      ],
      pool: pool)
    try clock.time("rounding") { try draft.run([method]) }
    return LayerTrialOutcome(weight: draft.layers[0].weight, fallback: draft.layers[0].fallback)
  }
}

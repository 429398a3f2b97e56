package import Models
package import Operators
package import Tensors

/// Quantizes a model by a recipe, one decoder block at a time.
///
/// Activations of the calibration text stream through the blocks, those that are quantized already in front, so that
/// memory is one block's extra weights and the live activations, whatever the model's size. On a part of the text each
/// block's layers are compared with themselves in full precision, through the kernels that will run them.
package struct Quantizer {
  /// What is told while it works.
  package enum Event: Sendable {
    /// The first blocks were done by an earlier run.
    case resumed(blocks: Int)
    /// A share, 0 to 1, of a part of the work on one block is done.
    case step(block: Int, what: String, share: Double)
    /// Blocks done so far.
    case block(done: Int, of: Int)
    case layer(LayerReport)
    /// Something else was done than what was asked for, in words without an end.
    case note(String)
  }

  /// What comes out.
  package struct Outcome {
    package var model: Model
    package var cache: KVFormatPair
    package var blocks: [QuantizedBlock]

    package var layers: [LayerReport] { blocks.flatMap(\.record.layers) }
  }

  /// Tokens that layers are compared on, at most, and one window at least.
  package static let comparedTokens = 8192

  package let recipe: Recipe
  package let context: ExecutionContext
  /// Sequences of token ids.
  package let calibration: [[Int32]]
  /// Whether packed copies and mapped pages of a block are given back when it is done.
  package let releasesBlocks: Bool
  /// A model of the same blocks whose layers are taken as they are, in place of what methods would make.
  package let candidate: Model?
  /// Whether layers are compared with what they were on the calibration text; else by their weights.
  package let compares: Bool

  package init(
    recipe: Recipe, context: ExecutionContext, calibration: [[Int32]], releasesBlocks: Bool = false,
    candidate: Model? = nil, compares: Bool = true
  ) {
    self.compares = compares
    self.candidate = candidate
    self.recipe = recipe
    self.context = context
    self.calibration = calibration
    self.releasesBlocks = releasesBlocks
  }

  /// The residual streams between two blocks.
  struct Streams {
    /// After quantized blocks; empty when no method looks at activations.
    var shifted: [HiddenStates]
    /// After blocks as they were, for comparing; empty when nothing is compared.
    var plain: [HiddenStates]
  }

  /// Quantizes `model`, which stays as it is.
  ///
  /// - Parameters:
  ///   - store: where finished blocks and the live activations are kept; what it holds of an earlier run is gone on from.
  ///   - pause: called between units of work; what it throws ends the run.
  /// - Throws: `QuantizationError` naming the layer; `ModelError` for weights that are not finite; what keeping throws.
  package func run(
    _ model: Model, keeping store: QuantizationCheckpoint? = nil,
    pause: @escaping () throws -> Void = {}, report: @escaping (Event) -> Void = { _ in }
  ) throws -> Outcome {
    try recipe.validate()
    let methods = candidate == nil ? try recipe.methods() : []
    if !methods.isEmpty || recipe.head != nil {
      try model.checkFinite(pool: context.pool, releasesBlocks: releasesBlocks, pause: pause)
    }
    // First, so that calibration sees the embeddings that will be looked up.
    let model =
      try recipe.head.map {
        try $0.applied(
          to: model, activation: recipe.headActivation(standard: model.precision.activation),
          pool: context.pool
        ) { report(.note($0)) }
      } ?? model
    let cache = try recipe.cacheFormat(standard: model.precision.cache)
    var blocks: [QuantizedBlock] = []
    var streams: Streams
    if let kept = try store?.restore(model, calibration: calibration) {
      (blocks, streams) = (kept.blocks, kept.streams)
      report(.resumed(blocks: blocks.count))
      for block in blocks { for layer in block.record.layers { report(.layer(layer)) } }
    } else {
      streams = try start(model, methods: methods)
    }
    report(.block(done: blocks.count, of: model.blocks.count))
    for index in blocks.count..<model.blocks.count {
      try pause()
      let work = BlockWork(
        quantizer: self, model: model, index: index, methods: methods, cache: cache, pause: pause,
        report: report)
      var made = try work.run(&streams)
      for layer in made.record.layers { report(.layer(layer)) }
      if let store { made = try store.keep(made, index: index, of: model, streams: streams) }
      if releasesBlocks {
        model.blocks[index].release()
        made.block.release()
      }
      blocks.append(made)
      report(.block(done: index + 1, of: model.blocks.count))
    }
    let replaced = Dictionary(uniqueKeysWithValues: blocks.enumerated().map { ($0, $1.block) })
    return Outcome(
      model: try candidate ?? (methods.isEmpty ? model : model.replacing(blocks: replaced)),
      cache: cache,
      blocks: blocks)
  }

  /// The embeddings of the calibration text.
  private func start(_ model: Model, methods: [any QuantizationMethod]) throws -> Streams {
    let calibrates = methods.contains { $0.calibration == .activations }
    return Streams(
      shifted: calibrates ? try calibration.map { try model.embed($0) } : [],
      plain: try calibration.prefix(compared(calibration.map(\.count))).map {
        try model.embed($0)
      })
  }

  /// How many of the first windows layers are compared on; 0 where they are not.
  func compared(_ lengths: [Int]) -> Int {
    compares ? Self.compared(lengths) : 0
  }

  /// How many of the first windows layers are compared on where they are.
  static func compared(_ lengths: [Int]) -> Int {
    var tokens = 0
    return lengths.prefix { length in
      defer { tokens += length }
      return tokens == 0 || tokens + length <= comparedTokens
    }.count
  }
}

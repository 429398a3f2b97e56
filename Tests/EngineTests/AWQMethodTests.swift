import DemoModel
import Engine
import Evaluation
import FoundationEssentials
import Models
import Operators
import Platform
import Quantization
import Tensors
import TestSupport
import Testing

/// AWQ at its seam: on a real block, through the engine, and through a file.
@Suite(.serialized) struct AWQMethodTests {
  /// What the moved scales may change of a block's output in float32, as a share of it: rounding alone.
  static let foldingError = 1e-9

  private static func recipe(
    _ bits: Int, _ options: [String: OptionValue] = [:], keeping exceptions: [String] = []
  ) throws -> Recipe {
    let standard: [String: OptionValue] = ["bits": .integer(bits), "group": .integer(64)]
    return Recipe(
      weights: MethodChoice(method: "awq", options: standard.merging(options) { $1 }),
      exceptions: try exceptions.map { try LayerException($0) })
  }

  /// The stream in front of block 2, for some windows of made-up tokens.
  private func stream(_ model: Model, _ context: ExecutionContext, seed: UInt64) throws
    -> [HiddenStates]
  {
    var generator = SeededGenerator(seed: seed)
    let windows = (0..<4).map { _ in
      (0..<96).map { _ in Int32.random(in: 0..<2048, using: &generator) }
    }
    let streams = try windows.map { try model.embed($0) }
    for index in 0..<2 { try model.runBlock(index, hidden: streams, context: context) }
    return streams
  }

  @Test(arguments: [false, true])
  func whatIsMovedChangesNothing(tiesHeads: Bool) throws {
    let model = try Model.load(directory: DemoModel().directory).with(precision: .f32)
    let context = try ExecutionContext(pool: WorkerPool(threads: 2), provider: .best)
    let trial = try BlockTrial(
      recipe: Self.recipe(4, ["tie-heads": .flag(tiesHeads)]), model: model, index: 2,
      sequences: stream(model, context, seed: 1), context: context)
    var scales: [Projection: LayerScales] = [:]
    for layer in trial.draft.layers { scales[layer.projection] = layer.scales }
    #expect(scales[.q]?.input != nil && scales[.down]?.input != nil && scales[.up]?.output != nil)
    #expect((scales[.o]?.input != nil) == tiesHeads, "the reference leaves grouped heads alone")
    let original = try model.block(2)
    let moved = try QuantizedBlock(
      block: trial.drafted, record: .init(), absoluteMaxima: [:], scales: scales
    ).floatBlock(original: original)
    #expect(moved[.attention].values != original[.attention].values)
    for sequence in try stream(model, context, seed: 2) {
      let (expected, found) = (try sequence.copy(), try sequence.copy())
      try model.runBlock(2, original, hidden: [expected], context: context)
      try model.runBlock(2, moved, hidden: [found], context: context)
      let sums = context.compare(
        expected.pointer, found.pointer, count: sequence.tokens * sequence.width)
      #expect(sums.relativeError < Self.foldingError, "\(sums.relativeError)")
    }
  }

  @Test func curvesBeginWithPlainRoundingAndEndWithTheLeast() throws {
    let model = try Model.load(directory: DemoModel().directory)
    let context = try ExecutionContext(pool: WorkerPool(threads: 2), provider: .best)
    let trial = try BlockTrial(
      recipe: Self.recipe(3), model: model, index: 2,
      sequences: stream(model, context, seed: 3), context: context)
    for projection in [Projection.q, .gate, .down] {
      let curve = try #require(trial.draft[projection].curve)
      #expect(curve.losses.count == 20 && curve.positions.first == 0)
      #expect(curve.losses[curve.best] == curve.losses.min())
      #expect(curve.losses[curve.best] < curve.losses[0])
    }
    #expect(trial.draft[.q].curve == trial.draft[.v].curve, "they share their scale")
    #expect(trial.draft[.o].curve == nil)
  }

  private func kl(_ laboratory: Laboratory) throws -> Double {
    let report = try perform(
      laboratory, EvaluateJob(options: .init(windows: 4)))
    return report.kl.mean
  }

  @Test func beatsRoundingOnTheSameGridAndReadsBackTheSame() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let calibration = CalibrationOptions(samples: 12, length: 128)
    var rounded = try Self.recipe(3)
    rounded.weights = MethodChoice(
      method: "rtn",
      options: [
        "bits": .integer(3), "group": .integer(64), "symmetric": .flag(false),
        "grid": .choice("awq"),
      ])
    _ = try perform(
      laboratory, QuantizeJob(recipe: rounded, calibration: calibration, keeping: .nothing))
    let plain = try kl(laboratory)
    let recipe = try Self.recipe(3, keeping: ["1.q=fp", "*.down=4"])
    let report = try perform(
      laboratory, QuantizeJob(recipe: recipe, calibration: calibration, keeping: .nothing))
    #expect(report.layers.allSatisfy { $0.fallback == nil })
    let kept = report.layers.filter { $0.method == "none" }
    #expect(kept.map { "\($0.block) \($0.projection)" } == ["1 q"])
    // What is kept goes through BF16 once more, with its scale.
    #expect(kept.allSatisfy { $0.relativeError < 1e-4 && $0.bits == 16 })
    let found = try kl(laboratory)
    #expect(found < plain * 0.95, "AWQ \(found), RTN \(plain)")
    _ = try perform(
      laboratory, ExportJob(path: folder.path + "/model", format: "compressed-tensors"))
    let reopened = try Laboratory(threads: 2)
    _ = try perform(reopened, LoadJob(path: folder.path + "/model"))
    #expect(try kl(reopened) == found)
  }
}

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

/// SmoothQuant, LLM.int8(), FP8 and static INT8 on real blocks, through the engine, and through a file.
@Suite(.serialized) struct ActivationMethodsTests {
  private static func recipe(
    _ method: String, _ options: [String: OptionValue] = [:], weights: MethodChoice? = nil,
    keeping exceptions: [String] = []
  ) throws -> Recipe {
    Recipe(
      weights: weights, activations: MethodChoice(method: method, options: options),
      exceptions: try exceptions.map { try LayerException($0) })
  }

  private let context: ExecutionContext

  init() throws {
    context = try ExecutionContext(pool: WorkerPool(threads: 2), provider: .best)
  }

  private func model() throws -> Model {
    try Model.load(directory: DemoModel().directory).with(precision: .f32)
  }

  /// The stream in front of block 2, for some windows of made-up tokens.
  private func stream(_ model: Model, seed: UInt64) throws -> [HiddenStates] {
    var generator = SeededGenerator(seed: seed)
    let windows = (0..<4).map { _ in
      (0..<96).map { _ in Int32.random(in: 0..<2048, using: &generator) }
    }
    let streams = try windows.map { try model.embed($0) }
    for index in 0..<2 { try model.runBlock(index, hidden: streams, context: context) }
    return streams
  }

  private func trial(_ recipe: Recipe, seed: UInt64? = 1) throws -> BlockTrial {
    let model = try model()
    return try BlockTrial(
      recipe: recipe, model: model, index: 2,
      sequences: seed.map { try stream(model, seed: $0) } ?? [], context: context)
  }

  private func relativeError(_ original: DecoderBlock, _ changed: DecoderBlock) throws -> Double {
    let model = try model()
    var sums = ErrorSums()
    for sequence in try stream(model, seed: 2) {
      let (expected, found) = (try sequence.copy(), try sequence.copy())
      try model.runBlock(2, original, hidden: [expected], context: context)
      try model.runBlock(2, changed, hidden: [found], context: context)
      sums.add(
        context.compare(expected.pointer, found.pointer, count: sequence.tokens * sequence.width))
    }
    return sums.relativeError
  }

  private func scales(_ draft: BlockDraft) -> [Projection: LayerScales] {
    Dictionary(uniqueKeysWithValues: draft.layers.map { ($0.projection, $0.scales) })
  }

  // MARK: Smoothing

  private static let awq = MethodChoice(method: "awq", options: ["group": .integer(64)])

  /// What is moved changes nothing, whether SmoothQuant moves it alone or AWQ goes on from there.
  @Test(arguments: ["norms", "all"], [nil, awq])
  func smoothingChangesNothing(reach: String, weights: MethodChoice?) throws {
    let trial = try trial(
      Self.recipe(
        "smoothquant", ["alpha": .decimal(0.7), "reach": .choice(reach)], weights: weights))
    let scales = scales(trial.draft)
    #expect(scales[.q]?.input != nil && scales[.q]?.input == scales[.v]?.input)
    #expect(scales[.gate]?.input != nil && scales[.gate]?.input == scales[.up]?.input)
    #expect((scales[.down]?.input != nil) == (reach == "all" || weights != nil))
    #expect((scales[.o]?.input != nil) == (reach == "all"))
    let original = try model().block(2)
    let moved = try QuantizedBlock(
      block: trial.drafted, record: .init(), absoluteMaxima: [:], scales: scales
    ).floatBlock(original: original)
    #expect(moved[.attention].values != original[.attention].values)
    let error = try relativeError(original, moved)
    #expect(error < 1e-9, "\(error)")
  }

  @Test func powersOfTwoChangeNotOneBit() throws {
    let model = try model()
    let block = try model.block(2)
    let pair = try #require(block.plan.scalePairs.first { $0.source == .norm(.feedForward) })
    var gains = block[.feedForward].values
    let powers = gains.indices.map { Float([0.25, 0.5, 1, 2, 8][$0 % 5]) }
    let fold = ScaleFold(powers, over: pair, dividing: &gains, as: .bf16)
    #expect(fold.targetScales == powers)
    var changed: [Projection: Linear] = [:]
    for target in pair.targets {
      changed[target] = try block[target].replacing(
        weight: LayerScales(input: fold.targetScales).applied(to: block[target].weight))
    }
    #expect(try relativeError(block, block.replacing(changed, norms: [.feedForward: gains])) == 0)
  }

  @Test func methodsForWeightsSeeWhatWasSmoothed() throws {
    let gptq = MethodChoice(
      method: "gptq", options: ["bits": .integer(4), "group": .integer(64)])
    let trial = try trial(Self.recipe("smoothquant", weights: gptq, keeping: ["2.k=fp"]))
    let layer = trial.draft[.q]
    #expect(layer.method == "gptq" && layer.weight.format.bits == 4)
    #expect(layer.activation == .int8PerToken && layer.fallback == nil)
    // Its codes stand for the smoothed weights.
    let smoothed = try layer.scales.applied(to: layer.original).dequantized()
    let found = layer.weight.dequantized()
    let error = zip(smoothed, found).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    let size = smoothed.reduce(0.0) { $0 + Double($1 * $1) }
    #expect(error < 0.05 * size)
    // What stays FP is smoothed as well, and stored as it was.
    let kept = trial.draft[.k]
    #expect(kept.scales == layer.scales && kept.weight.format == kept.original.format)
    #expect(kept.activation == .float(type: .f32))
  }

  @Test func theSearchTakesTheLeast() throws {
    let trial = try trial(Self.recipe("smoothquant", ["search": .flag(true)]))
    for projection in [Projection.q, .gate] {
      let curve = try #require(trial.draft[projection].curve)
      #expect(curve.positions.count == 13 && curve.positions.first == 0.3 && curve.axis == "alpha")
      #expect(curve.losses[curve.best] == curve.losses.min())
      #expect(curve.losses.allSatisfy { $0 > 0 && $0 < 1 })
    }
    #expect(trial.draft[.q].curve == trial.draft[.v].curve)
    #expect(trial.draft[.down].curve == nil)
  }

  // MARK: Static scales

  @Test func staticRangesAreThoseOfTheInputs() throws {
    let plain = try trial(Self.recipe("int8", ["scaling": .choice("static")]))
    let smooth = try trial(Self.recipe("smoothquant", ["scaling": .choice("static")]))
    func scale(_ trial: BlockTrial, _ projection: Projection) throws -> Float {
      try #require(trial.draft[projection].activation.fixed).scale.scale
    }
    let model = try model()
    let calibration = try BlockCalibration(
      model: model, index: 2, sequences: stream(model, seed: 1), context: context)
    let draft = try BlockDraft(
      model.block(2), index: 2, recipe: .baseline, pool: context.pool)
    let found = try calibration.ranges(of: draft, groups: [.q])
    let largest = try #require(found[.q]).range().largestMagnitude
    #expect(abs(try scale(plain, .q) * 127 - largest) < largest * 1e-5)
    #expect(try scale(plain, .q) == scale(plain, .k))
    #expect(try scale(smooth, .q) < scale(plain, .q))
    #expect(plain.draft.layers.allSatisfy { $0.fallback == nil })
  }

  @Test(arguments: ["int8", "fp8", "smoothquant"]) func withoutInputsItSaysSo(method: String) throws
  {
    let trial = try trial(Self.recipe(method, ["scaling": .choice("static")]), seed: nil)
    for layer in trial.draft.layers {
      #expect(layer.fallback?.contains("no calibration inputs were seen") == true)
      #expect(layer.activation.fixed == nil && layer.isQuantized)
    }
    let words = trial.draft[.q].fallback ?? ""
    #expect(words.contains("not smoothed") == (method == "smoothquant"))
  }

  @Test func onlyStaticScalesCalibrate() throws {
    #expect(try !Self.recipe("int8").calibrates())
    #expect(try Self.recipe("int8", ["scaling": .choice("static")]).calibrates())
    #expect(try !Self.recipe("fp8").calibrates())
    #expect(try Self.recipe("fp8", ["scaling": .choice("static")]).calibrates())
    #expect(try !Self.recipe("llm.int8").calibrates())
    #expect(try Self.recipe("smoothquant").calibrates())
  }

  // MARK: LLM.int8()

  @Test func formsOfLLMInt8() throws {
    func layer(_ recipe: Recipe) throws -> BlockDraft.Layer {
      try trial(recipe, seed: nil).draft[.q]
    }
    let paper = try layer(Self.recipe("llm.int8"))
    #expect((paper.weight as? SplitWeight)?.full === paper.original)
    #expect(paper.activation == .int8WithOutliers(.init(threshold: 6, form: .paper)))
    let decoded = try layer(Self.recipe("llm.int8", ["form": .choice("bitsandbytes")]))
    #expect(decoded.weight is IntegerWeight && decoded.fallback == nil)
    let none = try layer(Self.recipe("llm.int8", ["threshold": .decimal(0)]))
    #expect(none.weight is IntegerWeight && none.activation == .int8PerToken)
    let rtn = MethodChoice(method: "rtn", options: ["bits": .integer(4), "group": .integer(64)])
    let four = try layer(Self.recipe("llm.int8", weights: rtn))
    #expect(four.method == "rtn" && four.weight.format.bits == 4)
    #expect(four.activation == .int8WithOutliers(.init(threshold: 6, form: .bitsandbytes)))
    #expect(four.fallback?.contains("decoded") == true)
  }

  // MARK: Through the engine

  private func kl(_ laboratory: Laboratory) throws -> Double {
    let report = try perform(
      laboratory, EvaluateJob(options: .init(windows: 2)))
    return report.kl.mean
  }

  private static let forms: [(method: String, options: [String: OptionValue])] = [
    ("int8", ["scaling": .choice("static"), "symmetric": .flag(false)]),
    ("smoothquant", ["scaling": .choice("static")]),
    ("smoothquant", ["reach": .choice("all"), "scaling": .choice("tensor")]),
    ("llm.int8", ["threshold": .decimal(3)]),
    ("llm.int8", ["threshold": .decimal(3), "form": .choice("bitsandbytes")]),
    ("fp8", ["weights": .choice("block"), "scaling": .choice("static")]),
    ("fp8", ["weights": .choice("tensor"), "type": .choice("e5m2")]),
  ]

  @Test(arguments: forms.indices) func artifactsGiveTheSameNumbers(index: Int) throws {
    let form = Self.forms[index]
    let folder = try TemporaryFolder()
    let laboratory = try Laboratory(threads: 2)
    _ = try perform(laboratory, LoadJob(path: nil))
    let recipe = try Self.recipe(form.method, form.options, keeping: ["1.q=fp"])
    let report = try perform(
      laboratory,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 4, length: 128),
        keeping: .nothing))
    #expect(report.layers.filter { $0.method == "none" }.map(\.block) == [1])
    let found = try kl(laboratory)
    #expect(found > 0 && found < 0.2, "\(found)")
    _ = try perform(
      laboratory, ExportJob(path: folder.path + "/model", format: "compressed-tensors"))
    let reopened = try Laboratory(threads: 2)
    _ = try perform(reopened, LoadJob(path: folder.path + "/model"))
    #expect(try kl(reopened) == found)
  }

  @Test(arguments: [3, 5]) func unfinishedRunsGoOn(index: Int) throws {
    let form = Self.forms[index]
    let folder = try TemporaryFolder()
    let recipe = try Self.recipe(form.method, form.options)
    func quantize(resumes: Bool) -> QuantizeJob {
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 2, length: 64),
        keeping: .folder(path: folder.path + "/kept", resumes: resumes))
    }
    func written(_ laboratory: Laboratory, _ name: String) throws -> [UInt8] {
      let path = folder.path + "/" + name
      _ = try perform(laboratory, ExportJob(path: path, format: "compressed-tensors"))
      let file = try MappedFile(path: path + "/model.safetensors")
      return try file.read(at: 0, count: file.byteCount)
    }
    func laboratory() throws -> Laboratory {
      let laboratory = try Laboratory(threads: 2)
      _ = try perform(laboratory, LoadJob(path: nil))
      return laboratory
    }
    #expect(throws: Ended.self) { try perform(laboratory(), quantize(resumes: false), stopping: 3) }
    let resumed = try laboratory()
    _ = try perform(resumed, quantize(resumes: true))
    let straight = try laboratory()
    _ = try perform(
      straight,
      QuantizeJob(
        recipe: recipe, calibration: CalibrationOptions(samples: 2, length: 64), keeping: .nothing))
    #expect(try written(resumed, "resumed") == written(straight, "straight"))
  }
}

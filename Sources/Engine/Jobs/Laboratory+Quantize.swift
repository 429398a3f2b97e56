import DemoModel
import Models
import Operators
import Planning
import Platform
import Quantization
import Tensors
import Tokenizers

extension Laboratory {
  /// Quantizes the open model and keeps the result for the jobs that follow.
  func quantize(
    _ recipe: Recipe, _ calibration: CalibrationOptions, _ reporter: JobReporter
  ) throws -> QuantizeReport {
    let bench = try bench(for: "quantizing")
    let windows = try calibrationWindows(bench, calibration)
    let tokens = windows.reduce(0) { $0 + $1.count }
    let quantizer = Quantizer(
      recipe: recipe, context: try makeContext(), calibration: windows)
    reporter.log(
      "\(windows.count) windows of \(calibration.length) tokens, seed \(calibration.seed), from "
        + (calibration.text ?? "the built-in calibration text"))
    let start = Machine.seconds()
    let blocks = bench.model.blocks.count
    reporter.progress("block 1 of \(blocks)", done: 0, of: blocks, unit: "blocks", since: start)
    let outcome = try quantizer.run(bench.model, checkpoint: reporter.checkpoint) { event in
      switch event {
      case .layer(let layer):
        reporter.emit(.layer(id: reporter.id, report: layer))
        if let reason = layer.fallback {
          reporter.log("block \(layer.block) \(layer.projection): \(reason)")
        }
      case .block(let done, let total):
        reporter.progress(
          done < total ? "block \(done + 1) of \(total)" : "all \(total) blocks", done: done,
          of: total, unit: "blocks", since: start, work: Double(done * tokens),
          rateUnit: "tokens/s")
      }
    }
    let shape = bench.summary.shape
    let report = QuantizeReport(
      recipe: recipe, seconds: Machine.seconds() - start,
      peakResidentBytes: Machine.peakResidentBytes() ?? 0,
      outputBytes: outcome.model.weightBytes, baselineBytes: bench.model.weightBytes,
      kvBytesPerToken: shape.kvBytesPerToken(outcome.cache),
      baselineKVBytesPerToken: shape.kvBytesPerToken(.fp16), layers: outcome.layers,
      maps: ErrorMaps(outcome, recipe: recipe).all)
    update { held in
      held.quantized = Quantized(
        recipe: recipe, model: outcome.model, cache: outcome.cache, report: report,
        absoluteMaxima: outcome.absoluteMaxima, sample: windows.first ?? [])
      held.evaluation = nil
      held.bench = nil
    }
    return report
  }

  /// Windows of the calibration text, cut to the model's context.
  private func calibrationWindows(
    _ bench: Bench, _ options: CalibrationOptions
  ) throws -> [[Int32]] {
    guard let tokenizer = bench.tokenizer else {
      throw EngineError.notText(model: bench.summary.name)
    }
    let source = try text(
      options.text, builtIn: \.calibrationText, name: "the built-in text", tokenizer)
    let length = min(options.length, bench.summary.shape.context)
    return try source.windows(count: options.samples, length: length, seed: options.seed)
  }

  /// A user's text, or one of the built-in ones.
  func text(
    _ path: String?, builtIn: (DemoModel) -> String, name: String, _ tokenizer: Tokenizer
  ) throws -> TextSource {
    if let path { return try TextSource.file(path, tokenizer: tokenizer) }
    let demo = try DemoModel(locator: locator)
    return try TextSource.builtIn(builtIn(demo), name: name, tokenizer: tokenizer)
  }

  /// What a recipe would cost, from the sizes of the model and the kernels there are.
  func assess(_ recipe: Recipe, _ calibration: CalibrationOptions) throws -> AssessReport {
    let bench = try bench(for: "pricing a recipe")
    let shape = bench.summary.shape
    var problems: [String] = []
    var demand = RuntimeDemand()
    var cache = KVFormatPair.fp16
    var bits = 16.0
    do {
      try recipe.validate()
      cache = try Quantizer(recipe: recipe, context: makeContext(), calibration: [])
        .cacheFormat(standard: .fp16)
      if cache != .fp16 { demand.cache = cache }
      if let trial = try trialBlock(recipe, bench.model) {
        demand.weights = trial.format.isFloat ? nil : trial.format
        demand.activations = recipe.activations == nil ? nil : trial.activation
        bits = trial.bits
        problems += trial.problems
      }
    } catch let error as QuantizationError {
      problems.append("\(error)")
    }
    let tokens = Double(calibration.samples * min(calibration.length, shape.context))
    // Each layer runs twice on every token: as it was, and as it is drafted.
    let rate = try machinePeaks(nil).bf16Rate * 0.3
    let work = 2 * 2 * Double(shape.blockLinearParameters) * tokens
    let rounding = Double(shape.blockLinearParameters) / 2e8
    return AssessReport(
      recipe: recipe, seconds: problems.isEmpty ? work / max(rate, 1) + rounding : nil,
      // What is held now, both packed forms, and the activations that travel from block to block.
      peakResidentBytes: (Machine.residentBytes() ?? 0)
        + Int(shape.weightBytes(bitsPerWeight: 16 + 2 * bits)) + Int(tokens) * shape.hiddenSize * 4,
      outputBytes: Int(shape.weightBytes(bitsPerWeight: bits)),
      baselineBytes: bench.model.weightBytes,
      kvBytesPerToken: shape.kvBytesPerToken(cache),
      baselineKVBytesPerToken: shape.kvBytesPerToken(.fp16),
      coverage: RuntimeRules.coverage(demand), problems: problems)
  }

  private struct Trial {
    var format: WeightFormat
    var activation: ActivationFormat
    var bits: Double
    var problems: [String]
  }

  /// Tries the recipe on zeros of the shapes of the model's layers: formats and refusals, without its weights.
  private func trialBlock(_ recipe: Recipe, _ model: Model) throws -> Trial? {
    let methods = try [
      recipe.weights.map { try QuantizationMethods.make($0, target: .weights) },
      recipe.activations.map { try QuantizationMethods.make($0, target: .activations) },
    ].compactMap { $0 }
    guard !methods.isEmpty else { return nil }
    let rows = 16
    var draft = BlockDraft(
      index: 0,
      layers: try Projection.allCases.map { projection in
        let columns = model.configuration.size(of: projection).columns
        let zeros = try TensorView(
          dtype: .f32, shape: Shape(checking: [rows, columns]),
          copying: [Float](repeating: 0, count: rows * columns))
        return BlockDraft.Layer(
          projection: projection, name: "every \(projection)", weight: try DenseWeight(zeros),
          activation: model.precision.activation)
      }, pool: pool)
    for method in methods { try method.quantize(&draft) }
    var stored = 0.0
    var total = 0.0
    for layer in draft.layers {
      let size = model.configuration.size(of: layer.projection)
      let weights = Double(size.rows * size.columns)
      stored += weights * Double(layer.weight.byteCount * 8) / Double(rows * size.columns)
      total += weights
    }
    return Trial(
      format: draft.layers[0].weight.format, activation: draft.layers[0].activation,
      bits: stored / max(1, total), problems: [])
  }

  /// Plans a workload on this machine, or a described one.
  func plan(
    _ workload: Workload, machine: String?, _ reporter: JobReporter
  ) throws -> PlanReport {
    let bench = try bench(for: "planning")
    let peaks =
      if let machine, machine != "this" {
        try Machines.named(machine)
      } else {
        try machinePeaks(reporter)
      }
    let methods = Dictionary(
      uniqueKeysWithValues: QuantizationTarget.allCases.map { target in
        (target, QuantizationMethods.descriptions(for: target).map(\.name))
      })
    let report = Planner(
      model: bench.summary.shape, workload: workload, peaks: peaks, methods: methods
    ).plan()
    update { $0.plan = report }
    return report
  }
}

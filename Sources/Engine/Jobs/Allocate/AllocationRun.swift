import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors

/// One way through spending a budget: each width is measured layer by layer, then what is chosen is measured end to end.
struct AllocationRun {
  let job: AllocateJob
  let laboratory: Laboratory
  let held: Laboratory.OpenModel
  let reporter: JobReporter<AllocateJob.Part>
  /// What was measured, by this run or one before it.
  let kept: KeptMeasures
  /// Bits a layer may have, narrowest first.
  let widths: [Int]
  let linears: [LinearID]
  /// Weights of all of them.
  let total: Int
  /// What they may take.
  let bytes: Int
  /// Bits a weight of the narrowest width, scales included.
  private let smallest: Double
  private let text: [[Int32]]
  private let probe: TextWindows
  private let verify: TextWindows
  private let start = Machine.seconds()
  private var layers: [BitAllocator.Layer]
  /// The same width everywhere; no model where all of it was kept.
  private var uniforms: [(bits: Int, bytes: Int, model: Model?)] = []

  /// - Throws: `EngineError.nothingToAllocate`, `.budgetTooSmall` before anything is measured.
  init(
    _ job: AllocateJob, in laboratory: Laboratory, _ reporter: JobReporter<AllocateJob.Part>
  ) throws {
    let opened = try laboratory.openModel(
      for: "spending a budget of bits", as: job.recipe, pause: reporter.checkpoint)
    held = opened.held
    var job = job
    job.recipe = opened.recipe
    self.job = job
    self.laboratory = laboratory
    self.reporter = reporter
    widths = try Self.widths(of: job.recipe)
    text = try laboratory.calibrationWindows(held, job.calibration)
    let model = held.model
    linears = model.linears
    total = linears.reduce(0) { $0 + model[$1].rows * model[$1].columns }
    bytes = job.budget.bytes(weights: total)
    probe = try laboratory.probeWindows(
      held, job.calibration, count: max(2, job.windows / 2))
    // Sizes are known before anything is measured.
    smallest =
      try laboratory.trial(job.recipe.with(bits: widths[0]), held.model)?.bits ?? 16
    layers = linears.map { _ in BitAllocator.Layer(bytes: [], losses: []) }
    verify = try laboratory.evaluationWindows(held, count: job.windows)
    kept = try reporter.kept(
      of: held, in: laboratory, options: job,
      texts: ["calibration": text, "choice": probe.windows, "evaluation": verify.windows])
    kept.plan(
      widths.flatMap { width in linears.map { Self.name($0, width) } } + ["the choice"])
    guard bits(of: bytes) >= smallest else { throw tooSmall(bytes) }
  }

  /// What a layer alone is kept as.
  private static func name(_ layer: LinearID, _ width: Int) -> String {
    "\(layer) in \(width) bits"
  }

  /// Bits that the method for weights can have.
  private static func widths(of recipe: Recipe) throws -> [Int] {
    guard let weights = recipe.weights else {
      throw EngineError.nothingToAllocate(reason: "the recipe has no method for weights")
    }
    let description = try QuantizationMethods.description(of: weights.method, target: .weights)
    let widths = LayerException.widths.filter { width in
      description.options.contains { spec in
        spec.key == "bits" && (try? spec.check(.integer(width), method: description.name)) != nil
      }
    }
    guard widths.count > 1 else {
      throw EngineError.nothingToAllocate(reason: "\(description.title) has one width only")
    }
    return widths
  }

  private func bits(of bytes: Int) -> Double { Double(bytes) * 8 / Double(total) }

  private func tooSmall(_ bytes: Int) -> EngineError {
    .budgetTooSmall(bits: bits(of: bytes), lowest: smallest)
  }

  /// The whole job is counted in layers measured, so that its share only rises.
  private func progress(_ phase: String, measured: Int) {
    reporter.progress(
      phase, done: measured, of: widths.count * linears.count, unit: "layers measured",
      since: start)
  }

  /// What is known of a layer alone at one width.
  private struct Alone: Codable {
    var kl: Double
    var bytes: Int
  }

  /// The same recipe everywhere.
  private func uniform(_ width: Int, measured: Int) throws -> Quantizer.Outcome {
    try laboratory.quantized(
      job.recipe.with(bits: width), held, text, pause: reporter.checkpoint
    ) { [self] done, of in
      progress("\(width) bits everywhere: block \(done) of \(of)", measured: measured)
    }
  }

  /// Quantizes to one width everywhere and measures each layer of it alone.
  mutating func measure(width: Int, place: Int) throws {
    let before = place * linears.count
    let names = linears.map { Self.name($0, width) }
    // What was kept whole need not be quantized again.
    var made: Quantizer.Outcome?
    func everywhere() throws -> Quantizer.Outcome {
      let outcome = try made ?? uniform(width, measured: before)
      made = outcome
      return outcome
    }
    var started: LayerwiseDivergence?
    for (number, id) in linears.enumerated() {
      try reporter.checkpoint()
      let alone = try kept.measured(names[number]) {
        let outcome = try everywhere()
        let measure =
          try started
          ?? LayerwiseDivergence(held.model, windows: probe, context: laboratory.makeContext())
        started = measure
        try measure.advance(to: id.block)
        let original = try held.model.block(id.block)
        let float = try outcome.blocks[id.block].floatBlock(original: original)
        let block = try float.replacing([id.projection: outcome.model[id]])
        return Alone(
          kl: try measure.divergence(with: block).divergence.mean,
          bytes: outcome.model[id].weight.byteCount)
      }
      layers[number].losses.append(alone.kl)
      layers[number].bytes.append(alone.bytes)
      reporter.tell(AllocateJob.Part(layer: id, bits: width, kl: alone.kl))
      progress("\(width) bits: KL of \(id) alone", measured: before + number + 1)
    }
    let all = try kept.measured("\(width) bits everywhere") { try everywhere().model.linearBytes }
    uniforms.append((width, all, made?.model))
  }

  /// Chooses, quantizes as it is meant to be used, and measures that together with uniform bits.
  func report() throws -> AllocationReport {
    let (best, chosen) = try mixed("mixed bits", within: bytes)
    var even: AllocationReport.Side?
    var same: AllocationReport.Side?
    if let widest = uniforms.last(where: { $0.bytes <= bytes }) {
      let everything = widths.count * linears.count
      even = try side(
        "\(widest.bits) bits everywhere", job.recipe.with(bits: widest.bits),
        widest.model ?? uniform(widest.bits, measured: everything).model)
      if widest.bytes < best.bytes {
        same = try mixed("mixed bits at that size", within: widest.bytes).0
      }
    }
    return AllocationReport(
      budgetBytes: bytes, budgetBits: bits(of: bytes), widths: widths,
      choices: zip(linears, zip(layers, chosen)).map { id, found in
        AllocationReport.Choice(
          block: id.block, projection: id.projection,
          bits: job.recipe.treatment(of: id) == .fp ? 16 : widths[found.1],
          aloneKL: found.0.losses)
      }, mixed: best, uniform: even, mixedAtUniform: same, windows: verify.windows.count,
      seconds: Machine.seconds() - start, model: held.summary.label)
  }

  private func mixed(
    _ name: String, within bytes: Int
  ) throws -> (AllocationReport.Side, [Int]) {
    guard let chosen = BitAllocator.choose(layers, budget: bytes) else { throw tooSmall(bytes) }
    let recipe = AllocateJob.mixed(
      job.recipe, linears: linears, bits: chosen.map { widths[$0] })
    let made = try laboratory.quantized(recipe, held, text, pause: reporter.checkpoint) {
      [self] done, of in
      progress("\(name): block \(done) of \(of)", measured: widths.count * linears.count)
    }
    let predicted = zip(layers, chosen).reduce(0) { $0 + $1.0.losses[$1.1] }
    return (try side(name, recipe, made.model, predicted: predicted), chosen)
  }

  private func side(
    _ name: String, _ recipe: Recipe, _ model: Model, predicted: Double? = nil
  ) throws -> AllocationReport.Side {
    reporter.log("Measuring \(name) end to end.")
    let found = try laboratory.statistics(
      held, model, .fp16, verify, reporter.withoutParts
    ).divergence
    return AllocationReport.Side(
      name: name, recipe: recipe, bytes: model.linearBytes,
      bitsPerWeight: bits(of: model.linearBytes),
      kl: found.mean, klError: found.error, predictedKL: predicted)
  }
}

extension Recipe {
  /// The recipe with other bits for weights everywhere.
  fileprivate func with(bits: Int) -> Recipe {
    var recipe = self
    recipe.weights?.options["bits"] = .integer(bits)
    return recipe
  }
}

import Evaluation
import Models
import Operators
import Platform
package import Quantization
import Tensors

/// Bits for each layer under a budget, from measured sensitivities, held against uniform bits of the same size.
///
/// Each width is tried on the whole model; each of its layers is then measured alone, on windows of the calibration
/// text. What is chosen is quantized as it is meant to be used and measured end to end on the evaluation text.
package struct AllocateJob: Job {
  package var recipe: Recipe
  package var calibration: CalibrationOptions
  package var budget: WeightBudget
  /// Windows of the evaluation text that sides are measured on.
  package var windows: Int

  package init(
    recipe: Recipe, calibration: CalibrationOptions, budget: WeightBudget, windows: Int
  ) {
    self.recipe = recipe
    self.calibration = calibration
    self.budget = budget
    self.windows = windows
  }

  package static let name = "allocate"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged]

  package var title: String { "Spending a budget of bits" }
  package var words: String { "spend a budget of bits" }
  package func news(of report: AllocationReport) -> String? {
    "Budget spent: \(report.advised.name) is the advice"
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> AllocationReport {
    let bench = try laboratory.bench(for: "spending a budget of bits")
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
    let start = Machine.seconds()
    let text = try laboratory.calibrationWindows(bench, calibration)
    let linears = bench.model.linears
    let total = linears.reduce(0) {
      $0 + bench.model[$1].rows * bench.model[$1].columns
    }
    let bytes = budget.bytes(weights: total)
    let probe = try laboratory.probeWindows(bench, calibration, count: max(2, windows / 2))
    // Sizes are known before anything is measured.
    let smallest = try laboratory.trial(uniform(bits: widths[0]), bench.model)?.bits ?? 16
    guard Double(bytes) * 8 / Double(total) >= smallest else {
      throw EngineError.budgetTooSmall(bits: Double(bytes) * 8 / Double(total), lowest: smallest)
    }
    var layers = linears.map { _ in BitAllocator.Layer(bytes: [], losses: []) }
    var uniforms: [(bits: Int, model: Model, bytes: Int)] = []
    // The whole job is counted in layers measured, so that its share only rises.
    func progress(_ phase: String, measured: Int) {
      reporter.progress(
        phase, done: measured, of: widths.count * linears.count, unit: "layers measured",
        since: start)
    }
    for (place, width) in widths.enumerated() {
      let outcome = try laboratory.quantized(
        uniform(bits: width), bench, text, reporter
      ) { done, of in
        progress(
          "\(width) bits everywhere: block \(done) of \(of)", measured: place * linears.count)
      }
      let measure = try LayerwiseDivergence(
        bench.model, windows: probe, context: laboratory.makeContext())
      for (number, id) in linears.enumerated() {
        try reporter.checkpoint()
        try measure.advance(to: id.block)
        let original = try bench.model.block(id.block)
        let float = try outcome.blocks[id.block].floatBlock(original: original)
        let alone = try float.replacing([id.projection: outcome.model[id]])
        layers[number].losses.append(try measure.divergence(with: alone).divergence.mean)
        layers[number].bytes.append(outcome.model[id].weight.byteCount)
        progress(
          "\(width) bits: KL of \(id) alone", measured: place * linears.count + number + 1)
      }
      uniforms.append((width, outcome.model, outcome.model.linearBytes))
    }
    let verify = try laboratory.evaluationWindows(bench, count: windows)
    func side(
      _ name: String, _ recipe: Recipe, _ model: Model, predicted: Double? = nil
    ) throws -> AllocationReport.Side {
      reporter.log("Measuring \(name) end to end.")
      let found = try laboratory.statistics(bench, model, .fp16, verify, reporter).divergence
      return AllocationReport.Side(
        name: name, recipe: recipe, bytes: model.linearBytes,
        bitsPerWeight: Double(model.linearBytes) * 8 / Double(total), kl: found.mean,
        klError: found.error, predictedKL: predicted)
    }
    func mixed(_ name: String, within bytes: Int) throws -> (AllocationReport.Side, [Int]) {
      guard let chosen = BitAllocator.choose(layers, budget: bytes) else {
        throw EngineError.budgetTooSmall(bits: Double(bytes) * 8 / Double(total), lowest: smallest)
      }
      let recipe = Self.mixed(recipe, linears: linears, bits: chosen.map { widths[$0] })
      let made = try laboratory.quantized(recipe, bench, text, reporter) { done, of in
        progress("\(name): block \(done) of \(of)", measured: widths.count * linears.count)
      }
      let predicted = zip(layers, chosen).reduce(0) { $0 + $1.0.losses[$1.1] }
      return (try side(name, recipe, made.model, predicted: predicted), chosen)
    }
    let (best, chosen) = try mixed("mixed bits", within: bytes)
    var even: AllocationReport.Side?
    var same: AllocationReport.Side?
    if let widest = uniforms.last(where: { $0.bytes <= bytes }) {
      even = try side(
        "\(widest.bits) bits everywhere", uniform(bits: widest.bits), widest.model)
      if widest.bytes < best.bytes {
        same = try mixed("mixed bits at that size", within: widest.bytes).0
      }
    }
    return AllocationReport(
      budgetBytes: bytes, budgetBits: Double(bytes) * 8 / Double(total), widths: widths,
      choices: zip(linears, zip(layers, chosen)).map { id, found in
        AllocationReport.Choice(
          block: id.block, projection: id.projection,
          bits: recipe.treatment(of: id) == .fp ? 16 : widths[found.1],
          aloneKL: found.0.losses)
      }, mixed: best, uniform: even, mixedAtUniform: same, windows: verify.windows.count,
      seconds: Machine.seconds() - start)
  }

  private func uniform(bits: Int) -> Recipe {
    var recipe = recipe
    recipe.weights?.options["bits"] = .integer(bits)
    return recipe
  }

  /// The recipe with the most frequent width as its own and an exception for every other layer.
  static func mixed(_ recipe: Recipe, linears: [LinearID], bits: [Int]) -> Recipe {
    // What the recipe leaves in FP has no width.
    let choices = zip(linears, bits).filter { recipe.treatment(of: $0.0) != .fp }
    var counts: [Int: Int] = [:]
    for (_, width) in choices { counts[width, default: 0] += 1 }
    let usual = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.first?.key ?? 4
    var recipe = recipe
    recipe.weights?.options["bits"] = .integer(usual)
    recipe.exceptions =
      choices.filter { $0.1 != usual }.map { LayerException($0.0, .bits($0.1)) }
      + recipe.exceptions
    return recipe
  }
}

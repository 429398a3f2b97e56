import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors

/// What several jobs measure of the open model, or make of it.
extension Laboratory {
  /// The quantized model, or the baseline where nothing is quantized.
  func subject(_ held: OpenModel) -> EvaluationSubject {
    guard let quantized = held.quantized else {
      return EvaluationSubject(
        name: held.summary.baseline.side("BF16"), model: held.model, cache: .fp16)
    }
    return EvaluationSubject(
      name: quantized.words, model: quantized.model, cache: quantized.cache)
  }

  /// What quality is measured against.
  func baseline(_ held: OpenModel) -> EvaluationSubject {
    EvaluationSubject(
      name: held.summary.baseline.side("BF16"), model: held.reference, cache: .fp16)
  }

  /// Scores of a model against the baseline.
  func statistics(
    _ held: OpenModel, _ model: Model, _ cache: KVFormatPair, _ text: TextWindows,
    _ reporter: JobReporter<Never>
  ) throws -> ScoreStatistics {
    try QualityMeasure(
      subject: EvaluationSubject(name: "quantized", model: model, cache: cache),
      baseline: baseline(held),
      context: try makeContext()
    ).run(text, checkpoint: reporter.checkpoint)
  }

  /// The largest difference of the logits of two models after every token of a window, and the largest logit of the first.
  static func difference(
    _ first: Model, _ second: Model, on window: [Int32], _ context: ExecutionContext,
    cache: KVFormatPair = .fp16
  ) throws -> (largest: Double, count: Int, size: Double) {
    func logits(_ model: Model) throws -> Logits {
      try model.forward(
        tokens: window, cache: model.makeCache(cache), context: context, logits: .all)
    }
    let (left, right) = (try logits(first), try logits(second))
    var largest = 0.0
    var size = 0.0
    for token in window.indices {
      for (one, other) in zip(left[token], right[token]) {
        let difference = Double((one - other).magnitude)
        largest = difference.isNaN ? .infinity : max(largest, difference)
        size = max(size, Double(one.magnitude))
      }
    }
    return (largest, window.count * left.vocabulary, size)
  }

  /// A model quantized apart from what is held.
  ///
  /// - Parameter compares: whether its layers are compared with what they were on the text, which takes two passes over it.
  func quantized(
    _ recipe: Recipe, _ held: OpenModel, _ text: [[Int32]], compares: Bool = false,
    pause: @escaping () throws -> Void, progress: @escaping (_ done: Int, _ of: Int) -> Void
  ) throws -> Quantizer.Outcome {
    let quantizer = Quantizer(
      recipe: recipe, context: try makeContext(), calibration: text, compares: compares)
    return try quantizer.run(held.model, pause: pause) { event in
      if case .block(let done, let total) = event { progress(done, total) }
    }
  }

  /// Tries a recipe on zeros; nil when no method touches the layers.
  ///
  /// - Throws: `QuantizationError` for what the methods refuse.
  func trial(_ recipe: Recipe, _ model: Model) throws -> RecipeTrial? {
    try RecipeTrial(recipe, on: model, pool: pool)
  }

  /// Bytes of all weights that a recipe leaves of a model: the sum that its report will say.
  ///
  /// - Throws: `QuantizationError` for what the methods refuse.
  func outputBytes(_ recipe: Recipe, _ model: Model) throws -> Int {
    outputBytes(recipe, model, try trial(recipe, model))
  }

  private func outputBytes(_ recipe: Recipe, _ model: Model, _ trial: RecipeTrial?) -> Int {
    let others = recipe.head.map { head in model.otherBytes { head.format(columns: $0) } }
    guard let trial else {
      return model.weightBytes - model.otherBytes + (others ?? model.otherBytes)
    }
    return trial.linearBytes + (others ?? model.otherBytes)
  }

  /// What a recipe will take.
  ///
  /// - Parameter tried: the recipe's trial, where it was tried already.
  func preflight(
    _ recipe: Recipe, _ held: OpenModel, _ lengths: [Int], keeping: Keeping, compares: Bool = true,
    tried: RecipeTrial? = nil
  ) throws -> Preflight {
    let trial = try tried ?? trial(recipe, held.model)
    let output = outputBytes(recipe, held.model, trial)
    let peaks = try machinePeaks(nil)
    func preflight(keeps: Bool) throws -> Preflight {
      try Preflight(
        recipe, model: held.model, lengths: lengths, bits: trial?.bits, scales: trial?.scaleBytes,
        output: output, keeps: keeps, releases: QuantizeJob.releasesBlocks(of: held.model),
        compares: compares, peaks: peaks, threads: pool.threads)
    }
    let kept = try preflight(keeps: keeping != .nothing)
    // What is done soon is not kept unless it is asked for.
    return keeping == .automatic && kept.seconds <= QuantizeJob.keptSeconds
      ? try preflight(keeps: false) : kept
  }
}

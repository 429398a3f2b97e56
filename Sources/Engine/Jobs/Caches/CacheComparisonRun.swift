import DemoModel
import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

/// What all measures of the caches share; the first subject is the FP16 cache.
final class CacheComparisonRun {
  /// Deepest prefix that is taken without being asked for.
  private static let mostDepth = 512

  let options: CacheOptions
  let held: Laboratory.OpenModel
  let context: ExecutionContext
  /// FP16 first.
  let subjects: [EvaluationSubject]
  let recipes: [Recipe]
  let text: DepthText
  let documents: [RecallDocument]
  private(set) var facts: CacheReport.Facts
  /// What the weights were quantized by; nil where they are FP.
  let weights: String?
  private var answers: [[RecallMeasure.Answer]] = []
  private var continuations: [[Int32]] = []

  init(_ options: CacheOptions, laboratory: Laboratory, held: Laboratory.OpenModel) throws {
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    self.options = options
    self.held = held
    context = try laboratory.makeContext()
    let recipe = held.quantized.map {
      Recipe(
        weights: $0.recipe.weights, activations: $0.recipe.activations,
        exceptions: $0.recipe.exceptions)
    }
    // Where only the cache is quantized the weights are the baseline's own.
    weights = held.quantized?.file ?? recipe.flatMap { $0.isBaseline ? nil : "\($0)" }
    let model = weights == nil ? held.model : held.quantized?.model ?? held.model
    recipes =
      [Recipe.baseline] + options.caches.map { Recipe(keys: $0.keys, values: $0.values) }
    subjects = try recipes.map {
      let cache = try $0.cacheFormat(standard: .fp16)
      return EvaluationSubject(name: "\(cache)", model: model, cache: cache)
    }
    let limit = held.summary.shape.context
    let depth = options.depth ?? max(1, min(limit / 8, Self.mostDepth))
    let tokens = options.tokens ?? max(1, min(4 * depth, limit - depth))
    let source = try DepthSource(
      options.text, least: depth &+ tokens &+ 1, laboratory: laboratory, tokenizer)
    text = try DepthText(
      documents: source.documents, depth: depth, tokens: tokens, context: limit, bos: source.bos,
      most: options.windows, text: source.name)
    guard options.generate <= limit - depth else {
      throw EvaluationError.beyondContext(depth: depth, tokens: options.generate, context: limit)
    }
    let path = try options.recallText ?? DemoModel(locator: laboratory.locator).recallText
    let read = try RecallText.documents(path).map {
      try RecallText.tokens(of: $0, tokenizer: tokenizer)
    }
    let fitting = read.filter { $0.tokens.count <= limit && !$0.questions.isEmpty }
    if options.recallText != nil, fitting.isEmpty {
      throw EvaluationError.notAsked(
        text: path, shortest: read.map(\.tokens.count).min() ?? 0, context: limit)
    }
    documents = Array(fitting.prefix(max(0, options.recallDocuments)))
    facts = CacheReport.Facts(
      model: held.summary.label, text: source.name, depth: depth, tokens: tokens,
      step: max(1, options.step), windows: text.windows.count,
      recallText: options.recallText.map(DepthSource.name) ?? "the built-in recall documents",
      weights: weights ?? (held.summary.storedAs == nil ? nil : held.referenceWords))
    facts.storedAs = held.summary.baseline.storedAs
  }

  /// Scores of all caches, token by token side by side.
  func scores(_ reporter: JobReporter<Never>) throws -> DepthMeasure.Outcome {
    var measure = DepthMeasure(
      subjects: Array(subjects.dropFirst()), reference: subjects[0],
      baseline: weights == nil
        ? nil
        : EvaluationSubject(
          name: held.summary.baseline.side("BF16"), model: held.model, cache: .fp16),
      context: context)
    measure.step = facts.step
    let since = Machine.seconds()
    return try measure.run(
      text,
      progress: { [text, subjects] done in
        reporter.progress(
          "decoding through \(subjects.count) caches", done: done,
          of: text.tokens * text.windows.count, unit: "tokens", since: since,
          work: Double(done * subjects.count), rateUnit: "tokens/s")
      }, checkpoint: reporter.checkpoint)
  }

  /// Errors by layer and head, one map for each cache; the FP16 cache's own is measured like the others.
  func maps(_ reporter: JobReporter<Never>) throws -> [CacheErrorMap] {
    let part = text.prefix(options.mapWindows)
    let since = Machine.seconds()
    return try CacheErrorMeasure(
      model: subjects[0].model, formats: subjects.map(\.cache), context: context
    ).run(
      part,
      progress: {
        reporter.progress(
          "errors by layer and head", done: $0, of: part.tokens * part.windows.count,
          unit: "tokens", since: since)
      }, checkpoint: reporter.checkpoint)
  }

  /// What is measured of each cache by itself, with what is known already.
  func row(
    _ index: Int, _ side: DepthMeasure.Outcome.Side, _ map: CacheErrorMap,
    _ reporter: JobReporter<Never>
  ) throws -> CacheReport.Row {
    let subject = subjects[index]
    let since = Machine.seconds()
    func progress(_ what: String, _ step: Int) {
      reporter.progress(
        "\(subject.name): \(what)", done: index * 3 + step, of: subjects.count * 3, unit: "parts",
        since: since, before: index * 3)
    }
    progress("recall", 0)
    let answered = try RecallMeasure.answers(
      subject, documents, context: context, checkpoint: reporter.checkpoint)
    progress("continuing prompts", 1)
    let continued = try GreedyContinuation(subject, context: context).run(
      prompts: text.windows.map { Array($0.prefix(text.depth)) }, tokens: options.generate,
      stops: Set(subject.model.configuration.endTokens), checkpoint: reporter.checkpoint)
    if index == 0 { (answers, continuations) = (answered, continued) }
    progress("resident bytes", 2)
    let resident = try CacheResidenceMeasure(model: subject.model, context: context).run(
      subject.cache, length: text.depth + text.tokens, checkpoint: reporter.checkpoint)
    let shape = held.summary.shape
    let scores = side.toReference
    return CacheReport.Row(
      name: subject.name, recipe: recipes[index], isReference: index == 0,
      bytesPerToken: shape.kvBytesPerToken(subject.cache), resident: resident,
      keyBits: subject.cache.keys.bitsPerValue(headDimension: shape.headDimension),
      valueBits: subject.cache.values.bitsPerValue(headDimension: shape.headDimension),
      perplexity: scores.all.perplexity, kl: scores.all.divergence,
      klToBaseline: side.toBaseline?.all.divergence, topOne: scores.all.topOneAgreement,
      buckets: zip(scores.buckets, scores.parts).map { range, part in
        let kl = part.divergence
        return CacheReport.Bucket(
          first: range.lowerBound, end: range.upperBound, tokens: part.count,
          perplexity: part.perplexity, kl: Estimate(mean: kl.mean, error: kl.error),
          topOne: part.topOneAgreement)
      },
      recall: RecallReport(documents, baseline: answers, quantized: answered),
      divergence: FirstDivergence(
        tokens: options.generate, reference: continuations, found: continued),
      map: map)
  }
}

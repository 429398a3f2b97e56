import DemoModel
import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers
import Wording

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
  /// Of the FP16 cache.
  private var reference: Heard?

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

  /// What is measured, in order, by the names it is kept under.
  var steps: [String] {
    text.windows.indices.map { Self.window($0) } + [Self.mapStep] + subjects.indices.map(step)
  }

  private static func window(_ number: Int) -> String { "window \(number + 1)" }
  private static let mapStep = "errors by layer and head"
  /// Two caches can have the same name.
  private func step(_ index: Int) -> String {
    "\(index == 0 ? "" : "\(index) ")\(subjects[index].name)"
  }

  /// Scores of all caches in one window, token by token side by side.
  func scores(
    _ window: Int, _ kept: KeptMeasures, _ reporter: JobReporter<Never>
  ) throws -> DepthMeasure.Outcome {
    try kept.measured(Self.window(window)) {
      var measure = DepthMeasure(
        subjects: Array(subjects.dropFirst()), reference: subjects[0],
        baseline: weights == nil
          ? nil
          : EvaluationSubject(
            name: held.summary.baseline.side("BF16"), model: held.model, cache: .fp16),
        context: context)
      measure.step = facts.step
      measure.schedule = options.prefill ?? .passes
      let since = Machine.seconds()
      let before = window * text.tokens
      return try measure.run(
        text, windows: window..<window + 1,
        progress: { [text, subjects] done in
          reporter.progress(
            "decoding through \(subjects.count) caches", done: before + done,
            of: text.tokens * text.windows.count, unit: "tokens", since: since, before: before,
            work: Double(done * subjects.count), rateUnit: "tokens/s")
        }, checkpoint: reporter.checkpoint)
    }
  }

  /// What a window has said, in a line.
  func words(of scores: DepthMeasure.Outcome, _ window: Int) -> String {
    let sides = zip(subjects.dropFirst(), scores.subjects).map { subject, side in
      "\(subject.name) \(Quantity.significant(side.toReference.all.divergence.mean))"
    }
    return "\(Self.window(window)) of \(text.windows.count), KL to the FP16 cache: "
      + sides.joined(separator: ", ")
  }

  /// Errors by layer and head, one map for each cache; the FP16 cache's own is measured like the others.
  func maps(_ kept: KeptMeasures, _ reporter: JobReporter<Never>) throws -> [CacheErrorMap] {
    try kept.measured(Self.mapStep) {
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
  }

  /// A cache with its scores, and nothing else known yet.
  func scoredRow(_ index: Int, _ outcome: DepthMeasure.Outcome) -> CacheReport.Row {
    let subject = subjects[index]
    let side = index == 0 ? outcome.reference : outcome.subjects[index - 1]
    let shape = held.summary.shape
    let scores = side.toReference
    return CacheReport.Row(
      name: subject.name, recipe: recipes[index], isReference: index == 0,
      bytesPerToken: shape.kvBytesPerToken(subject.cache), resident: nil,
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
      recall: RecallReport(depths: []), divergence: FirstDivergence(tokens: 0, first: []),
      map: CacheErrorMap(
        scores: [], scoreShift: [], keys: [], values: [], both: [], probes: 0))
  }

  /// What a cache answers and says by itself.
  private struct Heard: Codable {
    var answers: [[RecallMeasure.Answer]]
    var continuations: [[Int32]]
    var resident: CacheResidence?
  }

  /// What is measured of each cache by itself, with what is known already.
  func row(
    _ index: Int, _ outcome: DepthMeasure.Outcome, _ map: CacheErrorMap, _ kept: KeptMeasures,
    _ reporter: JobReporter<Never>
  ) throws -> CacheReport.Row {
    let heard = try kept.measured(step(index)) { try hear(index, reporter) }
    if index == 0 { reference = heard }
    var row = scoredRow(index, outcome)
    row.resident = heard.resident
    row.recall = RecallReport(
      documents, baseline: reference?.answers ?? [], quantized: heard.answers)
    row.divergence = FirstDivergence(
      tokens: options.generate, reference: reference?.continuations ?? [],
      found: heard.continuations)
    row.map = map
    return row
  }

  /// Asks the recall questions and continues the prompts through one cache.
  private func hear(_ index: Int, _ reporter: JobReporter<Never>) throws -> Heard {
    let subject = subjects[index]
    let since = Machine.seconds()
    let prompts = text.windows.map { Array($0.prefix(text.depth)) }
    // Documents, prompts, and the filling of a cache.
    let parts = documents.count + prompts.count + 1
    var done = 0
    func progress(_ what: String) {
      reporter.progress(
        "\(subject.name): \(what)", done: index * parts + done, of: subjects.count * parts,
        unit: "documents and prompts", since: since, before: index * parts)
    }
    let answers = try documents.flatMap { document in
      progress("recall")
      defer { done += 1 }
      return try RecallMeasure.answers(
        subject, [document], by: options.prefill ?? .passes, context: context,
        checkpoint: reporter.checkpoint)
    }
    let continuation = GreedyContinuation(subject, context: context)
    let continuations = try prompts.flatMap { prompt in
      progress("continuing prompts")
      defer { done += 1 }
      return try continuation.run(
        prompts: [prompt], tokens: options.generate,
        stops: Set(subject.model.configuration.endTokens), by: options.prefill ?? .passes,
        checkpoint: reporter.checkpoint)
    }
    progress("resident bytes")
    let resident = try CacheResidenceMeasure(model: subject.model, context: context).run(
      subject.cache, length: text.depth + text.tokens, checkpoint: reporter.checkpoint)
    return Heard(answers: answers, continuations: continuations, resident: resident)
  }
}

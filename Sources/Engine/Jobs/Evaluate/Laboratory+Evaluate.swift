import DemoModel
import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

extension Laboratory {
  /// Windows on which the KL of BF16 to float32 is taken.
  private static let noiseWindows = 4

  /// Measures quality against the FP baseline.
  func evaluate(_ options: EvaluationOptions, _ reporter: JobReporter) throws -> EvaluationReport {
    let bench = try bench(for: "evaluating")
    guard let tokenizer = bench.tokenizer else {
      throw EngineError.notText(model: bench.summary.name)
    }
    let start = Machine.seconds()
    let source = try text(
      options.text, builtIn: \.evaluationText, name: "the built-in evaluation text", tokenizer)
    let addsBOS = try tokenizer.encode("", addSpecialTokens: true).first
    let windows = try TextWindows(
      source.ids, protocol: options.protocol, window: options.window,
      context: bench.summary.shape.context,
      bos: options.text == nil ? nil : addsBOS, most: options.windows, text: source.name)
    let context = try makeContext()
    let precise = EvaluationSubject(
      name: "F32", model: try bench.reference.with(precision: .f32), cache: .fp32)
    let plain = EvaluationSubject(name: "BF16", model: bench.reference, cache: .fp16)
    let baseline = options.baseline == .f32 ? precise : plain
    let subject = subject(bench)
    let total = windows.windows.count
    // Ranges that clip and columns taken apart are counted by dispatch alone.
    let trace = KernelTrace()
    context.trace = subject.model.countsInputs ? trace : nil
    let statistics = try QualityMeasure(
      subject: subject, baseline: baseline, context: context
    ).run(
      windows,
      progress: { done in
        reporter.progress(
          "evaluating", done: done, of: total, unit: "windows", since: start,
          work: Double(2 * done * windows.length), rateUnit: "tokens/s")
      }, checkpoint: reporter.checkpoint)
    context.trace = nil
    let floor = try noiseFloor(
      bench, plain: plain, precise: precise, windows: windows, source: source.name, context,
      reporter)
    let divergence = statistics.divergence
    let perplexity = statistics.perplexity
    let expected = statistics.baselinePerplexity
    let agreement = statistics.topOneAgreement
    let report = EvaluationReport(
      recipe: "\(bench.quantized?.recipe ?? .baseline)", protocol: options.protocol,
      window: windows.length, windows: total, tokens: statistics.count, text: source.name,
      weightBytes: subject.model.weightBytes,
      kvBytesPerToken: bench.summary.shape.kvBytesPerToken(subject.cache),
      perplexity: perplexity.mean, perplexityError: perplexity.error,
      baseline: .init(
        name: baseline.name, perplexity: expected.mean, perplexityError: expected.error),
      kl: divergence, topOneAgreement: agreement.mean, topOneAgreementError: agreement.error,
      noiseFloor: .init(klMean: floor), seconds: Machine.seconds() - start,
      inputs: subject.model.countsInputs ? EvaluationReport.Inputs(trace) : nil,
      planted: bench.summary.planted, rotated: bench.summary.rotated)
    update { $0.evaluation = report }
    return report
  }

  /// The quantized model, or the baseline where nothing is quantized.
  func subject(_ bench: Bench) -> EvaluationSubject {
    guard let quantized = bench.quantized else {
      return EvaluationSubject(name: "BF16", model: bench.model, cache: .fp16)
    }
    return EvaluationSubject(
      name: "\(quantized.recipe)", model: quantized.model, cache: quantized.cache)
  }

  /// KL of BF16 to float32 on the first windows; kept, since it does not depend on the recipe.
  private func noiseFloor(
    _ bench: Bench, plain: EvaluationSubject, precise: EvaluationSubject, windows: TextWindows,
    source: String, _ context: ExecutionContext, _ reporter: JobReporter
  ) throws -> Double {
    let key = "\(source) \(windows.length) \(windows.firstScored)"
    if let known = bench.noiseFloors[key] { return known }
    let part = windows.prefix(Self.noiseWindows)
    let since = Machine.seconds()
    let statistics = try QualityMeasure(subject: plain, baseline: precise, context: context).run(
      part,
      progress: {
        reporter.progress(
          "noise floor (BF16 against F32)", done: $0, of: part.windows.count, unit: "windows",
          since: since)
      }, checkpoint: reporter.checkpoint)
    let floor = statistics.divergence.mean
    update { $0.noiseFloors[key] = floor }
    return floor
  }

  /// Continues a prompt with baseline and quantized model.
  func continuePrompt(
    _ prompt: String, tokens: Int, _ reporter: JobReporter
  ) throws -> ContinuationReport {
    let bench = try bench(for: "continuing a prompt")
    guard let tokenizer = bench.tokenizer else {
      throw EngineError.notText(model: bench.summary.name)
    }
    var ids = try tokenizer.encode(prompt, addSpecialTokens: true)
    if let begin = tokenizer.bosID, ids.first != begin { ids.insert(begin, at: 0) }
    let start = Machine.seconds()
    reporter.progress("generating", done: 0, of: 2, unit: "texts", since: start)
    let made = try ContinuationMeasure(
      subject: subject(bench),
      baseline: EvaluationSubject(name: "BF16", model: bench.reference, cache: .fp16),
      context: try makeContext()
    ).run(
      prompt: ids, tokens: min(max(1, tokens), bench.summary.shape.context - 1),
      stops: Set(bench.model.configuration.endTokens), checkpoint: reporter.checkpoint)
    let expected = tokenizer.decode(made.baseline)
    let found = tokenizer.decode(made.subject)
    let differs = zip(made.baseline, made.subject).enumerated().first { $0.1.0 != $0.1.1 }?.offset
    let shorter = min(made.baseline.count, made.subject.count)
    return ContinuationReport(
      prompt: prompt, baseline: expected, quantized: found,
      firstDivergence: differs
        ?? (made.baseline.count == made.subject.count ? nil : shorter),
      commonCharacters: zip(expected, found).prefix { $0 == $1 }.count,
      tokens: max(made.baseline.count, made.subject.count))
  }

  /// Asks the questions of the built-in recall documents.
  func recall(_ count: Int, _ reporter: JobReporter) throws -> RecallReport {
    let bench = try bench(for: "recall")
    guard let tokenizer = bench.tokenizer else {
      throw EngineError.notText(model: bench.summary.name)
    }
    let documents = try RecallText.documents(DemoModel(locator: locator).recallText).prefix(count)
      .map { try RecallText.tokens(of: $0, tokenizer: tokenizer) }
    let start = Machine.seconds()
    return try RecallMeasure(
      subject: subject(bench),
      baseline: EvaluationSubject(name: "BF16", model: bench.reference, cache: .fp16),
      context: try makeContext()
    ).run(
      documents,
      progress: {
        reporter.progress(
          "asking", done: $0, of: documents.count, unit: "documents", since: start)
      }, checkpoint: reporter.checkpoint)
  }
}

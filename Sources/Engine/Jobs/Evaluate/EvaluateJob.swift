import DemoModel
package import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

/// Measures quality against the FP baseline, or the model as it is stored.
package struct EvaluateJob: Job {
  package var options: EvaluationOptions

  package init(options: EvaluationOptions) { self.options = options }

  package static let name = "evaluate"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Measuring quality" }
  package var words: String { "measure quality" }
  package func news(of report: EvaluationReport) -> String? {
    "Quality measured over \(report.tokens) tokens"
  }

  /// Windows on which the KL of BF16 to float32 is taken.
  private static let noiseWindows = 4

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> EvaluationReport {
    let held = try laboratory.openModel(for: "evaluating")
    let start = Machine.seconds()
    let text = try EvaluatedText(options, of: held, in: laboratory)
    let windows = text.windows
    let context = try laboratory.makeContext()
    let precise = try Self.precise(held)
    let plain = laboratory.baseline(held)
    let baseline = options.baseline == .f32 ? precise : plain
    let subject = laboratory.subject(held)
    let schedule = options.prefill ?? .passes
    let caveat = CacheReach(windows, cache: subject.cache, schedule: schedule)?.caveat
    if let caveat { reporter.log("Note: \(caveat).") }
    // Ranges that clip and columns taken apart are counted by dispatch alone.
    let trace = KernelTrace()
    context.trace = subject.model.countsInputs ? trace : nil
    let writer = try options.logitsOut.map {
      try BaseLogitsWriter(
        path: $0, text: windows, vocabulary: subject.model.configuration.vocabularySize)
    }
    let kept = try kept(of: held, baseline, text, in: laboratory, reporter)
    let statistics = try QualityMeasure(
      subject: subject, baseline: baseline, context: context, schedule: schedule,
      recorded: text.recorded, kept: kept
    ).run(
      windows, writer: writer,
      progress: { done in
        reporter.progress(
          "evaluating", done: done, of: windows.windows.count, unit: "windows", since: start,
          work: Double(
            (text.recorded == nil && kept?.isWhole != true ? 2 : 1) * done * windows.length),
          rateUnit: "tokens/s"
        )
      }, checkpoint: reporter.checkpoint)
    try writer?.commit()
    kept?.commit()
    context.trace = nil
    let floor = try noiseFloor(
      laboratory, held, plain: plain, precise: precise, windows: windows, source: text.name,
      kept: kept, context, reporter)
    var report = report(
      statistics, of: text, held, subject, against: baseline, floor: floor, caveat: caveat)
    report.seconds = Machine.seconds() - start
    if subject.model.countsInputs { report.inputs = EvaluationReport.Inputs(trace) }
    return report
  }

  /// What is kept of the baseline on this text; nil where its logits were recorded.
  private func kept(
    of held: Laboratory.OpenModel, _ baseline: EvaluationSubject, _ text: EvaluatedText,
    in laboratory: Laboratory, _ reporter: JobReporter<Never>
  ) throws -> KeptBaseline? {
    guard text.recorded == nil else { return nil }
    return try KeptBaseline(
      of: held, baseline, text.windows, in: laboratory, tell: { reporter.log($0) })
  }

  private func report(
    _ statistics: ScoreStatistics, of text: EvaluatedText, _ held: Laboratory.OpenModel,
    _ subject: EvaluationSubject, against baseline: EvaluationSubject, floor: Double,
    caveat: String?
  ) -> EvaluationReport {
    let windows = text.windows
    let schedule = options.prefill ?? .passes
    let perplexity = statistics.perplexity
    let expected = statistics.baselinePerplexity
    let agreement = statistics.topOneAgreement
    return EvaluationReport(
      recipe: held.subjectWords, protocol: options.protocol,
      window: windows.length, windows: windows.windows.count, tokens: statistics.count,
      text: text.name,
      weightBytes: subject.model.weightBytes,
      kvBytesPerToken: held.summary.shape.kvBytesPerToken(subject.cache),
      perplexity: perplexity.mean, perplexityError: perplexity.error,
      baseline: .init(
        name: text.recorded?.name ?? baseline.name, perplexity: expected.mean,
        perplexityError: expected.error,
        storedAs: text.recorded == nil ? held.summary.baseline.storedAs : nil,
        weightBytes: held.reference.weightBytes),
      kl: statistics.divergence, topOneAgreement: agreement.mean,
      topOneAgreementError: agreement.error,
      noiseFloor: .init(klMean: floor), seconds: 0, planted: held.summary.planted,
      rotated: held.summary.rotated, begin: windows.begin,
      caveat: caveat, schedule: schedule.words(for: subject.cache),
      figures: statistics.fieldFigures, tail: subject.cache.window?.tokens,
      prefill: subject.cache == baseline.cache || schedule == .passes ? nil : schedule)
  }

  /// The model as it was read, in float32 throughout.
  private static func precise(_ held: Laboratory.OpenModel) throws -> EvaluationSubject {
    EvaluationSubject(
      name: held.summary.baseline.side("F32"),
      model: try held.reference.with(precision: .f32), cache: .fp32)
  }

  /// KL of BF16 to float32 on the first windows; kept, since it does not depend on the recipe.
  private func noiseFloor(
    _ laboratory: Laboratory, _ held: Laboratory.OpenModel, plain: EvaluationSubject,
    precise: EvaluationSubject, windows: TextWindows, source: String, kept: KeptBaseline?,
    _ context: ExecutionContext, _ reporter: JobReporter<Never>
  ) throws -> Double {
    let key = "\(source) \(windows.length) \(windows.firstScored)"
    if let known = held.noiseFloors[key] ?? kept?.noiseFloor { return known }
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
    kept?.noiseFloor = floor
    laboratory.update { $0.noiseFloors[key] = floor }
    return floor
  }
}

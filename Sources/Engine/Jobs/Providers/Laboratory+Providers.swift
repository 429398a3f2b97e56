import DemoModel
import Evaluation
import Models
import Operators
import Platform
import Profiling
import Quantization
import Tensors

/// How providers are compared.
package struct ProviderOptions: Hashable, Sendable, Codable {
  package var prompt: Int
  package var generate: Int
  package var repetitions: Int
  /// Seconds that all rounds together may take; slow providers get fewer tokens.
  package var seconds: Double
  /// Positions on which logits are compared with those of plain C, at most.
  package var compared: Int

  package init(
    prompt: Int = 128, generate: Int = 32, repetitions: Int = 3, seconds: Double = 60,
    compared: Int = 128
  ) {
    self.prompt = prompt
    self.generate = generate
    self.repetitions = repetitions
    self.seconds = seconds
    self.compared = compared
  }
}

extension Laboratory {
  /// The open model under every provider, the FP baseline beside it, and without single kernels.
  func compareProviders(
    _ options: ProviderOptions, _ reporter: JobReporter
  ) throws -> ProviderReport {
    let bench = try bench(for: "comparing providers")
    let quantized = bench.quantized
    var measure = ProviderMeasure(
      quantized: SpeedSubject(
        recipe: "\(quantized?.recipe ?? .baseline)", model: quantized?.model ?? bench.model,
        cache: quantized?.cache ?? .fp16),
      baseline: quantized.map { _ in
        SpeedSubject(recipe: "FP baseline", model: bench.model, cache: .fp16)
      }, pool: pool, text: try timedIDs(bench))
    measure.promptTokens = options.prompt
    measure.generatedTokens = options.generate
    measure.repetitions = options.repetitions
    measure.budgetSeconds = options.seconds
    measure.klTokens = options.compared
    let start = Machine.seconds()
    var report = try measure.run(
      progress: { what, done, total in
        reporter.progress(what, done: done, of: total, unit: "steps", since: start)
      }, checkpoint: reporter.checkpoint)
    report.model = bench.summary.label
    return report
  }

  /// Token ids to time a model with: of the built-in text, or any where there is no tokenizer.
  func timedIDs(_ bench: Bench) throws -> [Int32] {
    let vocabulary = bench.summary.shape.vocabularySize
    guard let tokenizer = bench.tokenizer else {
      return (0..<4096).map { Int32(($0 * 7919) % vocabulary) }
    }
    return try text(nil, builtIn: \.evaluationText, name: "built-in", tokenizer).ids
      .filter { $0 < vocabulary }
  }

  /// Every kernel and cache end to end against plain C.
  func checkKernels(_ options: KernelOptions, _ reporter: JobReporter) throws -> KernelReport {
    let bench = try bench(for: "checking kernels")
    let start = Machine.seconds()
    var ids = try timedIDs(bench)
    let most = min(ids.count, bench.summary.shape.context)
    ids = Array(ids.prefix(min(most, max(8, options.tokens))))
    let all = try KernelForms.all(bench.model.configuration)
    let forms = try options.forms.map { names in
      try names.map { name in
        guard let form = all.first(where: { $0.name.lowercased() == name.lowercased() }) else {
          throw EngineError.unknownForm(name: name, known: all.map(\.name))
        }
        return form
      }
    }
    let context = try ExecutionContext(pool: pool)
    let agreement = KernelAgreement(context: context, text: ids, decoded: options.decoded)
    let providers = ExecutionProvider.allCases.filter { $0.isSupported && $0 != .generic }
    var report = KernelReport(
      model: bench.summary.label, options: options,
      text: bench.tokenizer == nil ? "token ids" : "the built-in evaluation text",
      threads: pool.threads, rows: [], uncovered: [], seconds: 0)
    var covered: Set<String> = []
    for (index, form) in (forms ?? all).enumerated() {
      reporter.progress(
        form.name, done: index, of: (forms ?? all).count, unit: "forms", since: start)
      try reporter.checkpoint()
      let subject = try subject(form, bench, ids, context)
      let kernel = subject.model.kernelChoices()[0].kernel
      if !form.isCache { covered.insert(kernel) }
      let outcome = try agreement.run(
        subject, providers: providers, checkpoint: reporter.checkpoint)
      for provider in providers {
        guard let found = outcome.providers[provider] else { continue }
        report.rows.append(
          KernelReport.Row(
            form: form.name, isCache: form.isCache, kernel: form.isCache ? "attention" : kernel,
            provider: provider, found: found, floor: outcome.floor,
            isAbove: KernelAgreement.isAbove(found, floor: outcome.floor)))
      }
    }
    if forms == nil {
      report.uncovered = LinearKernel.all.map(\.name).filter { !covered.contains($0) }
    }
    report.seconds = Machine.seconds() - start
    return report
  }

  /// The model in one form; calibrated, where a method looks at activations, on the text itself.
  private func subject(
    _ form: KernelForms.Form, _ bench: Bench, _ ids: [Int32], _ context: ExecutionContext
  ) throws -> EvaluationSubject {
    var model = bench.model
    if form.isFloat32 { model = try model.with(precision: .f32) }
    let cache = try form.recipe.cacheFormat(standard: form.cache)
    if form.recipe.weights != nil || form.recipe.activations != nil {
      model = try Quantizer(recipe: form.recipe, context: context, calibration: [ids]).run(model)
        .model
    }
    return EvaluationSubject(name: form.name, model: model, cache: cache)
  }
}

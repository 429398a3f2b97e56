import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors

/// Every kernel and every kind of cache end to end against plain C.
package struct KernelsJob: Job {
  package var options: KernelOptions

  package init(options: KernelOptions) { self.options = options }

  package static let name = "kernels"
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String { "Checking kernels against plain C" }
  package var words: String { "check kernels against plain C" }
  package func news(of report: KernelReport) -> String? {
    "Kernels checked: \(report.passes ? "all agree" : "some are off")"
  }

  /// A form, under every provider.
  package struct Part: JobValue {
    /// What the report says of itself, without rows.
    package var head: KernelReport
    package var rows: [KernelReport.Row]

    package init(head: KernelReport, rows: [KernelReport.Row]) {
      self.head = head
      self.rows = rows
    }
  }

  package func fold(_ part: Part, into report: inout KernelReport?) {
    var grown = report ?? part.head
    grown.rows += part.rows
    report = grown
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Part>
  ) throws -> KernelReport {
    let held = try laboratory.openModel(for: "checking kernels")
    let start = Machine.seconds()
    var ids = try laboratory.timedIDs(held)
    let most = min(ids.count, held.summary.shape.context)
    ids = Array(ids.prefix(min(most, max(8, options.tokens))))
    let all = try KernelForms.all(held.model.configuration)
    let forms = try options.forms.map { names in
      try names.map { name in
        guard let form = all.first(where: { $0.name.lowercased() == name.lowercased() }) else {
          throw EngineError.unknownForm(name: name, known: all.map(\.name))
        }
        return form
      }
    }
    let context = try ExecutionContext(pool: laboratory.pool)
    let agreement = KernelAgreement(context: context, text: ids, decoded: options.decoded)
    let providers = ExecutionProvider.allCases.filter { $0.isSupported && $0 != .generic }
    var report = KernelReport(
      model: held.summary.label, options: options,
      text: held.tokenizer == nil ? "token ids" : "the built-in evaluation text",
      threads: laboratory.pool.threads, rows: [], uncovered: [], seconds: 0)
    let chosen = forms ?? all
    let kept = try reporter.kept(
      of: held, in: laboratory, options: options, texts: ["text": [ids]])
    kept.plan(chosen.map(\.name))
    let head = report
    var covered: Set<String> = []
    return try kept.during {
      for (index, form) in chosen.enumerated() {
        reporter.progress(form.name, done: index, of: chosen.count, unit: "forms", since: start)
        try reporter.checkpoint()
        let found = try kept.measured(form.name) {
          try measure(form, held, agreement, providers, reporter)
        }
        if !form.isCache { covered.insert(found.kernel) }
        report.rows += found.rows
        reporter.tell(Part(head: head, rows: found.rows))
      }
      if forms == nil {
        report.uncovered = LinearKernel.all.map(\.name).filter { !covered.contains($0) }
      }
      report.seconds = Machine.seconds() - start
      return report
    }
  }

  /// What one form has come to.
  private struct Measured: Codable {
    var kernel: String
    var rows: [KernelReport.Row]
  }

  private func measure(
    _ form: KernelForms.Form, _ held: Laboratory.OpenModel, _ agreement: KernelAgreement,
    _ providers: [ExecutionProvider], _ reporter: JobReporter<Part>
  ) throws -> Measured {
    let subject = try subject(form, held, agreement.text, agreement.context)
    let kernel = subject.model.kernelChoices()[0].kernel
    let outcome = try agreement.run(
      subject, providers: providers, checkpoint: reporter.checkpoint)
    return Measured(
      kernel: kernel,
      rows: providers.compactMap { provider in
        outcome.providers[provider].map { found in
          KernelReport.Row(
            form: form.name, isCache: form.isCache, kernel: form.isCache ? "attention" : kernel,
            provider: provider, found: found, floor: outcome.floor,
            isAbove: KernelAgreement.isAbove(found, floor: outcome.floor))
        }
      })
  }

  /// The model in one form; calibrated, where a method looks at activations, on the text itself.
  private func subject(
    _ form: KernelForms.Form, _ held: Laboratory.OpenModel, _ ids: [Int32],
    _ context: ExecutionContext
  ) throws -> EvaluationSubject {
    var model = held.model
    if form.isFloat32 { model = try model.with(precision: .f32) }
    if let blocks = form.blocks {
      let rounded = try model.block(0).mapping { linear in
        try linear.replacing(
          weight: BlockRounding.quantize(linear.weight, as: blocks.type, pool: context.pool),
          activation: blocks.inputs)
      }
      model = try model.replacing(blocks: [0: rounded])
    }
    let cache = try form.recipe.cacheFormat(standard: form.cache)
    if form.recipe.weights != nil || form.recipe.activations != nil {
      model = try Quantizer(recipe: form.recipe, context: context, calibration: [ids]).run(model)
        .model
    }
    return EvaluationSubject(name: form.name, model: model, cache: cache)
  }
}

import Models
import Operators
import Platform
package import Profiling
import Quantization
import Tensors

/// Decode of 1 to many sequences in one step, and prefill of as many prompts together, of the open model in several
/// forms; each is made in memory by rounding to nearest, and they take turns.
package struct BatchJob: Job {
  package var options: BatchOptions

  package init(options: BatchOptions) { self.options = options }

  package static let name = "batch"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String { "Timing batches" }
  package var words: String { "time batches" }
  package func news(of report: BatchReport) -> String? {
    "Timed \(report.forms.count) forms at \(report.batches.count) batches"
  }

  /// What is known so far, with another batch.
  package typealias Part = BatchReport

  package func fold(_ part: BatchReport, into report: inout BatchReport?) { report = part }

  /// - Throws: `EngineError.badBatch`, `.cannotBatch`, `.batchTooLarge` before anything is made.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<BatchReport>
  ) throws -> BatchReport {
    let held = try laboratory.openModel(for: "timing batches")
    try options.check()
    let model = try Self.decoded(held.model)
    if let id = model.linears.first(where: { !model[$0].weight.format.isFloat }) {
      throw EngineError.cannotBatch(
        model: held.summary.name,
        reason:
          "\(id) is quantized already (\(model[id].weight.format)); open the model it was made "
          + "from")
    }
    let reach = max(BeyondContext.sum(options.depth, options.steps), options.prompt)
    if let note = BeyondContext.note(reach, held.summary.shape) { reporter.log(note) }
    let needed = BatchMemory(options, model).bytes
    if let free = Machine.memoryAvailable(), needed > Double(free) * 0.9 {
      throw EngineError.batchTooLarge(needed: Int(min(needed, 1e18)), free: free)
    }
    let start = Machine.seconds()
    let peaks = try laboratory.machinePeaks(reporter.withoutParts)
    let shape = model.configuration.shape
    let context = try laboratory.makeContext()
    let subjects = try options.forms.map { form in
      SpeedSubject(
        recipe: form.label, model: try formed(model, form, context, reporter), cache: .fp16)
    }
    var report = BatchReport(
      model: held.summary.label, provider: context.provider, threads: context.pool.threads,
      depth: options.depth, prompt: options.prompt, steps: options.steps,
      repetitions: options.repetitions, peaks: peaks,
      forms: zip(options.forms, subjects).map { form, subject in
        BatchReport.Form(
          name: form.label, recipe: "\(form.recipe(shape))",
          weightBytes: subject.model.weightBytes,
          kvBytesPerToken: shape.kvBytesPerToken(subject.cache))
      }, batches: options.batches.sorted())
    let measure = BatchMeasure(
      subjects: subjects, context: context, peaks: peaks, batches: options.batches,
      depth: options.depth, prompt: options.prompt, steps: options.steps,
      repetitions: options.repetitions)
    let since = Machine.seconds()
    let share = MachineShare()
    (report.points, report.peaks) = try measure.run(
      report: { points, peaks in
        (report.points, report.peaks) = (points, peaks)
        report.othersCores = share.othersCores
        report.seconds = Machine.seconds() - start
        reporter.tell(report)
      },
      progress: { what, done in
        reporter.progress(what, done: done, of: measure.sequences, unit: "sequences", since: since)
      }, checkpoint: reporter.checkpoint)
    report.seconds = Machine.seconds() - start
    return report
  }

  /// Weights in the blocks of a GGUF file as the numbers they stand for, which forms are made of.
  private static func decoded(_ model: Model) throws -> Model {
    var decoded: [LinearID: Linear] = [:]
    for id in model.linears where model[id].weight is BlockWeight {
      decoded[id] = try model[id].replacing(weight: model[id].weight.decoded())
    }
    return decoded.isEmpty ? model : try model.replacing(decoded)
  }

  /// The model in one form, block by block; what stays as it is is shared.
  private func formed(
    _ model: Model, _ form: BatchForm, _ context: ExecutionContext, _ reporter: JobReporter<Part>
  ) throws -> Model {
    let recipe = form.recipe(model.configuration.shape)
    guard !recipe.isBaseline else { return model }
    let start = Machine.seconds()
    var blocks: [Int: DecoderBlock] = [:]
    for index in model.blocks.indices {
      try reporter.checkpoint()
      reporter.progress(
        "making \(form.label)", done: index, of: model.blocks.count, unit: "blocks", since: start)
      blocks[index] = try BlockTrial(
        recipe: recipe, model: model, index: index, sequences: [], context: context
      ).drafted
    }
    return try model.replacing(blocks: blocks)
  }
}

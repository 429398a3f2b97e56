import Models
import Operators
import Platform
import Profiling
import Quantization
import Tensors

extension Laboratory {
  /// Decode of 1 to many sequences in one step, and prefill of as many prompts together, of the open model in several
  /// forms; each is made in memory by rounding to nearest, and they take turns.
  ///
  /// - Throws: `EngineError.badBatch`, `.cannotBatch`, `.batchTooLarge` before anything is made.
  func batch(_ options: BatchOptions, _ reporter: JobReporter) throws -> BatchReport {
    let bench = try bench(for: "timing batches")
    try options.check()
    let model = bench.model
    if let id = model.linears.first(where: { !model[$0].weight.format.isFloat }) {
      throw EngineError.cannotBatch(
        model: bench.summary.name,
        reason:
          "\(id) is quantized already (\(model[id].weight.format)); open the model it was made "
          + "from")
    }
    let needed = BatchMemory(options, model).bytes
    if let free = Machine.memoryAvailable(), needed > Double(free) * 0.9 {
      throw EngineError.batchTooLarge(needed: Int(min(needed, 1e18)), free: free)
    }
    let start = Machine.seconds()
    let peaks = try machinePeaks(reporter)
    let shape = model.configuration.shape
    let context = try makeContext()
    let subjects = try options.forms.map { form in
      SpeedSubject(
        recipe: form.label, model: try formed(model, form, context, reporter), cache: .fp16)
    }
    var report = BatchReport(
      model: bench.summary.label, provider: context.provider, threads: context.pool.threads,
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
    (report.points, report.peaks) = try measure.run(
      report: { points, peaks in
        (report.points, report.peaks) = (points, peaks)
        report.seconds = Machine.seconds() - start
        reporter.emit(.batchPoints(id: reporter.id, report: report))
      },
      progress: { what, done in
        reporter.progress(what, done: done, of: measure.sequences, unit: "sequences", since: since)
      }, checkpoint: reporter.checkpoint)
    report.seconds = Machine.seconds() - start
    return report
  }

  /// The model in one form, block by block; what stays as it is is shared.
  private func formed(
    _ model: Model, _ form: BatchForm, _ context: ExecutionContext, _ reporter: JobReporter
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

/// The memory that timing batches takes beyond what the process holds.
struct BatchMemory {
  /// Weights in every form, caches of decode and prefill, activations and logits.
  let bytes: Double

  private static let probeBytes = 268_435_456.0

  init(_ options: BatchOptions, _ model: Model) {
    let shape = model.configuration.shape
    let batch = Double(options.batches.max() ?? 1)
    let weights = Double(shape.blockLinearParameters)
    let forms = options.forms.reduce(0) { $0 + weights * $1.bytesPerWeight }
    let head = Double(shape.embeddingParameters) * 2
    // Caches grow by whole blocks of tokens.
    func held(_ tokens: Int) -> Double {
      let block = KVBlockLayout.tokens
      return Double((tokens + block - 1) / block * block) * Double(shape.kvBytesPerToken(.fp16))
    }
    let caches =
      batch * (held(options.depth + options.steps + 1) + held(options.prompt))
    let tokens = max(batch, min(batch * Double(options.prompt), Double(ForwardOptions().chunk)))
    let widths =
      5 * shape.hiddenSize + 2 * shape.intermediateSize + 2 * shape.heads * shape.headDimension
    let activations = tokens * Double(widths) * 4 + batch * Double(shape.vocabularySize) * 4
    // What is packed already is not taken again; limits are measured on a buffer of their own.
    bytes =
      max(0, forms + head - Double(model.packedBytes)) + caches + activations + Self.probeBytes
  }
}

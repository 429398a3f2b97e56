import DemoModel
import Models
import Operators
import Platform
import Profiling
import Quantization
import Tensors
import Tokenizers

extension Laboratory {
  /// Measures speed, memory and kernels, the baseline interleaved.
  func bench(_ options: BenchOptions, _ reporter: JobReporter) throws -> BenchReport {
    let bench = try bench(for: "measuring speed")
    let peaks = try machinePeaks(reporter)
    let quantized = bench.quantized
    var subjects = [
      SpeedSubject(
        recipe: "\(quantized?.recipe ?? .baseline)", model: quantized?.model ?? bench.model,
        cache: quantized?.cache ?? .fp16)
    ]
    if options.includesBaseline {
      subjects.append(SpeedSubject(recipe: "FP baseline", model: bench.model, cache: .fp16))
    }
    let start = Machine.seconds()
    let measured = try SpeedMeasure(
      subjects: subjects, context: try makeContext(), text: try timedIDs(bench),
      promptTokens: options.prompt,
      generatedTokens: options.generate, depth: options.depth, repetitions: options.repetitions,
      peaks: peaks
    ).run(
      progress: {
        reporter.progress(
          "measuring", done: $0, of: options.repetitions + 1, unit: "rounds", since: start)
      }, checkpoint: reporter.checkpoint)
    let sides = measured.sides
    let report = BenchReport(
      promptTokens: options.prompt, generatedTokens: options.generate, depth: options.depth,
      repetitions: options.repetitions, peaks: peaks, quantized: sides[0],
      baseline: sides.count > 1 ? sides[1] : nil, memory: measured.memory,
      openSeconds: bench.openSeconds)
    update { $0.bench = report }
    return report
  }

  /// Writes the quantized model to a new directory.
  func export(_ path: String, format: String, _ reporter: JobReporter) throws -> JobResult {
    let bench = try bench(for: "writing a model")
    guard let quantized = bench.quantized else {
      throw EngineError.nothingQuantized(job: "writing a model")
    }
    let writer = try ArtifactWriter(bench: bench, quantized: quantized, format: format)
    try reporter.checkpoint()
    reporter.progress(
      "writing \(path)", done: 0, of: 1, unit: "directory", since: Machine.seconds())
    return .exported(path: path, bytes: try writer.write(to: path))
  }

  /// Puts what was measured into the workspace.
  func saveRun() throws -> RunRecord {
    let bench = try bench(for: "saving a run")
    guard let quantized = bench.quantized else {
      throw EngineError.nothingQuantized(job: "saving a run")
    }
    let record = RunRecord(
      id: "", model: bench.summary.label, recipe: quantized.recipe, quantize: quantized.report,
      evaluation: bench.evaluation, bench: bench.bench,
      verdict: Verdict.judge(
        plan: bench.plan, quantize: quantized.report, evaluation: bench.evaluation,
        bench: bench.bench))
    return try workspace.save(record, stem: quantized.recipe.slug)
  }
}

extension Recipe {
  /// The recipe in letters, digits and hyphens, for the name of a folder.
  var slug: String {
    var text = ""
    for scalar in "\(self)".lowercased().unicodeScalars {
      let isWord = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
      if isWord {
        text.unicodeScalars.append(scalar)
      } else if let last = text.last, last != "-" {
        text.append("-")
      }
    }
    while text.last == "-" { text.removeLast() }
    return String(text.prefix(60))
  }
}

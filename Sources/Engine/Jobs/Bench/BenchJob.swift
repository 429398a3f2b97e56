import Models
import Operators
import Platform
package import Profiling
import Quantization
import Tensors

/// Measures speed, memory and kernels, the baseline interleaved.
package struct BenchJob: Job {
  package var options: BenchOptions
  /// The Python that has the other program; nil for the one that is found.
  package var python: String?

  package init(options: BenchOptions, python: String? = nil) {
    self.options = options
    self.python = python
  }

  package static let name = "bench"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Measuring speed" }
  package var words: String { "measure speed" }
  package func news(of report: BenchReport) -> String? { "Speed measured, baseline alongside" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> BenchReport {
    let held = try laboratory.openModel(for: "measuring speed")
    let reach = BeyondContext.sum(options.depth, options.prompt, options.generate)
    if let note = BeyondContext.note(reach, held.summary.shape) { reporter.log(note) }
    var peaks = try laboratory.machinePeaks(reporter)
    let quantized = held.quantized
    var subjects = [
      SpeedSubject(
        recipe: held.subjectWords, model: quantized?.model ?? held.model,
        cache: quantized?.cache ?? .fp16)
    ]
    if options.includesBaseline {
      subjects.append(
        SpeedSubject(recipe: held.referenceWords, model: held.model, cache: .fp16))
    }
    let start = Machine.seconds()
    var measure = SpeedMeasure(
      subjects: subjects, context: try laboratory.makeContext(),
      text: try laboratory.timedIDs(held),
      promptTokens: options.prompt,
      generatedTokens: options.generate, depth: options.depth, repetitions: options.repetitions,
      peaks: peaks)
    measure.baseline = held.summary.baseline
    let share = MachineShare()
    let measured = try measure.run(
      progress: {
        reporter.progress(
          "measuring", done: $0, of: options.repetitions + 1, unit: "rounds", since: start)
      }, checkpoint: reporter.checkpoint)
    let othersCores = share.othersCores
    var sides = measured.sides
    var notes: [String] = []
    if let contradiction = RoofContradiction(
      sides.compactMap(\.layers), peaks: peaks, cacheBytes: Machine.lastCacheBytes() ?? 64 << 20)
    {
      notes.append("The machine was measured again, since \(contradiction.words).")
      reporter.log(notes[0])
      peaks = try laboratory.measureMachine(reporter)
      for index in sides.indices { sides[index].layers = sides[index].layers?.held(against: peaks) }
    }
    if let note = MachineShare.note(othersCores) { notes.append(note) }
    var report = BenchReport(
      promptTokens: options.prompt, generatedTokens: options.generate, depth: options.depth,
      repetitions: options.repetitions, peaks: peaks, quantized: sides[0],
      baseline: sides.count > 1 ? sides[1] : nil, memory: measured.memory,
      openSeconds: held.openSeconds, storedAs: held.summary.baseline.storedAs)
    report.model = held.summary.label
    report.othersCores = othersCores
    report.notes = notes.isEmpty ? nil : notes
    try ask(held, &report, laboratory, reporter)
    return report
  }

  /// Has the other program run the model, where one is asked for; where it cannot, that is told and our figures stand.
  private func ask(
    _ held: Laboratory.OpenModel, _ report: inout BenchReport, _ laboratory: Laboratory,
    _ reporter: JobReporter<Never>
  ) throws {
    guard let witness = options.witness else { return }
    try reporter.checkpoint()
    reporter.progress(
      "asking \(witness.rawValue)", done: 0, of: 1, unit: "programs", since: Machine.seconds())
    do {
      report.witnesses = [
        try witness.time(held, options, next: report, in: laboratory, python: python)
      ]
    } catch let error as EngineError {
      report.notes = (report.notes ?? []) + ["\(error)."]
      reporter.log("Note: \(error).")
    }
  }
}

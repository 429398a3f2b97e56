import Models
import Operators
import Platform
package import Profiling
package import Quantization
import Tensors

/// Decode speed and resident bytes with the FP16 cache and others, at several depths, interleaved.
package struct CacheSpeedJob: Job {
  package var options: CacheSpeedOptions

  package init(options: CacheSpeedOptions) { self.options = options }

  package static let name = "cache-speed"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Timing caches" }
  package var words: String { "time caches at depth" }
  package func news(of report: CacheSpeedReport) -> String? {
    "Timed caches: \(report.rows.count) rows"
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> CacheSpeedReport {
    let held = try laboratory.openModel(for: "timing caches")
    let model = held.quantized?.model ?? held.model
    let reach = BeyondContext.sum(options.depths.max() ?? 0, options.steps)
    if let note = BeyondContext.note(reach, held.summary.shape) { reporter.log(note) }
    let recipes =
      [Recipe.baseline] + options.caches.map { Recipe(keys: $0.keys, values: $0.values) }
    let caches = try recipes.map { recipe in
      let format = try recipe.cacheFormat(standard: .fp16)
      return (name: "\(format)", format: format)
    }
    let context = try laboratory.makeContext()
    let start = Machine.seconds()
    let total = options.depths.count * caches.count
    let share = MachineShare()
    let rows = try CacheSpeedMeasure(
      model: model, caches: caches, context: context, depths: options.depths.sorted(),
      steps: options.steps, repetitions: options.repetitions
    ).run(
      progress: {
        reporter.progress("decoding", done: $0, of: total, unit: "rows", since: start)
      }, checkpoint: reporter.checkpoint)
    var weights = held.quantized?.recipe ?? .baseline
    (weights.keys, weights.values) = (nil, nil)
    var report = CacheSpeedReport(
      model: held.summary.label,
      weights: held.quantized?.file ?? (weights.isBaseline ? held.referenceWords : "\(weights)"),
      threads: context.pool.threads,
      steps: options.steps, repetitions: options.repetitions, rows: rows)
    report.othersCores = share.othersCores
    return report
  }
}

/// How the speed of caches is measured.
package struct CacheSpeedOptions: Hashable, Sendable, Codable {
  /// Recipes of which keys and values count.
  package var caches: [Recipe]
  /// Tokens in the cache, each measured.
  package var depths: [Int]
  /// Tokens decoded after them in one repetition.
  package var steps: Int
  package var repetitions: Int

  package init(caches: [Recipe], depths: [Int], steps: Int = 16, repetitions: Int = 3) {
    self.caches = caches
    self.depths = depths
    self.steps = steps
    self.repetitions = repetitions
  }
}

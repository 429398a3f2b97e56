import Models
import Operators
package import Planning
import Platform
package import Quantization
import Tensors

/// Fills caches of 1 to 16 sequences of the open model's shape with random vectors, through the caches' own append path,
/// and measures their memory.
package struct CacheFillingJob: Job {
  package var workload: Workload
  /// Its keys and values count.
  package var recipe: Recipe

  package init(workload: Workload, recipe: Recipe) {
    self.workload = workload
    self.recipe = recipe
  }

  package static let name = "cache-filling"
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String { "Filling caches" }
  package var words: String { "fill caches and measure them" }
  package func news(of report: CacheMeasurement) -> String? {
    "Caches measured: \(report.verdict)"
  }

  /// - Throws: `EngineError.cacheTooLarge` when memory is short, `OperatorError` when no kernel stores such a cache.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> CacheMeasurement {
    let held = try laboratory.openModel(for: "filling caches")
    let format = try recipe.cacheFormat(standard: .fp16)
    return try CacheFiller(
      shape: held.summary.shape, layout: held.model.cacheLayout(format), workload: workload,
      context: laboratory.makeContext()
    ).measure(reporter)
  }
}

package import Operators
package import Quantization

/// What a sweep is to do: models, recipes, and what each of them is measured by.
///
/// Every model and recipe is measured on every text by every protocol, and serves every workload.
package struct SweepPlan: Hashable, Sendable {
  /// A model, a text or a trace: how the plan calls it, and where it lies.
  package struct Source: Hashable, Sendable {
    /// As the plan has it.
    package var name: String
    /// nil for the built-in one.
    package var path: String?

    package init(name: String, path: String?) {
      self.name = name
      self.path = path
    }

    package static let builtIn = Source(name: "built-in", path: nil)
  }

  package struct NamedRecipe: Hashable, Sendable {
    package var name: String
    package var recipe: Recipe

    package init(name: String, recipe: Recipe) {
      self.name = name
      self.recipe = recipe
    }
  }

  package struct NamedProtocol: Hashable, Sendable {
    package var name: String
    /// The text is put in for each task.
    package var options: EvaluationOptions

    package init(name: String, options: EvaluationOptions) {
      self.name = name
      self.options = options
    }
  }

  package struct Workload: Hashable, Sendable {
    package var name: String
    /// The recipe is put in for each task.
    package var options: TrafficOptions

    package init(name: String, options: TrafficOptions) {
      self.name = name
      self.options = options
    }
  }

  /// What messages call it.
  package var path: String
  package var models: [Source]
  package var recipes: [NamedRecipe]
  package var texts: [Source]
  package var protocols: [NamedProtocol]
  package var workloads: [Workload]
  package var calibration: CalibrationOptions
  /// Threads of a task: results of the same number of threads are the same bits.
  package var threads: Int
  /// The kernels of a task: those of another provider round differently.
  package var provider: ExecutionProvider

  package init(
    path: String, models: [Source], recipes: [NamedRecipe], texts: [Source] = [.builtIn],
    protocols: [NamedProtocol], workloads: [Workload] = [],
    calibration: CalibrationOptions = CalibrationOptions(), threads: Int = 1,
    provider: ExecutionProvider = .best
  ) {
    self.path = path
    self.models = models
    self.recipes = recipes
    self.texts = texts
    self.protocols = protocols
    self.workloads = workloads
    self.calibration = calibration
    self.threads = threads
    self.provider = provider
  }

  /// Tasks a plan may come to.
  package static let mostTasks = 100_000

  /// The product in words: `2 models x 20 recipes x (1 text x 3 protocols + 1 workload)`.
  package var product: String {
    func counted(_ count: Int, _ word: String) -> String {
      "\(count) \(word)\(count == 1 ? "" : "s")"
    }
    var measures: [String] = []
    if !protocols.isEmpty {
      measures.append(
        counted(texts.count, "text") + " x " + counted(protocols.count, "protocol"))
    }
    if !workloads.isEmpty { measures.append(counted(workloads.count, "workload")) }
    let sum = measures.joined(separator: " + ")
    return counted(models.count, "model") + " x " + counted(recipes.count, "recipe") + " x "
      + (measures.count > 1 ? "(\(sum))" : sum)
  }

  /// How many tasks it comes to, without making any.
  ///
  /// - Throws: `SweepError.tooMany`.
  package func count() throws(SweepError) -> Int {
    let (perText, first) = texts.count.multipliedReportingOverflow(by: protocols.count)
    let (measures, second) = perText.addingReportingOverflow(workloads.count)
    let (sides, third) = models.count.multipliedReportingOverflow(by: recipes.count)
    let (tasks, fourth) = sides.multipliedReportingOverflow(by: measures)
    let isCounted = !first && !second && !third && !fourth
    guard isCounted, tasks <= Self.mostTasks else {
      throw .tooMany(
        path: path, product: product, tasks: isCounted ? tasks : nil, most: Self.mostTasks)
    }
    return tasks
  }
}

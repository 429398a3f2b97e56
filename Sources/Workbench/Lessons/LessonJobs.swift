import Engine
import Quantization

/// What the `jobs` of a measurement are called, and how each is started: as its own screen would, with what is chosen there.
enum LessonJobs {
  /// The names that `jobs = [...]` knows.
  static let names = [
    "quantize", "evaluate", "bench", "recall", "outliers", "outlier-lab", "caches", "batch",
    "providers", "choose", "sensitivity", "restore", "planting",
  ]

  /// Starts one; nil for a name that is none.
  static func start(_ name: String, of stop: LessonStop, _ state: inout State) -> [Effect]? {
    let sizes = state.lesson?.lesson.sizes ?? LessonSizes()
    let calibration = state.choices.calibration
    switch name {
    case "quantize":
      return state.start(
        QuantizeJob(
          recipe: state.choices.recipe, calibration: calibration, keeping: .nothing))
    case "evaluate":
      return state.start(EvaluateJob(options: state.choices[QualityScreen.self].evaluation))
    case "recall":
      return state.start(RecallJob(documents: state.choices[QualityScreen.self].recallDocuments))
    case "bench": return state.start(BenchJob(options: state.choices[ProfileScreen.self].bench))
    case "outliers":
      return state.start(
        OutliersJob(recipe: state.choices.recipe, calibration: calibration, thresholds: []))
    case "outlier-lab":
      return state.start(
        OutlierLabJob(
          options: OutlierLabOptions(
            factors: [1, 32], windows: max(2, sizes.windows), isQuick: true,
            calibration: calibration)))
    case "caches":
      // A line that is no recipe was told by who read the lesson; so was a planting.
      let caches = stop.caches.compactMap { try? RecipeText.recipe($0) }
      // Few windows mean that whoever takes the lesson does not wait for figures to be good.
      let isLeast = sizes.windows < 4
      return state.start(
        CachesJob(
          options: CacheOptions(
            caches: caches, depth: isLeast ? 64 : nil, tokens: isLeast ? 32 : nil,
            windows: max(1, sizes.windows / 2), mapWindows: 1, generate: isLeast ? 2 : 16,
            recallDocuments: isLeast ? 1 : 4)))
    case "batch": return state.start(BatchJob(options: state.choices[BatchScreen.self].options))
    case "providers":
      return state.start(ProvidersJob(options: ProviderOptions(seconds: sizes.seconds)))
    case "choose":
      return state.start(
        ChooseJob(
          options: ChooseOptions(
            workload: state.choices.workload, windows: sizes.windows, calibration: calibration,
            seconds: sizes.seconds * 6)))
    case "sensitivity": return state.start(SensitivityJob(windows: max(1, sizes.windows / 2)))
    case "restore":
      let view = state[HeatmapScreen.self]
      let cells = view.restored.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
      return state.start(RestoreJob(map: view.map, cells: cells, windows: sizes.windows))
    case "planting":
      let planting = stop.planting.flatMap { try? OutlierPlanting($0) }
      return state.start(PlantingJob(planting: planting))
    default: return nil
    }
  }

  /// Lets measurements read as much text as the lesson says.
  static func fit(_ sizes: LessonSizes, _ state: inout State) {
    state.choices.calibration.samples = sizes.samples
    state.choices.calibration.length = sizes.sampleLength
    state.choices[QualityScreen.self].evaluation.windows = sizes.windows
    state.choices[QualityScreen.self].recallDocuments = min(8, sizes.windows)
    state.choices[ProfileScreen.self].bench.prompt = min(256, sizes.windows * 16)
    state.choices[ProfileScreen.self].bench.generate = min(64, sizes.windows * 4)
    state.choices[BatchScreen.self].options.batches = sizes.windows < 4 ? [1, 4] : [1, 4, 16, 64]
  }

  /// The recipe of a line; what was made of the model, such as planted outliers, stays in it.
  static func recipe(_ line: String, keeping old: Recipe) -> Recipe? {
    guard var recipe = try? RecipeText.recipe(line) else { return nil }
    if recipe.transforms.isEmpty { recipe.transforms = old.transforms }
    return recipe
  }
}

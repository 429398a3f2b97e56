package import Evaluation
import Models
package import Operators
package import Planning
package import Profiling
package import Quantization

/// The number of a job within one run of the program.
package struct JobID: Hashable, Sendable, Codable {
  package var number: Int

  package init(number: Int) { self.number = number }
}

/// How text is fed to calibration.
package struct CalibrationOptions: Hashable, Sendable, Codable {
  /// nil: the built-in calibration text.
  package var text: String?
  /// Windows taken from it.
  package var samples: Int
  /// Tokens of a window.
  package var length: Int
  package var seed: UInt64

  package init(text: String? = nil, samples: Int = 32, length: Int = 256, seed: UInt64 = 0) {
    self.text = text
    self.samples = samples
    self.length = length
    self.seed = seed
  }
}

/// How quality is measured.
package struct EvaluationOptions: Hashable, Sendable, Codable {
  /// The number format of the baseline.
  package enum Baseline: String, Hashable, Sendable, Codable {
    case bf16
    case f32
  }

  /// nil: the built-in evaluation text.
  package var text: String?
  package var `protocol`: EvaluationProtocol
  /// nil: the protocol's own, cut to the model's context.
  package var window: Int?
  /// Windows at most; nil for the whole text.
  package var windows: Int?
  package var baseline: Baseline

  package init(
    text: String? = nil, protocol: EvaluationProtocol = .llamaCpp, window: Int? = nil,
    windows: Int? = nil, baseline: Baseline = .bf16
  ) {
    self.text = text
    self.protocol = `protocol`
    self.window = window
    self.windows = windows
    self.baseline = baseline
  }
}

/// How speed is measured.
package struct BenchOptions: Hashable, Sendable, Codable {
  package var prompt: Int
  package var generate: Int
  package var depth: Int
  package var repetitions: Int
  package var includesBaseline: Bool

  package init(
    prompt: Int = 256, generate: Int = 64, depth: Int = 0, repetitions: Int = 5,
    includesBaseline: Bool = true
  ) {
    self.prompt = prompt
    self.generate = generate
    self.depth = depth
    self.repetitions = repetitions
    self.includesBaseline = includesBaseline
  }
}

/// Something the engine is asked to do.
package enum JobRequest: Hashable, Sendable, Codable {
  /// Opens a model; nil is the built-in one.
  case load(path: String?)
  /// Measures what this machine can do, or takes it from the cache.
  case measureMachine
  case plan(workload: Workload, machine: String?)
  /// Fills caches of 1 to 16 sequences of the open model's shape and measures what they hold.
  case measureCaches(workload: Workload, recipe: Recipe)
  /// Quantizes the open model by a recipe and keeps the result for the jobs below.
  case quantize(recipe: Recipe, calibration: CalibrationOptions, keeping: Keeping)
  /// What a recipe would cost and where it runs natively, before anything is done.
  case assess(recipe: Recipe, calibration: CalibrationOptions)
  /// What lies behind one cell of an error map (its index in `QuantizeReport.maps`).
  case inspectCell(map: Int, row: Int, column: Int)
  /// KL of the quantized model with these cells put back to FP.
  case restoreCells(map: Int, cells: [CellAddress], windows: Int)
  /// KL of each cell alone quantized.
  case sensitivity(windows: Int)
  /// Errors as more of the calibration text is used, and what halves of it agree on.
  case surveyCalibration(recipe: Recipe, calibration: CalibrationOptions)
  /// Bits for each layer under a budget, measured and held against uniform bits.
  case allocate(
    recipe: Recipe, calibration: CalibrationOptions, budget: WeightBudget, windows: Int)
  /// Where activations stand out, and what a recipe that moves scale leaves of it; counts at `thresholds` too.
  case surveyOutliers(recipe: Recipe, calibration: CalibrationOptions, thresholds: [Double])
  /// Plants outliers in the model as it was read, without changing what it computes; nil takes them out. What was
  /// quantized is dropped.
  case plantOutliers(planting: OutlierPlanting?)
  /// Rotates the residual stream of the model as it was read, planted outliers included; nil turns it back. What was
  /// quantized is dropped.
  case rotateResidual(rotation: ResidualRotation?)
  /// Every method on models with more and more outliers.
  case outlierLab(options: OutlierLabOptions)
  /// Caches beside each other: bytes, quality at depth, errors by layer and head, recall, first divergence.
  case compareCaches(options: CacheOptions)
  /// Decode speed and resident bytes of caches at depth.
  case timeCaches(options: CacheSpeedOptions)
  /// Decode of many sequences in one step, and prefill of as many prompts, in several forms of the open model.
  case timeBatches(options: BatchOptions)
  case evaluate(options: EvaluationOptions)
  /// Continues a prompt with baseline and quantized model.
  case continuePrompt(prompt: String, tokens: Int)
  case recall(documents: Int)
  case bench(options: BenchOptions)
  /// The open model under every execution provider, and under the best one without single kernels.
  case compareProviders(options: ProviderOptions)
  /// Every kernel and every kind of cache end to end against plain C.
  case checkKernels(options: KernelOptions)
  /// Writes the quantized model.
  case export(path: String, format: String)
  /// Writes the finished run (recipe, reports) to the workspace.
  case saveRun
}

/// A cell of an error map.
package struct CellAddress: Hashable, Sendable, Codable {
  package var row: Int
  package var column: Int

  package init(row: Int, column: Int) {
    self.row = row
    self.column = column
  }
}

/// How far a job has come.
package struct JobProgress: Hashable, Sendable, Codable {
  /// What is being done now: `calibrating block 3 of 8`.
  package var phase: String
  package var done: Int
  package var total: Int
  /// What is counted: `layers`, `windows`.
  package var unit: String
  /// How much of the next unit is done, 0 to 1, where that is known.
  package var share: Double?
  package var secondsElapsed: Double
  /// nil until it can be told.
  package var secondsLeft: Double?
  /// Units of work a second, in `rateUnit`.
  package var rate: Double?
  package var rateUnit: String
  package var peakResidentBytes: Int

  package init(
    phase: String, done: Int, total: Int, unit: String, share: Double? = nil,
    secondsElapsed: Double, secondsLeft: Double? = nil, rate: Double? = nil, rateUnit: String = "",
    peakResidentBytes: Int = 0
  ) {
    self.phase = phase
    self.done = done
    self.total = total
    self.unit = unit
    self.share = share
    self.secondsElapsed = secondsElapsed
    self.secondsLeft = secondsLeft
    self.rate = rate
    self.rateUnit = rateUnit
    self.peakResidentBytes = peakResidentBytes
  }
}

/// What a job yields.
package enum JobResult: Hashable, Sendable, Codable {
  case model(summary: ModelSummary)
  case machine(peaks: MachinePeaks)
  case plan(report: PlanReport)
  case cachesMeasured(report: CacheMeasurement)
  case assessed(report: AssessReport)
  case quantized(report: QuantizeReport)
  case cell(detail: CellDetail)
  case restored(report: RestoreReport)
  case sensitivity(map: ErrorMap)
  case surveyed(survey: CalibrationSurvey)
  case allocated(report: AllocationReport)
  case outliers(survey: OutlierSurvey)
  case planted(report: PlantingReport)
  case rotated(report: RotationReport)
  case outlierLab(report: OutlierLabReport)
  case caches(report: CacheReport)
  case cacheSpeed(report: CacheSpeedReport)
  case batched(report: BatchReport)
  case evaluated(report: EvaluationReport)
  case continued(report: ContinuationReport)
  case recalled(report: RecallReport)
  case benched(report: BenchReport)
  case providers(report: ProviderReport)
  case kernelsChecked(report: KernelReport)
  case exported(path: String, bytes: Int)
  case saved(run: RunRecord)
}

/// What happens in a job, in order: started, any number of the middle ones, one of the last three.
package enum JobEvent: Hashable, Sendable, Codable {
  case started(id: JobID, title: String)
  case progressed(id: JobID, progress: JobProgress)
  /// A survey of the calibration text has another point.
  case surveyed(id: JobID, survey: CalibrationSurvey)
  /// The outlier lab has measured another recipe.
  case labRow(id: JobID, facts: OutlierLabReport.Facts, row: OutlierLabReport.Row)
  /// Comparing caches has measured another one.
  case cacheRow(id: JobID, facts: CacheReport.Facts, row: CacheReport.Row)
  /// Timing batches has measured another one; what is known so far.
  case batchPoints(id: JobID, report: BatchReport)
  /// A layer is done; its errors as they come.
  case layer(id: JobID, report: LayerReport)
  case log(id: JobID, text: String)
  case finished(id: JobID, result: JobResult)
  /// `message` says what was expected, found and where.
  case failed(id: JobID, message: String)
  case cancelled(id: JobID)
}

import Evaluation
import Models
package import Operators
import Planning
package import Platform
import Profiling
import Quantization
import Synchronization
import Tensors
import Tokenizers

/// The engine: holds one open model and does jobs on it.
///
/// The command line and the workbench are two faces of it. A job runs on the thread that calls `run`; heavy ones
/// are to be called one at a time, `plan`, `assess`, `inspectCell` and `saveRun` may run beside them.
package final class Laboratory: Sendable {
  /// The open model with what was made of it.
  struct Bench: Sendable {
    var directory: String
    var isBuiltIn: Bool
    var summary: ModelSummary
    /// Baseline in BF16.
    var model: Model
    /// The model as it was read, where outliers are planted in `model` or it is rotated.
    var plain: Model?
    var planting: OutlierPlanting?
    /// What the residual stream is rotated by, on top of what is planted.
    var rotation: ResidualRotation?
    var tokenizer: Tokenizer?
    /// What opening it took.
    var openSeconds: Double?
    /// What an artifact was opened with, or the last `quantize` made.
    var quantized: Quantized?
    /// KL of BF16 to float32 by text and protocol.
    var noiseFloors: [String: Double] = [:]
    var plan: PlanReport?
    var evaluation: EvaluationReport?
    var bench: BenchReport?

    /// The model as it was read: what quality is measured against.
    var reference: Model { plain ?? model }

    /// Drops what was made of and measured on a model that is another now.
    mutating func forgetResults() {
      quantized = nil
      noiseFloors = [:]
      evaluation = nil
      bench = nil
    }
  }

  /// A quantized model.
  struct Quantized: Sendable {
    var recipe: Recipe
    var model: Model
    var cache: KVFormatPair
    var report: QuantizeReport?
    /// What quantizing left of each block; empty for an opened artifact.
    var blocks: [QuantizedBlock]
    /// One calibration window, for looking into cells.
    var sample: [Int32]
  }

  let pool: WorkerPool
  let provider: ExecutionProvider
  let disabledKernels: Set<String>
  package let workspace: Workspace
  package let locator: ResourceLocator
  /// The machines that can be planned for.
  package let machines: MachineCatalog
  private let held = Mutex<Bench?>(nil)
  private let peaks = Mutex<MachinePeaks?>(nil)

  /// Makes an engine without a model.
  ///
  /// - Parameter machineFile: machines to plan for beside those that are found.
  /// - Throws: `OperatorError` when the provider does not run here or a disabled kernel is unknown; `MachineFileError`.
  package init(
    threads: Int? = nil, provider: ExecutionProvider? = nil, disabledKernels: Set<String> = [],
    workspace: Workspace = Workspace(), locator: ResourceLocator = ResourceLocator(),
    machineFile: String? = nil
  ) throws {
    pool = WorkerPool(threads: threads ?? Machine.usableCores)
    self.provider = provider ?? .best
    self.disabledKernels = disabledKernels
    self.workspace = workspace
    self.locator = locator
    machines = try MachineCatalog(locator: locator, file: machineFile)
    // Refuses bad options now rather than in the first job.
    _ = try makeContext()
  }

  /// Does one job and tells what happens in it; returns when it is over.
  package func run(
    _ request: JobRequest, id: JobID, control: JobControl,
    emit: @escaping @Sendable (JobEvent) -> Void
  ) {
    let reporter = JobReporter(id: id, control: control, emit: emit)
    emit(.started(id: id, title: request.title))
    do {
      emit(.finished(id: id, result: try perform(request, reporter)))
    } catch is JobControl.Cancelled {
      emit(.cancelled(id: id))
    } catch is CancellationError {
      emit(.cancelled(id: id))
    } catch let error as QuantizationError {
      emit(.failed(id: id, message: Self.advice(on: error)))
    } catch {
      emit(.failed(id: id, message: "\(error)"))
    }
  }

  private func perform(_ request: JobRequest, _ reporter: JobReporter) throws -> JobResult {
    switch request {
    case .load(let path): .model(summary: try load(path, reporter))
    case .measureMachine: .machine(peaks: try machinePeaks(reporter))
    case .plan(let workload, let machine):
      .plan(report: try plan(workload, machine: machine, reporter))
    case .measureCaches(let workload, let recipe):
      .cachesMeasured(report: try measureCaches(workload, recipe, reporter))
    case .assess(let recipe, let calibration):
      .assessed(report: try assess(recipe, calibration))
    case .quantize(let recipe, let calibration, let keeping):
      .quantized(report: try quantize(recipe, calibration, keeping, reporter))
    case .inspectCell(let map, let row, let column):
      .cell(detail: try inspect(map: map, row: row, column: column))
    case .restoreCells(let map, let cells, let windows):
      .restored(report: try restore(map: map, cells, windows: windows, reporter))
    case .sensitivity(let windows):
      .sensitivity(map: try sensitivity(windows: windows, reporter))
    case .surveyCalibration(let recipe, let calibration):
      .surveyed(survey: try surveyCalibration(recipe, calibration, reporter))
    case .allocate(let recipe, let calibration, let budget, let windows):
      .allocated(
        report: try allocate(recipe, calibration, budget, windows: windows, reporter))
    case .surveyOutliers(let recipe, let calibration, let thresholds):
      .outliers(
        survey: try surveyOutliers(recipe, calibration, thresholds: thresholds, reporter))
    case .plantOutliers(let planting): .planted(report: try plant(planting, reporter))
    case .rotateResidual(let rotation): .rotated(report: try rotate(rotation, reporter))
    case .outlierLab(let options): .outlierLab(report: try outlierLab(options, reporter))
    case .compareCaches(let options): .caches(report: try caches(options, reporter))
    case .timeCaches(let options): .cacheSpeed(report: try cacheSpeed(options, reporter))
    case .timeBatches(let options): .batched(report: try batch(options, reporter))
    case .evaluate(let options): .evaluated(report: try evaluate(options, reporter))
    case .continuePrompt(let prompt, let tokens):
      .continued(report: try continuePrompt(prompt, tokens: tokens, reporter))
    case .recall(let documents): .recalled(report: try recall(documents, reporter))
    case .bench(let options): .benched(report: try bench(options, reporter))
    case .compareProviders(let options):
      .providers(report: try compareProviders(options, reporter))
    case .checkKernels(let options): .kernelsChecked(report: try checkKernels(options, reporter))
    case .export(let path, let format): try export(path, format: format, reporter)
    case .saveRun: .saved(run: try saveRun())
    }
  }

  /// A context for one job.
  func makeContext() throws -> ExecutionContext {
    try ExecutionContext(pool: pool, provider: provider, disabledKernels: disabledKernels)
  }

  /// The open model.
  ///
  /// - Throws: `EngineError.noModel`.
  func bench(for job: String) throws -> Bench {
    guard let bench = held.withLock({ $0 }) else { throw EngineError.noModel(job: job) }
    return bench
  }

  /// Replaces the open model.
  func hold(_ bench: Bench) { held.withLock { $0 = bench } }

  /// Changes what is held of the open model.
  func update(_ change: (inout Bench) -> Void) {
    held.withLock { bench in
      guard var changed = bench else { return }
      change(&changed)
      bench = changed
    }
  }

  /// The peaks of this machine under its best provider, whatever jobs run under: measured once, then kept in the cache
  /// folder for this processor and this number of threads.
  func machinePeaks(_ reporter: JobReporter?) throws -> MachinePeaks {
    if let known = peaks.withLock({ $0 }) { return known }
    let store = PeaksStore(locator: locator, threads: pool.threads)
    let found: MachinePeaks
    if let kept = store.read() {
      found = kept
    } else {
      reporter?.log("Measuring what this machine can do (bandwidth, FP32, BF16 and INT8 rates).")
      found = try MachineProbe(pool: pool).measure()
      store.write(found)
    }
    peaks.withLock { $0 = found }
    return found
  }
}

extension JobRequest {
  /// What the job is called while it runs.
  var title: String {
    switch self {
    case .load(let path): "Opening \(path ?? "the built-in model")"
    case .measureMachine: "Measuring this machine"
    case .plan: "Planning"
    case .measureCaches: "Filling caches"
    case .assess: "Pricing the recipe"
    case .quantize(let recipe, _, _): "Quantizing: \(recipe)"
    case .inspectCell: "Looking into a cell"
    case .restoreCells: "Putting cells back to FP"
    case .sensitivity: "KL of each layer alone"
    case .surveyCalibration: "Surveying the calibration text"
    case .allocate: "Spending a budget of bits"
    case .surveyOutliers: "Surveying outliers of the activations"
    case .plantOutliers(let planting):
      planting.map { "Planting outliers: \($0)" } ?? "Taking planted outliers out"
    case .rotateResidual(let rotation):
      rotation == nil
        ? "Turning the residual stream back" : "Rotating the residual stream of the model"
    case .outlierLab: "What outliers do to each method"
    case .compareCaches: "Comparing caches"
    case .timeCaches: "Timing caches"
    case .timeBatches: "Timing batches"
    case .evaluate: "Measuring quality"
    case .continuePrompt: "Continuing the prompt"
    case .recall: "Recall at depth"
    case .bench: "Measuring speed"
    case .compareProviders: "Comparing execution providers"
    case .checkKernels: "Checking kernels against plain C"
    case .export: "Writing the model"
    case .saveRun: "Saving the run"
    }
  }
}

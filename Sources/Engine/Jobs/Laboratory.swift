import Checkpoints
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

/// The engine: holds one open model and does jobs on it, of which it knows none by name.
///
/// The command line and the workbench are two faces of it. A job runs on the thread that calls `run`; heavy ones
/// are to be called one at a time, others may run meanwhile.
package final class Laboratory: Sendable {
  /// The open model with what was made of it.
  struct OpenModel: Sendable {
    var directory: String
    /// What `model` was read from.
    var stored: StoredModel
    /// The files that weights are mapped from, of a candidate and of what it is held against.
    var files: [MappedFile] = []
    var isBuiltIn: Bool
    var summary: ModelSummary
    /// What figures are held against, inputs of layers in BF16.
    var model: Model
    /// The model as it was read, where `model` is transformed.
    var plain: Model?
    /// A recipe of what was made of the whole model, and nothing else.
    var transformed = Recipe.baseline
    var tokenizer: Tokenizer?
    /// What opening it took.
    var openSeconds: Double?
    /// What an artifact was opened with, or the last `quantize` made.
    var quantized: Quantized?
    /// KL of BF16 to float32 by text and protocol.
    var noiseFloors: [String: Double] = [:]
    /// Whether every weight was looked at and found to be a number.
    var isFinite = false

    /// The model as it was read: what quality is measured against.
    var reference: Model { plain ?? model }

    /// Drops what was made of a model that is another now.
    mutating func forgetResults() {
      quantized = nil
      noiseFloors = [:]
    }
  }

  /// A quantized model.
  struct Quantized: Sendable {
    var recipe: Recipe
    /// What it is called where it was read from a file that tells no recipe.
    var file: String?
    var model: Model
    var cache: KVFormatPair
    var report: QuantizeReport?
    /// What quantizing left of each block; empty for an opened artifact.
    var blocks: [QuantizedBlock]
    /// One calibration window, for looking into cells.
    var sample: [Int32]
    /// The text that methods looked at; nil where nobody did.
    var calibration: ArtifactManifest.Calibration?
  }

  let pool: WorkerPool
  let provider: ExecutionProvider
  let disabledKernels: Set<String>
  package let workspace: Workspace
  package let locator: ResourceLocator
  /// The machines that can be planned for.
  package let machines: MachineCatalog
  /// Weights times tokens from which on what a baseline says of a text is kept on disk.
  let leastKeptWork: Double
  /// About a second of two cores.
  package static let standardKeptWork = 5e10
  private let current = Mutex<OpenModel?>(nil)
  /// What is known of this machine; nil until somebody asks.
  let peaks = Mutex<MachinePeaks?>(nil)
  /// What somebody says of this machine, which then is not measured.
  let given = Mutex<MachinePeaks?>(nil)
  private let reports = Mutex(JobReports())

  /// Makes an engine without a model.
  ///
  /// - Parameter machineFile: machines to plan for besides those that are found.
  /// - Throws: `OperatorError` when the provider does not run here or a disabled kernel is unknown; `MachineFileError`.
  package init(
    threads: Int? = nil, provider: ExecutionProvider? = nil, disabledKernels: Set<String> = [],
    workspace: Workspace = Workspace(), locator: ResourceLocator = ResourceLocator(),
    machineFile: String? = nil, leastKeptWork: Double = Laboratory.standardKeptWork
  ) throws {
    self.leastKeptWork = leastKeptWork
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
  ///
  /// - Parameter resuming: what a job that keeps its measurements does with those of an earlier run.
  @discardableResult
  package func run<Kind: Job>(
    _ job: Kind, id: JobID, control: JobControl, resuming: Resuming = .never,
    emit: @escaping @Sendable (JobEvent) -> Void
  ) -> JobOutcome<Kind.Report> {
    let reporter = JobReporter<Kind.Part>(
      id: id, job: Kind.name, control: control, emit: emit, resuming: resuming)
    emit(.started(id: id, title: job.title))
    do {
      try checkFiles(of: Kind.self)
      if Kind.readsWeights { try checkFinite(pause: reporter.checkpoint) }
      let report = try job.run(in: self, reporting: reporter)
      try checkFiles(of: Kind.self)
      reports.withLock { $0.finish(job, report) }
      emit(.finished(id: id, Kind.self, report))
      return .finished(report)
    } catch is JobControl.Cancelled {
      return cancelled(id, emit)
    } catch is CancellationError {
      return cancelled(id, emit)
    } catch {
      // Weights that were written over make errors of many kinds, and this is their cause.
      let error = changeOfFiles(for: Kind.self) ?? error
      let message =
        (error as? QuantizationError).map(RecipeTrial.advice) ?? cause(of: error)
        ?? ErrorWords.of(error)
      emit(.failed(id: id, message: message))
      return .failed(message: message)
    }
  }

  /// Throws when the files of the open model are not what they were when it was opened, for jobs that work on it.
  private func checkFiles<Kind: Job>(of kind: Kind.Type) throws {
    if let change = changeOfFiles(for: kind) { throw change }
  }

  /// What happened to the files of the open model since it was opened; nil for nothing.
  private func changeOfFiles<Kind: Job>(for kind: Kind.Type) -> EngineError? {
    guard Kind.changes != .modelOpened, Kind.readsWeights || Kind.staleAfter.contains(.modelOpened)
    else { return nil }
    for file in current.withLock({ $0?.files ?? [] }) {
      do throws(PlatformError) { try file.checkUnchanged() } catch {
        return .weightsChanged(reason: "\(error)")
      }
    }
    return nil
  }

  /// What made logits what no number is, by tensor, row and column; nil for other errors, and where all weights are numbers.
  private func cause(of error: any Error) -> String? {
    guard case .notFinite? = error as? EvaluationError,
      let held = current.withLock({ $0 })
    else { return nil }
    do {
      for model in [held.reference, held.model] { try model.checkFinite(pool: pool) }
    } catch let found {
      return "\(error): \(found)"
    }
    return nil
  }

  /// Models whose linear layers take more than this are looked through with one block in memory.
  private static let walkedBytes = 512 << 20

  /// Looks through the weights of the open model, once.
  ///
  /// - Throws: `ModelError.notFinite` that names tensor, row and column.
  private func checkFinite(pause: () throws -> Void) throws {
    guard let held = current.withLock({ $0 }), !held.isFinite else { return }
    // What was read from a file next to the reference; what is quantized here was looked at before.
    let read = held.quantized.flatMap { $0.blocks.isEmpty ? $0.model : nil }
    for model in [held.reference] + [read].compactMap(\.self) {
      try model.checkFinite(
        pool: pool, releasesBlocks: model.linearBytes > Self.walkedBytes, pause: pause)
    }
    update { $0.isFinite = true }
  }

  private func cancelled<Report>(
    _ id: JobID, _ emit: (JobEvent) -> Void
  ) -> JobOutcome<Report> {
    emit(.cancelled(id: id))
    return .cancelled
  }

  /// Does a job of any kind.
  package func run(
    _ request: JobRequest, id: JobID, control: JobControl, resuming: Resuming = .never,
    emit: @escaping @Sendable (JobEvent) -> Void
  ) {
    func run(_ job: some Job) {
      self.run(job, id: id, control: control, resuming: resuming, emit: emit)
    }
    run(request.job)
  }

  /// A context for one job.
  func makeContext() throws -> ExecutionContext {
    try ExecutionContext(pool: pool, provider: provider, disabledKernels: disabledKernels)
  }

  /// The open model.
  ///
  /// - Throws: `EngineError.noModel`.
  func openModel(for job: String) throws -> OpenModel {
    guard let held = current.withLock({ $0 }) else { throw EngineError.noModel(job: job) }
    return held
  }

  /// Replaces the open model.
  func hold(_ held: OpenModel) { current.withLock { $0 = held } }

  /// The newest report of a kind of job that still says something about the open model.
  func report<Kind: Job>(of kind: Kind.Type) -> Kind.Report? { reports.withLock { $0[kind] } }

  /// The job that the newest report of a kind came of.
  func job<Kind: Job>(of kind: Kind.Type) -> Kind? { reports.withLock { $0.job(kind) } }

  /// Changes what is held of the open model.
  func update(_ change: (inout OpenModel) -> Void) {
    current.withLock { held in
      guard var changed = held else { return }
      change(&changed)
      held = changed
    }
  }
}

/// How a job ended.
package enum JobOutcome<Report: Sendable>: Sendable {
  case finished(Report)
  case failed(message: String)
  case cancelled
}

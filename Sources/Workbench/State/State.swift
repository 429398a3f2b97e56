package import Engine
package import Evaluation
package import Operators
package import Planning
package import Profiling
package import Quantization
package import TerminalUI

/// All that the workbench knows and shows; changed only by `update`.
package struct State: Hashable, Sendable {
  /// The terminal's size.
  package var size = Size(width: 100, height: 30)
  /// Milliseconds since the program started.
  package var now = 0
  package var catalog = Catalog()
  package var facts = Facts()
  package var choices = Choices()
  package var jobs = JobBoard()
  package var notices: [Notice] = []
  /// The screen that is shown, by its id.
  package private(set) var screen = Place.model
  /// What lies over the screen and has the keyboard.
  package var overlay: Overlay?
  /// The theme in use, by name.
  package var theme = Theme.default.name
  /// The theme that the picker tries on.
  package var previewedTheme: String?
  /// The file that is being recorded to.
  package var recording: String?

  /// What the screens remember of their cursors; a screen reaches its own by `state[Self.self]`.
  var views = RoomStore()
  /// How often a screen was gone to.
  private(set) var visits = 0

  package init(size: Size = Size(width: 100, height: 30)) { self.size = size }

  /// The theme to draw with.
  package var shownTheme: String { previewedTheme ?? theme }

  /// Milliseconds until the next tick is worth sending; nil when nothing on the screen moves by itself.
  package var nextTick: Int? {
    if jobs.active?.status == .running { return 250 }
    return notices.isEmpty ? nil : 500
  }

  /// Goes to a screen.
  package mutating func show(_ id: String) {
    overlay = nil
    screen = id
    visits += 1
  }
}

/// What is known: the open model, the machine, and the reports of jobs.
package struct Facts: Hashable, Sendable {
  package var model: ModelSummary?
  package var peaks: MachinePeaks?
  package var plan: PlanReport?
  /// What filled caches of the open model held, beside the plan.
  package var cacheFill: CacheMeasurement?
  package var assessment: AssessReport?
  /// Layers of the quantize job that runs, as they come.
  package var layers: [LayerReport] = []
  package var quantized: QuantizeReport?
  package var sensitivity: ErrorMap?
  package var survey: CalibrationSurvey?
  package var allocation: AllocationReport?
  package var outliers: OutlierSurvey?
  /// What planting outliers in the open model did last.
  package var planting: PlantingReport?
  package var outlierLab: OutlierLabReport?
  package var caches: CacheReport?
  package var batches: BatchReport?
  package var cell: CellDetail?
  package var restored: RestoreReport?
  package var evaluation: EvaluationReport?
  package var continuation: ContinuationReport?
  package var recall: RecallReport?
  package var bench: BenchReport?
  package var providers: ProviderReport?
  package var saved: RunRecord?
  package var exported: ExportedArtifact?

  package init() {}

  /// The verdict over everything measured so far.
  package var verdict: Verdict {
    Verdict.judge(plan: plan, quantize: quantized, evaluation: evaluation, bench: bench)
  }

  /// Forgets what was measured on another recipe or model.
  mutating func forgetMeasurements() {
    sensitivity = nil
    cell = nil
    caches = nil
    restored = nil
    evaluation = nil
    continuation = nil
    recall = nil
    bench = nil
    providers = nil
    saved = nil
    exported = nil
  }

  /// Forgets everything about another model.
  mutating func forgetModel() {
    model = nil
    plan = nil
    cacheFill = nil
    assessment = nil
    layers = []
    quantized = nil
    survey = nil
    allocation = nil
    outliers = nil
    planting = nil
    outlierLab = nil
    batches = nil
    forgetMeasurements()
  }
}

/// Where a quantized model was written.
package struct ExportedArtifact: Hashable, Sendable {
  package var path: String
  package var bytes: Int
}

package import Engine
package import Planning
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
  package var screen = ModelScreen.id
  /// What lies over the screen and has the keyboard.
  package var overlay: Overlay?
  /// The theme in use, by name.
  package var theme = Theme.default.name
  /// The theme that the picker tries on.
  package var previewedTheme: String?
  /// The file that is being recorded to.
  package var recording: String?

  package var model = ModelScreen.View()
  package var target = TargetScreen.View()
  package var method = MethodScreen.View()
  package var calibrate = CalibrateScreen.View()
  package var heatmap = HeatmapScreen.View()
  package var quality = QualityScreen.View()
  package var profile = ProfileScreen.View()
  package var verdict = VerdictScreen.View()
  package var compare = CompareScreen.View()
  package var sessions = SessionsScreen.View()
  package var lessons = LessonsScreen.View()
  package var budget = BudgetScreen.View()
  package var outliers = OutlierScreen.View()
  package var caches = CacheScreen.View()
  package var batches = BatchScreen.View()
  package var providers = ProviderScreen.View()

  package init(size: Size = Size(width: 100, height: 30)) { self.size = size }

  /// The theme to draw with.
  package var shownTheme: String { previewedTheme ?? theme }

  /// Milliseconds until the next tick is worth sending; nil when nothing on the screen moves by itself.
  package var nextTick: Int? {
    if jobs.active?.status == .running { return 250 }
    return notices.isEmpty ? nil : 500
  }
}

/// What the user has chosen for the next jobs.
package struct Choices: Hashable, Sendable {
  package var workload = Workload(context: 2048)
  /// A machine of the catalog to plan for; nil for this one.
  package var machine: String?
  package var recipe = Recipe.baseline
  package var calibration = CalibrationOptions()
  package var evaluation = EvaluationOptions(windows: 24)
  package var bench = BenchOptions()
  package var batches = BatchOptions()
  package var prompt = "The "
  package var continuationTokens = 64
  package var recallDocuments = 8
  /// Bits a weight that the linear layers may take, scales included.
  package var budgetBits = 4.25
  /// Windows that spending a budget is measured on.
  package var budgetWindows = 32
  package var exportPath = "quantized"
  package var exportFormat = "compressed-tensors"

  package init() {}
}

import Evaluation
package import Models
import Operators
import Platform
package import Quantization
import Tensors

/// Bits for each layer under a budget, from measured sensitivities, held against uniform bits of the same size.
///
/// Each width is tried on the whole model; each of its layers is then measured alone, on windows of the calibration
/// text. What is chosen is quantized as it is meant to be used and measured end to end on the evaluation text.
package struct AllocateJob: Job {
  package var recipe: Recipe
  package var calibration: CalibrationOptions
  package var budget: WeightBudget
  /// Windows of the evaluation text that sides are measured on.
  package var windows: Int

  package init(
    recipe: Recipe, calibration: CalibrationOptions, budget: WeightBudget, windows: Int
  ) {
    self.recipe = recipe
    self.calibration = calibration
    self.budget = budget
    self.windows = windows
  }

  package static let name = "allocate"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged]

  package var title: String { "Spending a budget of bits" }
  package var words: String { "spend a budget of bits" }
  package func news(of report: AllocationReport) -> String? {
    "Budget spent: \(report.advised.name) is the advice"
  }

  /// The KL of one layer alone quantized to one width.
  package struct Part: JobValue {
    package var layer: LinearID
    package var bits: Int
    package var kl: Double

    package init(layer: LinearID, bits: Int, kl: Double) {
      self.layer = layer
      self.bits = bits
      self.kl = kl
    }
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Part>
  ) throws -> AllocationReport {
    var run = try AllocationRun(self, in: laboratory, reporter)
    return try run.kept.during {
      for (place, width) in run.widths.enumerated() { try run.measure(width: width, place: place) }
      return try run.report()
    }
  }

  /// The recipe with the most frequent width as its own and an exception for every other layer.
  static func mixed(_ recipe: Recipe, linears: [LinearID], bits: [Int]) -> Recipe {
    // What the recipe leaves in FP has no width.
    let choices = zip(linears, bits).filter { recipe.treatment(of: $0.0) != .fp }
    var counts: [Int: Int] = [:]
    for (_, width) in choices { counts[width, default: 0] += 1 }
    let usual = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.first?.key ?? 4
    var recipe = recipe
    recipe.weights?.options["bits"] = .integer(usual)
    recipe.exceptions =
      choices.filter { $0.1 != usual }.map { LayerException($0.0, .bits($0.1)) }
      + recipe.exceptions
    return recipe
  }
}

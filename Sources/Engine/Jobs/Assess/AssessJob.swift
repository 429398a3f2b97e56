import Checkpoints
import Models
import Operators
import Planning
import Platform
package import Quantization
import Tensors

/// What a recipe would cost, from the sizes of the model and the kernels there are, before anything is done.
package struct AssessJob: Job {
  package var recipe: Recipe
  package var calibration: CalibrationOptions
  /// Whether finished blocks will go to disk; nil for as the workbench has it, when the run is long.
  package var keeping: Keeping?
  /// Whether layers will be compared on the calibration text although no method looks at it.
  package var compares: Bool

  package init(
    recipe: Recipe, calibration: CalibrationOptions, keeping: Keeping? = nil, compares: Bool = true
  ) {
    self.recipe = recipe
    self.calibration = calibration
    self.keeping = keeping
    self.compares = compares
  }

  package static let name = "assess"
  package static let isHeavy = false
  package static let onlyNewestCounts = true
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String { "Pricing the recipe" }
  package var words: String { "price the recipe" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> AssessReport {
    let held = try laboratory.openModel(for: "pricing a recipe")
    let shape = held.summary.shape
    var recipe = recipe
    var notes: [String] = []
    var problems: [String] = []
    var demand = RuntimeDemand()
    var cache = KVFormatPair.fp16
    var outputBytes = held.model.weightBytes
    var price: Preflight?
    var exports: [ExportOutlook]?
    do {
      let fitted = try recipe.fitted(to: recipe.widths(of: held.model))
      recipe = fitted.recipe
      notes += fitted.note.map { [$0] } ?? []
      if let head = recipe.head {
        _ = try head.bitsPerWeight(columns: shape.hiddenSize)
        demand.weights = head.format(columns: shape.hiddenSize)
      }
      cache = try recipe.cacheFormat(standard: .fp16)
      if cache != .fp16 { demand.ask(for: cache) }
      if let trial = try laboratory.trial(recipe, held.model) {
        demand.weights = trial.format.isFloat ? nil : trial.format
        demand.activations = recipe.activations == nil ? nil : trial.activation
      }
      outputBytes = try laboratory.outputBytes(recipe, held.model)
      let outline = try ArtifactOutline(recipe, held, in: laboratory)
      exports =
        recipe.isBaseline
        ? nil
        : ExportFormats.all.map {
          ExportOutlook($0.name, outline, recipe)
        }
      let length = min(calibration.length, shape.context)
      let reads = try compares || recipe.calibrates()
      price = try laboratory.preflight(
        recipe, held, [Int](repeating: length, count: reads ? calibration.samples : 0),
        keeping: keeping ?? .automatic)
      if try recipe.calibrates(), let words = CalibrationText.foreign(held, calibration) {
        notes.append(words)
      }
    } catch let error as QuantizationError {
      problems.append(RecipeTrial.advice(on: error))
    }
    var report = AssessReport(
      recipe: recipe, seconds: problems.isEmpty ? price?.seconds : nil,
      peakResidentBytes: price?.peakBytes ?? Machine.residentBytes() ?? 0,
      outputBytes: outputBytes,
      baselineBytes: held.model.weightBytes,
      kvBytesPerToken: shape.kvBytesPerToken(cache),
      baselineKVBytesPerToken: shape.kvBytesPerToken(.fp16),
      coverage: RuntimeRules.coverage(demand), problems: problems,
      diskBytes: price.map { $0.keptBytes + $0.artifactBytes },
      warnings: price.map { notes + $0.warnings + Self.obstacles(held) })
    report.jobBytes = price?.jobBytes
    report.exports = exports
    return report
  }

  /// Why the result could not be written, told before it is made.
  private static func obstacles(_ held: Laboratory.OpenModel) -> [String] {
    do {
      try ArtifactWriter.check(held, format: CompressedTensors.name)
      return []
    } catch {
      return ["\(error)"]
    }
  }
}

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

  package init(recipe: Recipe, calibration: CalibrationOptions) {
    self.recipe = recipe
    self.calibration = calibration
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
    var problems: [String] = []
    var demand = RuntimeDemand()
    var cache = KVFormatPair.fp16
    // What no method touches stays as it is stored.
    var bits: Double?
    let tables = held.model.embedding
    var tableBits = tables.format.isFloat ? 16 : tables.bitsPerWeight
    var price: Preflight?
    do {
      if let head = recipe.head {
        tableBits = try head.bitsPerWeight(columns: shape.hiddenSize)
        demand.weights = head.format(columns: shape.hiddenSize)
      }
      cache = try recipe.cacheFormat(standard: .fp16)
      if cache != .fp16 { demand.ask(for: cache) }
      if let trial = try laboratory.trial(recipe, held.model) {
        demand.weights = trial.format.isFloat ? nil : trial.format
        demand.activations = recipe.activations == nil ? nil : trial.activation
        bits = trial.bits
      }
      let length = min(calibration.length, shape.context)
      price = try laboratory.preflight(
        recipe, held, [Int](repeating: length, count: calibration.samples), keeps: true)
    } catch let error as QuantizationError {
      problems.append(RecipeTrial.advice(on: error))
    }
    return AssessReport(
      recipe: recipe, seconds: problems.isEmpty ? price?.seconds : nil,
      peakResidentBytes: price?.peakBytes ?? Machine.residentBytes() ?? 0,
      outputBytes: bits == nil && recipe.head == nil
        ? held.model.weightBytes
        : Int(shape.weightBytes(bitsPerWeight: bits ?? 16, tableBits: tableBits)),
      baselineBytes: held.model.weightBytes,
      kvBytesPerToken: shape.kvBytesPerToken(cache),
      baselineKVBytesPerToken: shape.kvBytesPerToken(.fp16),
      coverage: RuntimeRules.coverage(demand), problems: problems,
      diskBytes: price.map { $0.keptBytes + $0.artifactBytes },
      warnings: price.map { $0.warnings + Self.obstacles(held) })
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

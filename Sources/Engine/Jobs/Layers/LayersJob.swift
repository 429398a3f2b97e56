import Models
import Operators
import Platform
package import Quantization
import Tensors

/// Holds every layer of the open candidate against its counterpart: the error of its weights, and of its output on the inputs
/// that the counterpart sees.
///
/// What comes of it is what quantizing would have told, so that maps, cells and measurements go on from there.
package struct LayersJob: Job {
  /// The text that layers are shown.
  package var calibration: CalibrationOptions
  /// Whether the weights alone are compared, without a text.
  package var weightsOnly: Bool

  package init(calibration: CalibrationOptions, weightsOnly: Bool = false) {
    self.calibration = calibration
    self.weightsOnly = weightsOnly
  }

  package static let name = "layers"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Holding layers against their counterparts" }
  package var words: String { "compare layers" }
  package func news(of report: QuantizeReport) -> String? {
    "Compared \(report.layers.count) layers"
  }

  /// A layer that is done, with its errors.
  package typealias Part = LayerReport

  package static let keptParts = 16_384

  /// - Throws: `EngineError.nothingToCompare` where no candidate is open.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<LayerReport>
  ) throws -> QuantizeReport {
    let held = try laboratory.openModel(for: "comparing layers")
    guard let candidate = held.quantized, held.summary.against != nil else {
      throw EngineError.nothingToCompare(model: held.summary.name)
    }
    let windows = weightsOnly ? [] : try laboratory.calibrationWindows(held, calibration)
    let recipe = candidate.recipe
    let caches = weightsOnly ? Recipe() : Recipe(keys: recipe.keys, values: recipe.values)
    let start = Machine.seconds()
    var done = 0
    let blocks = held.model.blocks.count
    let outcome = try Quantizer(
      recipe: caches, context: laboratory.makeContext(),
      calibration: windows, releasesBlocks: false, candidate: candidate.model
    ).run(held.model, pause: reporter.checkpoint) { event in
      switch event {
      case .layer(let layer): reporter.tell(layer)
      case .block(let count, _): done = count
      case .step, .resumed, .note: break
      }
      reporter.progress(
        "block \(min(done + 1, blocks)) of \(blocks)", done: done, of: blocks, unit: "blocks",
        since: start)
    }
    let shape = held.summary.shape
    let words = candidate.words
    var report = QuantizeReport(
      recipe: recipe, seconds: Machine.seconds() - start,
      peakResidentBytes: Machine.peakResidentBytes() ?? 0,
      outputBytes: candidate.model.weightBytes, baselineBytes: held.model.weightBytes,
      kvBytesPerToken: shape.kvBytesPerToken(candidate.cache),
      baselineKVBytesPerToken: shape.kvBytesPerToken(.fp16), layers: outcome.layers,
      maps: ErrorMaps(outcome, recipe: caches, words: words, comparesWeights: weightsOnly).all)
    report.file = candidate.file
    report.model = held.summary.label
    report.comparesWeights = weightsOnly
    laboratory.update { held in
      held.quantized?.report = report
      held.quantized?.blocks = outcome.blocks
      held.quantized?.sample = windows.first ?? []
    }
    return report
  }
}

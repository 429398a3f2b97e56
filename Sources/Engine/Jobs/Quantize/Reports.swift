package import Evaluation
package import Planning
package import Profiling
package import Quantization

/// The result of quantizing.
package struct QuantizeReport: Hashable, Sendable, Codable {
  package var recipe: Recipe
  package var seconds: Double
  package var peakResidentBytes: Int
  /// Bytes of all weights after quantizing.
  package var outputBytes: Int
  package var baselineBytes: Int
  package var kvBytesPerToken: Int
  package var baselineKVBytesPerToken: Int
  package var layers: [LayerReport]
  package var maps: [ErrorMap]
  /// Blocks that an earlier run had done; nil where none.
  package var resumedBlocks: Int?

  package init(
    recipe: Recipe, seconds: Double, peakResidentBytes: Int, outputBytes: Int, baselineBytes: Int,
    kvBytesPerToken: Int, baselineKVBytesPerToken: Int, layers: [LayerReport], maps: [ErrorMap],
    resumedBlocks: Int? = nil
  ) {
    self.recipe = recipe
    self.seconds = seconds
    self.peakResidentBytes = peakResidentBytes
    self.outputBytes = outputBytes
    self.baselineBytes = baselineBytes
    self.kvBytesPerToken = kvBytesPerToken
    self.baselineKVBytesPerToken = baselineKVBytesPerToken
    self.layers = layers
    self.maps = maps
    self.resumedBlocks = resumedBlocks
  }
}

/// What a recipe would cost, and where it runs, before it is tried.
package struct AssessReport: Hashable, Sendable, Codable {
  package var recipe: Recipe
  /// Expected seconds of quantizing on this machine; nil when nothing is known.
  package var seconds: Double?
  package var peakResidentBytes: Int
  package var outputBytes: Int
  package var baselineBytes: Int
  package var kvBytesPerToken: Int
  package var baselineKVBytesPerToken: Int
  package var coverage: [RuntimeCoverage]
  /// Why the recipe cannot run as it is (a group that does not divide, an unknown option); empty when fine.
  package var problems: [String]
  /// Bytes on disk while finished blocks are kept, the artifact included.
  package var diskBytes: Int?
  /// What is likely to disappoint, such as a calibration text that is too short.
  package var warnings: [String]?

  package init(
    recipe: Recipe, seconds: Double?, peakResidentBytes: Int, outputBytes: Int,
    baselineBytes: Int, kvBytesPerToken: Int, baselineKVBytesPerToken: Int,
    coverage: [RuntimeCoverage], problems: [String], diskBytes: Int? = nil,
    warnings: [String]? = nil
  ) {
    self.recipe = recipe
    self.seconds = seconds
    self.peakResidentBytes = peakResidentBytes
    self.outputBytes = outputBytes
    self.baselineBytes = baselineBytes
    self.kvBytesPerToken = kvBytesPerToken
    self.baselineKVBytesPerToken = baselineKVBytesPerToken
    self.coverage = coverage
    self.problems = problems
    self.diskBytes = diskBytes
    self.warnings = warnings
  }
}

/// KL of the quantized model with some cells put back to FP.
package struct RestoreReport: Hashable, Sendable, Codable {
  package var cells: [CellAddress]
  package var klBefore: Double
  package var klAfter: Double
  package var extraBytes: Int

  package init(cells: [CellAddress], klBefore: Double, klAfter: Double, extraBytes: Int) {
    self.cells = cells
    self.klBefore = klBefore
    self.klAfter = klAfter
    self.extraBytes = extraBytes
  }
}

/// A finished run as the workspace keeps it.
package struct RunRecord: Hashable, Sendable, Codable {
  /// The name of its folder.
  package var id: String
  package var model: String
  package var recipe: Recipe
  package var quantize: QuantizeReport?
  package var evaluation: EvaluationReport?
  package var bench: BenchReport?
  package var verdict: Verdict?

  package init(
    id: String, model: String, recipe: Recipe, quantize: QuantizeReport? = nil,
    evaluation: EvaluationReport? = nil, bench: BenchReport? = nil, verdict: Verdict? = nil
  ) {
    self.id = id
    self.model = model
    self.recipe = recipe
    self.quantize = quantize
    self.evaluation = evaluation
    self.bench = bench
    self.verdict = verdict
  }
}

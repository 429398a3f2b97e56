package import Models
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
  /// The file that was held against another, where nothing was quantized here.
  package var file: String?
  /// The most memory the job itself held, pages of mapped files not counted; nil in reports that were made without.
  package var jobBytes: Int?
  /// Whether layers were compared by their weights alone, without a text.
  package var comparesWeights: Bool?
  /// What of the recipe gave way to the model, and what is to be said of the calibration text; nil for nothing.
  package var notes: [String]?
  /// The model's name, with what was planted in it or rotated.
  package var model: String?

  /// What is quantized: by the recipe, and the weights of a file.
  package var targets: Set<QuantizationTarget> {
    file == nil ? recipe.targets : recipe.targets.union([.weights])
  }

  /// The recipe, or the file.
  package var words: String { file ?? "\(recipe)" }

  package init(
    recipe: Recipe, seconds: Double, peakResidentBytes: Int, outputBytes: Int, baselineBytes: Int,
    kvBytesPerToken: Int, baselineKVBytesPerToken: Int, layers: [LayerReport], maps: [ErrorMap],
    resumedBlocks: Int? = nil, comparesWeights: Bool? = nil, notes: [String]? = nil
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
    self.comparesWeights = comparesWeights
    self.notes = notes
  }
}

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

package import Models
package import Operators

/// One block after quantization, with what was found on the way.
package struct QuantizedBlock: Sendable {
  /// What is told of a block in words and numbers, small enough for a text file.
  package struct Record: Hashable, Sendable, Codable {
    package var layers: [LayerReport]
    /// What methods searched, by projection.
    package var curves: [Projection: SearchCurve]
    /// Errors of keys and values by KV head; empty when the cache stays FP.
    package var keyErrors: [ErrorSums]
    package var valueErrors: [ErrorSums]

    package init(
      layers: [LayerReport] = [], curves: [Projection: SearchCurve] = [:],
      keyErrors: [ErrorSums] = [], valueErrors: [ErrorSums] = []
    ) {
      self.layers = layers
      self.curves = curves
      self.keyErrors = keyErrors
      self.valueErrors = valueErrors
    }
  }

  package var block: DecoderBlock
  package var record: Record
  /// Largest magnitude of each input channel on the calibration text.
  package var absoluteMaxima: [Projection: [Float]]
  /// What was moved between layers; only layers where something was.
  package var scales: [Projection: LayerScales]

  package init(
    block: DecoderBlock, record: Record, absoluteMaxima: [Projection: [Float]],
    scales: [Projection: LayerScales] = [:]
  ) {
    self.block = block
    self.record = record
    self.absoluteMaxima = absoluteMaxima
    self.scales = scales
  }

  /// A layer in FP that fits between the norms and neighbours of this block: the original with what was moved.
  ///
  /// - Parameter original: the block before quantization.
  /// - Throws: `ModelError` and `TensorError` for sizes that do not fit.
  package func floatLayer(_ projection: Projection, original: DecoderBlock) throws -> Linear {
    let old = original[projection]
    guard let scales = scales[projection], !scales.isIdentity else { return old }
    return try old.replacing(
      weight: scales.applied(to: old.weight),
      bias: old.bias.map { bias in
        guard let output = scales.output else { return bias }
        return zip(bias, output).map { $0 / $1 }
      })
  }

  /// The whole block in FP with what was moved: it computes what the original computes.
  package func floatBlock(original: DecoderBlock) throws -> DecoderBlock {
    guard scales.contains(where: { !$0.value.isIdentity }) else { return original }
    return try block.replacing(
      Dictionary(
        uniqueKeysWithValues: try original.roles.map {
          ($0, try floatLayer($0, original: original))
        }))
  }
}

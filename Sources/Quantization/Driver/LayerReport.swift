/// What quantizing one linear layer did to it.
///
/// Errors are those of the layer's output on calibration inputs X (`[tokens, columns]`) against the
/// layer in full precision; without inputs, of the weights themselves.
package struct LayerReport: Hashable, Sendable, Codable {
  package var block: Int
  /// The short name of the projection: `q`, `k`, `v`, `o`, `gate`, `up`, `down`.
  package var projection: String
  package var method: String
  /// Bits of one weight with its share of scales and zero points.
  package var bits: Double
  /// `|WX - W'X|^2 / |WX|^2`, Frobenius.
  package var relativeError: Double
  /// `10 log10(|WX|^2 / |WX - W'X|^2)`, in dB.
  package var sqnr: Double
  /// Cosine of the angle between the outputs.
  package var cosine: Double
  /// Why the layer was not quantized as asked, if so.
  package var fallback: String?
  package var bytes: Int
  /// KL to the baseline with this layer alone quantized, where it was measured.
  package var aloneKL: Double?
  /// The method's own sum of errors (GPTQ prints `sum (w - q)^2 / U_cc^2 / 2`); comparable only within one layer.
  package var rawLoss: Double?
  /// `|W - W'|^2 / |W|^2` of the weights themselves, where a candidate is held against its base; the errors above are
  /// those of the weights too where there was no text.
  package var weightError: Double?
  /// Input columns that were 0 on the whole calibration text; nil for none, or where no method looked.
  package var deadColumns: [Int]?
  /// Input columns below a thousandth of the usual size on the calibration text; nil for none, or where no method looked.
  package var starvedColumns: [Int]?

  package init(
    block: Int, projection: String, method: String, bits: Double, relativeError: Double,
    sqnr: Double, cosine: Double, fallback: String? = nil, bytes: Int, aloneKL: Double? = nil,
    rawLoss: Double? = nil, weightError: Double? = nil, deadColumns: [Int]? = nil,
    starvedColumns: [Int]? = nil
  ) {
    self.deadColumns = deadColumns
    self.starvedColumns = starvedColumns
    self.block = block
    self.projection = projection
    self.method = method
    self.bits = bits
    self.relativeError = relativeError
    self.sqnr = sqnr
    self.cosine = cosine
    self.fallback = fallback
    self.bytes = bytes
    self.aloneKL = aloneKL
    self.rawLoss = rawLoss
    self.weightError = weightError
  }
}

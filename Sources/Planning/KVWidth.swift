package import Tensors
import Wording

/// How wide a cached value is, whatever method makes it: one layer of the map of what fits.
package struct KVWidth: Hashable, Sendable, Codable {
  /// Bits of a code, what people call the width: 16, 8, 4, 3.5.
  package var code: Double
  /// Bits of a value with its share of scales and norms: 8.5 for INT8 with a 16-bit scale for 32 values.
  package var bits: Double

  package init(code: Double, bits: Double) {
    self.code = code
    self.bits = bits
  }

  /// A width given by what a value takes in all.
  package init(bits: Double) { self.init(code: bits, bits: bits) }

  /// The width of a format for heads of `headDimension` channels.
  package init(_ format: KVFormat, code: Double, headDimension: Int) {
    self.init(code: code, bits: format.bitsPerValue(headDimension: headDimension))
  }

  /// 16, 8 and 4 bits as the caches of this program store them (FP16, and INT8 and INT4 in groups of 32), then 3.5, 2.5
  /// and 2 bits a value in all, where the finest methods are.
  package static func standard(headDimension: Int) -> [KVWidth] {
    [
      KVWidth(.float(type: .f16), code: 16, headDimension: headDimension),
      KVWidth(.integer(bits: 8, group: 32), code: 8, headDimension: headDimension),
      KVWidth(.integer(bits: 4, group: 32), code: 4, headDimension: headDimension),
      KVWidth(bits: 3.5), KVWidth(bits: 2.5), KVWidth(bits: 2),
    ]
  }

  /// `16`, `3.5`.
  package var name: String {
    Quantity.atMost(3, code)
  }
}

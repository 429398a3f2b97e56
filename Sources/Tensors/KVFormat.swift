/// How one of the two halves of a KV cache (keys or values) is stored.
///
/// The grids of the integer formats are those of llama.cpp's `q8_0` and `q4_0` rows: groups of
/// consecutive channels of one head inside one token, each with a 16-bit scale.
package enum KVFormat: Hashable, Sendable, Codable {
  case float(type: DType)
  /// `bits` is 8 or 4; `group` is cut to the head dimension.
  case integer(bits: Int, group: Int)

  /// Bits of one value with its share of the scales, for heads of `headDimension` channels.
  package func bitsPerValue(headDimension: Int) -> Double {
    guard headDimension > 0 else { return 0 }
    return Double(bytesPerVector(headDimension: headDimension) * 8) / Double(headDimension)
  }

  /// Bytes of one token of one head.
  package func bytesPerVector(headDimension: Int) -> Int {
    switch self {
    case .float(let type): return headDimension * type.bits / 8
    case .integer(let bits, let group):
      let size = Self.effectiveGroup(group, headDimension: headDimension)
      return (headDimension * bits + 7) / 8 + headDimension / size * 2
    }
  }

  /// The largest group not above `group` that divides `headDimension`.
  package static func effectiveGroup(_ group: Int, headDimension: Int) -> Int {
    var size = max(1, min(group, headDimension))
    while headDimension % size != 0 { size -= 1 }
    return size
  }
}

extension KVFormat: CustomStringConvertible {
  /// The format as people write it: `FP16`, `INT8 g32`.
  package var description: String {
    switch self {
    case .float(let type): type == .f16 ? "FP16" : type == .f32 ? "FP32" : "\(type)"
    case .integer(let bits, let group): "INT\(bits) g\(group)"
    }
  }
}

/// The formats of keys and values, which are chosen apart.
package struct KVFormatPair: Hashable, Sendable, Codable {
  package var keys: KVFormat
  package var values: KVFormat

  package init(keys: KVFormat, values: KVFormat) {
    self.keys = keys
    self.values = values
  }

  /// The cache of the FP baseline.
  package static let fp16 = KVFormatPair(keys: .float(type: .f16), values: .float(type: .f16))
  /// The cache of a float32 run.
  package static let fp32 = KVFormatPair(keys: .float(type: .f32), values: .float(type: .f32))
}

extension KVFormatPair: CustomStringConvertible {
  package var description: String { keys == values ? "\(keys)" : "K \(keys), V \(values)" }
}

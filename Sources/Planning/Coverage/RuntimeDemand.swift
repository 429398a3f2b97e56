package import Tensors

/// What a recipe asks of a runtime, in the formats it stores and computes in.
package struct RuntimeDemand: Hashable, Sendable {
  /// nil: weights stay FP.
  package var weights: WeightFormat?
  /// nil: activations stay FP.
  package var activations: ActivationFormat?
  /// nil: keys stay FP16.
  package var keys: CacheDemand?
  /// nil: values stay FP16.
  package var values: CacheDemand?

  package init(
    weights: WeightFormat? = nil, activations: ActivationFormat? = nil, cache: KVFormatPair? = nil
  ) {
    self.weights = weights
    self.activations = activations
    if let cache { ask(for: cache) }
  }

  /// A demand for a cache alone; values as keys unless given.
  package init(keys: CacheDemand, values: CacheDemand? = nil) {
    self.keys = keys
    self.values = values ?? keys
  }

  /// Adds what a pair of formats asks for.
  package mutating func ask(for cache: KVFormatPair) {
    keys = CacheDemand(cache.keys)
    values = CacheDemand(cache.values)
  }
}

extension RuntimeDemand: CustomStringConvertible {
  /// `W4 g128`, `W8 channel, A8 per token`, `KV 8.5 bits (integers, groups of 32)`.
  package var description: String {
    var parts: [String] = []
    if let weights { parts.append("\(weights)") }
    if let activations { parts.append("\(activations)") }
    if let keys, keys == values {
      parts.append("KV \(keys)")
    } else {
      if let keys { parts.append("K \(keys)") }
      if let values { parts.append("V \(values)") }
    }
    return parts.isEmpty ? "FP" : parts.joined(separator: ", ")
  }
}

/// How one half of the cache is stored, as far as runtimes tell it apart.
///
/// What no runtime knows is `other`, which every runtime refuses.
package struct CacheDemand: Hashable, Sendable {
  package typealias Kind = KVFormat.Kind

  package var kind: Kind
  /// Bits of a value, scales included.
  package var bits: Double
  /// Bits of a code: those of a value without the share of its scales.
  package var codeBits: Int
  /// Values that share a scale, where that is fixed.
  package var group: Int?
  /// Whether heads are rotated before they are rounded.
  package var isRotated: Bool

  package init(
    kind: Kind, bits: Double, codeBits: Int? = nil, group: Int? = nil, isRotated: Bool = false
  ) {
    self.kind = kind
    self.bits = bits
    self.codeBits = codeBits ?? Int(max(0, min(bits, 64)))
    self.group = group
    self.isRotated = isRotated
  }

  /// What a format asks for.
  package init(_ format: KVFormat) {
    self.init(
      kind: format.kind, bits: format.bitsPerValue(headDimension: 128), codeBits: format.codeBits,
      group: format.sharedScale, isRotated: format.isRotated)
  }
}

extension CacheDemand: CustomStringConvertible {
  package var description: String {
    let words =
      switch kind {
      case .float: "FP\(codeBits)"
      case .integer: "INT\(codeBits)" + (group.map { " g\($0)" } ?? "")
      case .float8: "FP8"
      case .perChannel: "KIVI, \(codeBits) bits"
      case .codebook: "TurboQuant, \(MethodRanking.number(bits)) bits"
      case .other: "\(MethodRanking.number(bits)) bits"
      }
    return (isRotated && kind != .codebook ? "rotated " : "") + words
  }
}

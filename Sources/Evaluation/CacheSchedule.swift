import Models
package import Tensors

/// How a quantized cache is filled before what is scored, which decides what attention reads there.
package enum CacheSchedule: String, Hashable, Sendable, Codable, CaseIterable {
  /// In passes, prefill included: each reads what is quantized when it begins.
  case passes
  /// What stands before the scored tokens is read in full precision and quantized after it; the scored tokens are decoded
  /// one by one. So does KIVI's paper.
  case full

  /// How a window was read, in words; nil for a cache that is not quantized.
  package func words(for cache: KVFormatPair) -> String? {
    guard cache.isQuantized else { return nil }
    switch self {
    case .full:
      return
        "prefill in full precision, quantized after it, then one token a step (as in KIVI's paper)"
    case .passes:
      let pass = KVCacheLayout(layers: 1, kvHeads: 1, headDimension: 1, format: cache).longestPass
      return pass == .max
        ? "prefill reads the quantized cache too"
        : "in passes of \(pass) tokens, prefill included, each reading what is quantized by then"
    }
  }

  /// Tokens that are read at a time from the first that is scored on.
  func pass(of cache: KVFormatPair) -> Int {
    self == .full
      ? 1 : KVCacheLayout(layers: 1, kvHeads: 1, headDimension: 1, format: cache).longestPass
  }
}

extension KVFormatPair {
  /// Whether keys or values are stored in anything but floating-point numbers of 16 bits or more.
  var isQuantized: Bool {
    [keys, values].contains { if case .float = $0 { false } else { true } }
  }
}

package import Tensors

/// What a recipe asks of a runtime, in the formats it stores and computes in.
package struct RuntimeDemand: Hashable, Sendable {
  /// nil: weights stay FP.
  package var weights: WeightFormat?
  /// nil: activations stay FP.
  package var activations: ActivationFormat?
  /// nil: the cache stays FP16.
  package var cache: KVFormatPair?

  package init(
    weights: WeightFormat? = nil, activations: ActivationFormat? = nil, cache: KVFormatPair? = nil
  ) {
    self.weights = weights
    self.activations = activations
    self.cache = cache
  }
}

/// Which serving runtimes execute a recipe natively, which expand it to FP first, which refuse it.
///
/// Read from the runtimes' sources and documents at the date below; versions move. A recipe is as well
/// covered as its least covered part.
package enum RuntimeRules {
  /// When the rules were last read from the runtimes' sources and documents.
  package static let date = "2026-11-23"

  /// The coverage of a recipe by every runtime known.
  package static func coverage(_ demand: RuntimeDemand) -> [RuntimeCoverage] {
    runtimes.map { runtime in
      var worst = Finding(.native)
      for finding in [
        isSpecial(demand) ? nil : demand.weights.map { runtime.linear($0, demand.activations) },
        finding(demand.weights, demand.activations, runtime.activations),
        demand.weights.flatMap { $0.zeroPoint == .real ? runtime.realZeroPoints : nil },
        demand.cache.map { cache in
          let keys = runtime.cache(cache.keys)
          let values = runtime.cache(cache.values)
          return keys.support.rank >= values.support.rank ? keys : values
        },
      ].compactMap({ $0 }) where finding.support.rank > worst.support.rank { worst = finding }
      return RuntimeCoverage(
        runtime: runtime.name, support: worst.support, constraint: worst.constraint,
        nearest: worst.nearest)
    }
  }

  struct Finding: Sendable {
    var support: RuntimeCoverage.Support
    var constraint: String
    var nearest: String

    init(_ support: RuntimeCoverage.Support, _ constraint: String = "", nearest: String = "") {
      self.support = support
      self.constraint = constraint
      self.nearest = nearest
    }
  }

  private struct Runtime: Sendable {
    var name: String
    var linear: @Sendable (WeightFormat, ActivationFormat?) -> Finding
    /// What zero points between the codes (HQQ along the rows) meet.
    var realZeroPoints: Finding
    var cache: @Sendable (KVFormat) -> Finding
    var activations: ActivationRules
  }

  private static let runtimes: [Runtime] = [
    Runtime(
      name: "vLLM (CUDA)", linear: vllmCUDA,
      realZeroPoints: Finding(
        .refused,
        "Marlin takes real zero points from HQQ's own files only, at 4 bits in groups of 64",
        nearest: "W4 g64 asymmetric"),
      cache: vllmCUDACache, activations: vllmCUDAActivations),
    Runtime(
      name: "vLLM (x86 CPU)", linear: vllmCPU, realZeroPoints: wholeZerosOnly("symmetric W4"),
      cache: floatCacheOnly("vLLM's CPU backend"), activations: vllmCPUActivations),
    Runtime(
      name: "llama.cpp (CPU)", linear: llamaCpp,
      realZeroPoints: Finding(
        .refused, "no import of scales and real zero points; Q4_1 is found anew", nearest: "Q4_1"),
      cache: llamaCppCache, activations: llamaCppActivations),
    Runtime(
      name: "ONNX Runtime (CPU)", linear: onnx,
      realZeroPoints: Finding(
        .fallback, "MatMulNBits unpacks to FP32 when zero points are real",
        nearest: "W4 g128 asymmetric"),
      cache: floatCacheOnly("ONNX Runtime"), activations: onnxActivations),
    Runtime(
      name: "TensorRT-LLM", linear: tensorRT, realZeroPoints: wholeZerosOnly("W4 g128 asymmetric"),
      cache: tensorRTCache, activations: tensorRTActivations),
    Runtime(
      name: "OpenVINO (CPU)", linear: openVINO,
      realZeroPoints: wholeZerosOnly("W4 g128 asymmetric"), cache: openVINOCache,
      activations: openVINOActivations),
  ]

  private static func wholeZerosOnly(_ nearest: String) -> Finding {
    Finding(.refused, "zero points are whole codes", nearest: nearest)
  }

  private static func isInt8(_ activations: ActivationFormat?) -> Bool {
    if case .int8? = activations { true } else { false }
  }

  private static func groupOf(_ format: WeightFormat) -> Int {
    if case .group(let size) = format.granularity { size } else { -1 }
  }

  @Sendable private static func vllmCUDA(
    _ format: WeightFormat, _ activations: ActivationFormat?
  ) -> Finding {
    guard !format.isFloat else { return Finding(.native) }
    if isInt8(activations) {
      guard format.bits == 8 else {
        return Finding(
          .refused, "no kernel multiplies \(format.bits)-bit weights with INT8", nearest: "W8A8")
      }
      return groupOf(format) == -1
        ? Finding(.native)
        : Finding(
          .refused, "W8A8 takes one scale a channel or tensor", nearest: "W8A8 per channel")
    }
    guard [4, 8].contains(format.bits) else {
      return Finding(
        .fallback, "Marlin reads 4 and 8 bits, not \(format.bits)", nearest: "W4 g128")
    }
    guard [-1, 32, 64, 128].contains(groupOf(format)) else {
      return Finding(
        .refused, "group \(groupOf(format)): Marlin needs -1, 32, 64 or 128",
        nearest: "W\(format.bits) g128")
    }
    if !format.isSymmetric, format.bits != 4 {
      return Finding(
        .fallback, "Marlin takes zero points at 4 bits only", nearest: "symmetric W8")
    }
    return Finding(.native)
  }

  @Sendable private static func vllmCUDACache(_ format: KVFormat) -> Finding {
    switch format {
    case .float: Finding(.native)
    case .integer(let bits, _):
      bits == 8
        ? Finding(.fallback, "INT8 per token and head only in new versions", nearest: "FP8 cache")
        : Finding(.refused, "no INT\(bits) cache", nearest: "FP8 cache")
    default: Finding(.refused, "no cache of this kind", nearest: "FP8 cache")
    }
  }

  @Sendable private static func vllmCPU(
    _ format: WeightFormat, _ activations: ActivationFormat?
  ) -> Finding {
    guard !format.isFloat else { return Finding(.native) }
    if isInt8(activations) {
      return format.bits == 8 && groupOf(format) == -1
        ? Finding(.native)
        : Finding(.refused, "oneDNN takes W8A8 with one scale a channel", nearest: "W8A8")
    }
    guard format.bits == 4 else {
      return Finding(
        .refused, "the CPU kernel reads 4-bit weights, not \(format.bits)", nearest: "W4 g128")
    }
    return format.isSymmetric
      ? Finding(.native)
      : Finding(.fallback, "zero points run on the AWQ path only", nearest: "symmetric W4")
  }

  @Sendable private static func llamaCpp(
    _ format: WeightFormat, _ activations: ActivationFormat?
  ) -> Finding {
    guard !format.isFloat else { return Finding(.native) }
    let asQ8 = "Q8_0"
    if isInt8(activations), format.bits == 8 {
      return Finding(
        .fallback, "activations are INT8 per 32 channels, not per token", nearest: asQ8)
    }
    switch format.bits {
    case 8:
      return groupOf(format) == 32 && format.isSymmetric
        ? Finding(.native)
        : Finding(.fallback, "Q8_0 has groups of 32: scales are repeated", nearest: "W8 g32")
    case 4:
      guard groupOf(format) == -1 || groupOf(format) % 32 == 0 else {
        return Finding(.refused, "blocks are 32 weights", nearest: "W4 g32")
      }
      return Finding(.native)
    default:
      return Finding(
        .refused, "\(format.bits) bits only as K-quants, which are found anew",
        nearest: "Q\(format.bits)_K")
    }
  }

  @Sendable private static func llamaCppCache(_ format: KVFormat) -> Finding {
    switch format {
    case .float: Finding(.native)
    case .integer(_, let group):
      group == 32
        ? Finding(.native)
        : Finding(.refused, "cache rows have groups of 32", nearest: "group 32")
    default: Finding(.refused, "no cache of this kind", nearest: "FP8 cache")
    }
  }

  @Sendable private static func onnx(
    _ format: WeightFormat, _ activations: ActivationFormat?
  ) -> Finding {
    guard !format.isFloat else { return Finding(.native) }
    if isInt8(activations) {
      return format.bits == 8 && groupOf(format) == -1
        ? Finding(.native)
        : Finding(.fallback, "MatMulInteger takes one scale a channel", nearest: "W8A8")
    }
    let group = groupOf(format)
    guard [16, 32, 64, 128, 256].contains(group) else {
      return Finding(
        .refused, "MatMulNBits needs blocks of 16 to 256, a power of two",
        nearest: "W\(format.bits == 8 ? 8 : 4) g128")
    }
    switch format.bits {
    case 4: return Finding(.native)
    case 8:
      return Finding(
        .fallback, "8 bits are native only with INT8 activations (accuracy level 4)",
        nearest: "accuracy_level 4")
    case 2: return Finding(.fallback, "2 bits are unpacked to FP32", nearest: "W4 g\(group)")
    default: return Finding(.refused, "no \(format.bits)-bit form", nearest: "W4 g\(group)")
    }
  }

  @Sendable private static func tensorRT(
    _ format: WeightFormat, _ activations: ActivationFormat?
  ) -> Finding {
    guard !format.isFloat else { return Finding(.native) }
    if isInt8(activations) {
      return format.bits == 8 && groupOf(format) == -1
        ? Finding(.native)
        : Finding(.refused, "INT8 is SmoothQuant's W8A8 per channel", nearest: "W8A8")
    }
    guard format.bits == 4 else {
      return format.bits == 8 && groupOf(format) == -1
        ? Finding(.native)
        : Finding(.refused, "W4A16 or W8A16 per channel", nearest: "W4 g128")
    }
    return [64, 128].contains(groupOf(format))
      ? Finding(.native)
      : Finding(.refused, "W4A16 needs groups of 64 or 128", nearest: "W4 g128")
  }

  @Sendable private static func tensorRTCache(_ format: KVFormat) -> Finding {
    switch format {
    case .float: Finding(.native)
    case .integer(let bits, _):
      bits == 8
        ? Finding(.fallback, "INT8 cache only in the TensorRT backend", nearest: "FP8 cache")
        : Finding(.refused, "no INT\(bits) cache", nearest: "FP8 cache")
    default: Finding(.refused, "no cache of this kind", nearest: "FP8 cache")
    }
  }

  @Sendable private static func openVINO(
    _ format: WeightFormat, _ activations: ActivationFormat?
  ) -> Finding {
    guard !format.isFloat else { return Finding(.native) }
    guard [4, 8].contains(format.bits) else {
      return Finding(
        .refused, "weights have 4 or 8 bits, not \(format.bits)", nearest: "W4 g128")
    }
    if isInt8(activations), format.bits == 8, groupOf(format) != -1 {
      return Finding(.fallback, "INT8 matmul takes one scale a channel", nearest: "W8A8")
    }
    return Finding(.native)
  }

  @Sendable private static func openVINOCache(_ format: KVFormat) -> Finding {
    switch format {
    case .float: Finding(.native)
    case .integer(let bits, let group):
      bits == 8
        ? group == 32
          ? Finding(.native) : Finding(.fallback, "groups of 32 by default", nearest: "group 32")
        : Finding(.fallback, "u4 only in new versions", nearest: "INT8")
    default: Finding(.refused, "no cache of this kind", nearest: "FP8 cache")
    }
  }

  private static func floatCacheOnly(_ name: String) -> @Sendable (KVFormat) -> Finding {
    { format in
      if case .float = format { return Finding(.native) }
      return Finding(.refused, "\(name) keeps the cache in FP", nearest: "FP16 cache")
    }
  }
}

extension RuntimeCoverage.Support {
  var rank: Int {
    switch self {
    case .native: 0
    case .fallback: 1
    case .refused: 2
    }
  }
}

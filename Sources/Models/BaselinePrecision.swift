package import Tensors

/// The numbers a model that is not quantized computes with.
package enum BaselinePrecision: String, Hashable, Sendable, Codable, CaseIterable {
  /// Weights and the inputs of linear layers in BF16, an FP16 cache: the FP baseline.
  case bf16
  /// Float32 throughout.
  case f32

  /// The form of the input of linear layers.
  package var activation: ActivationFormat {
    switch self {
    case .bf16: .float(type: .bf16)
    case .f32: .float(type: .f32)
    }
  }

  /// The formats of the cache.
  package var cache: KVFormatPair {
    switch self {
    case .bf16: .fp16
    case .f32: .fp32
    }
  }
}

internal import CKernels

/// A set of kernels that run on one kind of processor.
package enum ExecutionProvider: String, Hashable, Sendable, Codable, CaseIterable {
  /// Plain C, any processor: the truth that the others are tested against.
  case generic
  /// AVX2 with FMA and F16C.
  case avx2
  /// AVX-512 with VNNI and BF16.
  case avx512

  /// Whether this processor has the instructions.
  package var isSupported: Bool { nk_provider_supported(code) != 0 }

  /// The best provider of this processor.
  package static var best: ExecutionProvider {
    allCases.last { $0.isSupported } ?? .generic
  }

  var code: nk_provider {
    switch self {
    case .generic: NK_PROVIDER_GENERIC
    case .avx2: NK_PROVIDER_AVX2
    case .avx512: NK_PROVIDER_AVX512
    }
  }
}

internal import CKernels

/// Inputs of a linear layer, or their second moments, packed for the kernels of one provider that say what errors
/// of its weights cost at its output.
///
/// For a row of errors d that is the sum over tokens of `(x . d)^2`.
package final class OutputErrorKernel: @unchecked Sendable {
  // Unchecked: memory is written in `init` only.

  private typealias Rows =
    @convention(c) (
      UnsafePointer<nk_error_weights>?, UnsafePointer<Float>?, Int, UnsafeMutablePointer<Double>?
    ) -> Void

  /// Input channels.
  package let columns: Int
  private let weights: nk_error_weights
  private let memory: UnsafeMutablePointer<Float>
  private let rows: Rows

  /// From sums over tokens of the products of channels, `[columns, columns]`, of which the upper triangle is read.
  package convenience init(
    moments: [Float], columns: Int, provider: ExecutionProvider = .best
  ) {
    self.init(Int32(NK_ERROR_MOMENTS), columns: columns, tokens: 0, provider) {
      nk_error_pack_moments(moments, columns, $0)
    }
  }

  /// From `inputs`, `[tokens, columns]`.
  package convenience init(
    inputs: [Float], tokens: Int, columns: Int, provider: ExecutionProvider = .best
  ) {
    self.init(Int32(NK_ERROR_TOKENS), columns: columns, tokens: tokens, provider) {
      nk_error_pack_tokens(inputs, tokens, columns, $0)
    }
  }

  private init(
    _ kind: Int32, columns: Int, tokens: Int, _ provider: ExecutionProvider,
    pack: (UnsafeMutablePointer<Float>) -> Void
  ) {
    let count = nk_error_packed_floats(kind, columns, tokens)
    memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: Int(NK_ERROR_ALIGNMENT)
    ).bindMemory(to: Float.self, capacity: max(1, count))
    pack(memory)
    self.columns = columns
    weights = nk_error_weights(
      kind: kind, columns: columns, tokens: tokens, packed: UnsafePointer(memory))
    rows = Self.kernel(provider)
  }

  deinit { memory.deallocate() }

  /// Writes the sums for `rows` rows of `errors`, `[rows, columns]`.
  ///
  /// Products are float32, their sums over runs of channels or tokens float64. What a row costs does not depend on the
  /// other rows.
  package func sums(
    of errors: UnsafePointer<Float>, rows: Int, into sums: UnsafeMutablePointer<Double>
  ) {
    withUnsafePointer(to: weights) { self.rows($0, errors, rows, sums) }
  }

  private static func kernel(_ provider: ExecutionProvider) -> Rows {
    #if arch(x86_64)
      switch provider {
      case .avx512: return nk_error_rows_avx512
      case .avx2: return nk_error_rows_avx2
      case .generic: break
      }
    #endif
    return nk_error_rows_generic
  }
}

internal import CKernels
package import Tensors

/// The attention and cache kernels of one provider.
struct AttentionKernels {
  let append: nk_kv_append_fn
  let read: nk_kv_read_fn
  let attention: nk_attention_fn
  let partial: nk_attention_partial_fn
  let merge: nk_attention_merge_fn

  init(_ provider: ExecutionProvider) {
    #if arch(x86_64)
      switch provider {
      case .avx512:
        append = nk_kv_append_avx512
        read = nk_kv_read_avx512
        attention = nk_attention_avx512
        partial = nk_attention_partial_avx512
        merge = nk_attention_merge_avx512
        return
      case .avx2:
        append = nk_kv_append_avx2
        read = nk_kv_read_avx2
        attention = nk_attention_avx2
        partial = nk_attention_partial_avx2
        merge = nk_attention_merge_avx2
        return
      case .generic: break
      }
    #endif
    append = nk_kv_append_generic
    read = nk_kv_read_generic
    attention = nk_attention_generic
    partial = nk_attention_partial_generic
    merge = nk_attention_merge_generic
  }
}

/// The size of the blocks a KV cache is made of.
package struct KVBlockLayout: Hashable, Sendable {
  /// Tokens of a block.
  package static let tokens = Int(NK_KV_BLOCK_TOKENS)
  /// Bytes of a block of keys of one head.
  package let keyBytes: Int
  /// Bytes of a block of values of one head.
  package let valueBytes: Int

  /// Looks up the sizes.
  ///
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  package init(format: KVFormatPair, headDimension: Int) throws {
    keyBytes = try Self.bytes(format.keys, role: NK_KV_KEYS, headDimension: headDimension)
    valueBytes = try Self.bytes(format.values, role: NK_KV_VALUES, headDimension: headDimension)
  }

  private static func bytes(
    _ format: KVFormat, role: some BinaryInteger, headDimension: Int
  ) throws -> Int {
    guard
      var described = format.kernelFormat(role: Int32(role), headDimension: headDimension),
      nk_kv_format_check(&described) != 0
    else {
      throw OperatorError.unsupportedCache(format, headDimension: headDimension)
    }
    return nk_kv_block_bytes(&described)
  }
}

extension KVFormat {
  /// The format as kernels know it, nil when they do not.
  func kernelFormat(role: Int32, headDimension: Int) -> nk_kv_format? {
    var described = nk_kv_format()
    described.role = role
    guard let dimension = Int32(exactly: headDimension) else { return nil }
    described.head_dim = dimension
    switch self {
    case .float(.f32): described.kind = Int32(NK_KV_F32)
    case .float(.f16): described.kind = Int32(NK_KV_F16)
    case .integer(let bits, let group):
      switch bits {
      case 8: described.kind = Int32(NK_KV_INT8)
      case 4: described.kind = Int32(NK_KV_INT4)
      default: return nil
      }
      described.group = Int32(Self.effectiveGroup(group, headDimension: headDimension))
    case .float: return nil
    }
    return described
  }
}

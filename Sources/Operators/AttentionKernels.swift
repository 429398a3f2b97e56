internal import CKernels

/// The attention and cache kernels of one provider.
struct AttentionKernels {
  let append: nk_kv_append_fn
  let read: nk_kv_read_fn
  let attention: nk_attention_fn
  let partial: nk_attention_partial_fn
  let transform: nk_transform_rows_fn

  init(_ provider: ExecutionProvider) {
    #if arch(x86_64)
      switch provider {
      case .avx512:
        append = nk_kv_append_avx512
        read = nk_kv_read_avx512
        attention = nk_attention_avx512
        partial = nk_attention_partial_avx512
        transform = nk_transform_rows_avx512
        return
      case .avx2:
        append = nk_kv_append_avx2
        read = nk_kv_read_avx2
        attention = nk_attention_avx2
        partial = nk_attention_partial_avx2
        transform = nk_transform_rows_avx2
        return
      case .generic: break
      }
    #endif
    append = nk_kv_append_generic
    read = nk_kv_read_generic
    attention = nk_attention_generic
    partial = nk_attention_partial_generic
    transform = nk_transform_rows_generic
  }
}

/// The size of the blocks a KV cache is made of.
package enum KVBlockLayout {
  /// Tokens of a block.
  package static let tokens = Int(NK_KV_BLOCK_TOKENS)
}

extension KVLayerCoding {
  /// Bytes of a block of keys of one head.
  package var keyBlockBytes: Int { keys[0].blockBytes }
  /// Bytes of a block of values of one head.
  package var valueBlockBytes: Int { values[0].blockBytes }
}

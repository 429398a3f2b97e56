internal import CKernels

/// The elementwise kernels of one provider.
struct ElementwiseKernels {
  typealias Norm =
    @convention(c) (
      UnsafePointer<Float>?, Int, UnsafePointer<Float>?, Float, UnsafeMutablePointer<Float>?, Int,
      Int, Int
    ) -> Void
  typealias AddNorm =
    @convention(c) (
      UnsafeMutablePointer<Float>?, Int, UnsafePointer<Float>?, Int, UnsafePointer<Float>?, Float,
      UnsafeMutablePointer<Float>?, Int, Int, Int
    ) -> Void
  typealias HeadNorm =
    @convention(c) (
      UnsafeMutablePointer<Float>?, Int, Int, Int, Int, Int, UnsafePointer<Float>?, Float
    ) -> Void
  typealias Rope =
    @convention(c) (
      UnsafeMutablePointer<Float>?, Int, Int, Int, Int, Int, UnsafePointer<Float>?,
      UnsafePointer<Float>?, Int
    ) -> Void
  typealias Gated =
    @convention(c) (
      UnsafePointer<Float>?, Int, UnsafePointer<Float>?, Int, UnsafeMutablePointer<Float>?, Int,
      Int, Int
    ) -> Void
  typealias Add =
    @convention(c) (
      UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int
    ) -> Void
  typealias LogSumExp = @convention(c) (UnsafePointer<Float>?, Int) -> Double
  typealias Compare =
    @convention(c) (UnsafePointer<Float>?, UnsafePointer<Float>?, Int) -> nk_error_sums
  typealias Divergence =
    @convention(c) (UnsafePointer<Float>?, UnsafePointer<Float>?, Int, Int) -> nk_kl_result

  let norm: Norm
  let addNorm: AddNorm
  let headNorm: HeadNorm
  let rope: Rope
  let swiglu: Gated
  let add: Add
  let logSumExp: LogSumExp
  let compare: Compare
  let divergence: Divergence

  init(_ provider: ExecutionProvider) {
    #if arch(x86_64)
      switch provider {
      case .avx512:
        norm = nk_rms_norm_avx512
        addNorm = nk_add_rms_norm_avx512
        headNorm = nk_head_rms_norm_avx512
        rope = nk_rope_avx512
        swiglu = nk_swiglu_avx512
        add = nk_add_avx512
        logSumExp = nk_log_sum_exp_avx512
        compare = nk_compare_avx512
        divergence = nk_kl_row_avx512
        return
      case .avx2:
        norm = nk_rms_norm_avx2
        addNorm = nk_add_rms_norm_avx2
        headNorm = nk_head_rms_norm_avx2
        rope = nk_rope_avx2
        swiglu = nk_swiglu_avx2
        add = nk_add_avx2
        logSumExp = nk_log_sum_exp_avx2
        compare = nk_compare_avx2
        divergence = nk_kl_row_avx2
        return
      case .generic: break
      }
    #endif
    norm = nk_rms_norm_generic
    addNorm = nk_add_rms_norm_generic
    headNorm = nk_head_rms_norm_generic
    rope = nk_rope_generic
    swiglu = nk_swiglu_generic
    add = nk_add_generic
    logSumExp = nk_log_sum_exp_generic
    compare = nk_compare_generic
    divergence = nk_kl_row_generic
  }
}

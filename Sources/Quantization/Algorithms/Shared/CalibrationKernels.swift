internal import CKernels
import Operators
import Platform

/// The kernels of calibration algebra of one provider.
///
/// They do what `ssyrk`, `sgemm`, `potrf` and `trtri` of OpenBLAS would, whose speed and last bits depend on its build,
/// its environment and its threads. Measured on two cores of a Zen 5 (together 520 GFLOP/s in float32, 260 in float64)
/// against Debian's 0.3.21: its `ssyrk` makes 220 GFLOP/s with `OPENBLAS_CORETYPE=Haswell` and 400 to 440 with the
/// AVX-512 kernels it picks by itself, its two LAPACK routines 80 to 110 and 120 to 165. Here the sums of moments make
/// 420 to 450 and the whole factorization, conversions included, 180, in half of the memory and with the same bits on
/// any number of threads.
struct CalibrationKernels {
  typealias Update =
    @convention(c) (
      Int, Int, UnsafePointer<Float>?, Int, Int, UnsafePointer<Float>?, Float,
      UnsafeMutablePointer<Float>?
    ) -> Void
  typealias WideUpdate =
    @convention(c) (
      Int, Int, UnsafePointer<Double>?, Int, Int, UnsafePointer<Double>?, Double,
      UnsafeMutablePointer<Double>?
    ) -> Void
  typealias InverseFactor =
    @convention(c) (UnsafeMutablePointer<Double>?, Int, UnsafeMutablePointer<Double>?) -> Int32
  typealias Round = @convention(c) (UnsafePointer<nk_gptq_block>?) -> Void

  /// Rows of a strip, the unit of an update.
  static let strip = Int(NK_STRIP)
  /// Columns of a panel of float32.
  static let panel = Int(NK_PANEL_FLOATS)
  /// Columns of a panel of float64.
  static let widePanel = Int(NK_PANEL_DOUBLES)

  let update: Update
  let wideUpdate: WideUpdate
  let inverseFactor: InverseFactor
  let round: Round

  init(_ provider: ExecutionProvider) {
    #if arch(x86_64)
      switch provider {
      case .avx512:
        update = nk_panel_update_f32_avx512
        wideUpdate = nk_panel_update_f64_avx512
        inverseFactor = nk_inverse_factor_f64_avx512
        round = nk_gptq_round_avx512
        return
      case .avx2:
        update = nk_panel_update_f32_avx2
        wideUpdate = nk_panel_update_f64_avx2
        inverseFactor = nk_inverse_factor_f64_avx2
        round = nk_gptq_round_avx2
        return
      case .generic: break
      }
    #endif
    update = nk_panel_update_f32_generic
    wideUpdate = nk_panel_update_f64_generic
    inverseFactor = nk_inverse_factor_f64_generic
    round = nk_gptq_round_generic
  }
}

/// Calls `body` once for each of `0..<chunks`, shared over `pool` or, without one, here.
func eachChunk(_ chunks: Int, on pool: WorkerPool?, _ body: (_ chunk: Int) -> Void) {
  if let pool {
    pool.run(chunks: chunks) { chunk, _ in body(chunk) }
  } else {
    for chunk in 0..<chunks { body(chunk) }
  }
}

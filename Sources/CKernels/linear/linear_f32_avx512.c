// F32 weights times F32 activations with AVX-512.
#if defined(__x86_64__)

#include "linear_tile_avx512.h"

DEFINE_TILES(NK_ACTIVATION_F32, 1, 64)
DEFINE_TILES(NK_ACTIVATION_F32, 4, 64)

static const tile_set tiles = {tiles_1_64, tiles_4_64, tiles_4_64};

enum { CHAINS = 8 };  // independent sums that hide the latency of an FMA

// One token times one panel: one sequential stream.
INLINE_AVX512 void multiply_one_token(const nk_linear_weight *weight,
                                      const linear_layout *layout, size_t panel,
                                      const nk_activations *x, float *out) {
  const uint8_t *w = panel_at(weight, layout, panel);
  const float *a = x->values;
  __m512 sum[CHAINS];
  for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_setzero_ps();
  for (size_t k = 0; k < layout->padded_cols; k += CHAINS, w += CHAINS * CHUNK) {
#pragma clang loop unroll(full)
    for (int i = 0; i < CHAINS; i++) {
      const __m512 weights = _mm512_loadu_ps(w + i * CHUNK);
      sum[i] = _mm512_fmadd_ps(weights, _mm512_set1_ps(a[k + i]), sum[i]);
    }
  }
  for (int half = CHAINS / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) sum[i] = _mm512_add_ps(sum[i], sum[i + half]);
  }
  _mm512_mask_storeu_ps(out, row_mask(rows_in_panel(weight, panel)), sum[0]);
}

TARGET_AVX512 void nk_linear_f32_f32_avx512(const nk_linear_weight *weight, size_t panel_begin,
                                            size_t panel_end, const nk_activations *x,
                                            float *out, size_t ld_out, void *scratch) {
  if (x->tokens == 1) {
    const linear_layout layout = layout_of(weight);
    for (size_t panel = panel_begin; panel < panel_end; panel++) {
      multiply_one_token(weight, &layout, panel, x, out + panel * NK_PANEL_ROWS);
    }
  } else if (x->tokens > 0) {
    multiply_tokens(NK_ACTIVATION_F32, NK_WEIGHT_F32, &tiles, weight, panel_begin, panel_end, x,
                    out, ld_out, scratch);
  }
}

#endif

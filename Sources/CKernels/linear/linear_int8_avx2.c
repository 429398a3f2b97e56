// INT8 weights, or codes of 2 to 4 bits, times INT8 activations with AVX2.
//
// vpmaddubsw saturates at int16 and is not used: codes and activations are widened to int16
// (even and odd bytes apart) for vpmaddwd, which is exact.
#if defined(__x86_64__)

#include "linear_avx2.h"

enum { TILE_TOKENS = 4 };

// Adds columns [begin, end) of a panel times `tokens` tokens to int32 sums of 2 x 8 rows.
INLINE_AVX2 void multiply_columns(const int tokens, nk_weight_kind kind, const uint8_t *block,
                                  const uint8_t *a, size_t stride, size_t columns,
                                  __m256i dot[TILE_TOKENS][2]) {
  const __m256i low_byte = _mm256_set1_epi16(255);
  for (size_t k = 0; k < columns; k += NK_COLUMN_BLOCK, block += column_block_bytes(kind)) {
#pragma clang loop unroll(full)
    for (int quad = 0; quad < 8; quad++) {
      __m256i even[2], odd[2];
#pragma clang loop unroll(full)
      for (int half = 0; half < 2; half++) {
        const __m256i codes = unpack_quad(kind, block, quad, half);
        even[half] = _mm256_and_si256(codes, low_byte);
        odd[half] = _mm256_srli_epi16(codes, 8);
      }
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; t++) {
        const __m256i x = broadcast_step(a + t * stride + k + 4 * quad);
        const __m256i x_even = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
        const __m256i x_odd = _mm256_srai_epi16(x, 8);
#pragma clang loop unroll(full)
        for (int half = 0; half < 2; half++) {
          const __m256i e = _mm256_madd_epi16(even[half], x_even);
          const __m256i o = _mm256_madd_epi16(odd[half], x_odd);
          dot[t][half] = _mm256_add_epi32(dot[t][half], _mm256_add_epi32(e, o));
        }
      }
    }
  }
}

// One panel times the `tokens` tokens from `first`; `out` is the first one's.
INLINE_AVX2 void multiply_panel(const int tokens, nk_weight_kind kind,
                                const nk_linear_weight *weight, const linear_layout *layout,
                                size_t panel, const nk_activations *x, size_t first, float *out,
                                size_t ld_out) {
  const size_t block = block_columns(kind, NK_ACTIVATION_INT8);
  const int is_real = weight->zero_points == NK_ZERO_POINTS_REAL;
  __m256 value[TILE_TOKENS][2];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) value[t][0] = value[t][1] = _mm256_setzero_ps();

  segment_cursor at = first_segment(layout, panel_at(weight, layout, panel), block);
  for (; at.begin < at.end; next_segment(&at, layout, block)) {
    const uint8_t *a = (const uint8_t *)x->values + first * x->stride + at.begin;
    __m256i dot[TILE_TOKENS][2];
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) dot[t][0] = dot[t][1] = _mm256_setzero_si256();
    multiply_columns(tokens, kind, at.values, a, x->stride, at.end - at.begin, dot);

#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      const __m256 scale = segment_scales(&at, layout, half);
      const __m256i zeros = segment_zeros(&at, weight, layout, half);
      const __m256 offsets =
          is_real ? segment_offsets(&at, weight, layout, half) : _mm256_setzero_ps();
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; t++) {
        const int32_t *sums = x->running + (first + t) * x->sum_stride;
        const int32_t sum = sums[at.end / NK_COLUMN_BLOCK] - sums[at.begin / NK_COLUMN_BLOCK];
        const __m256i shift = _mm256_mullo_epi32(zeros, _mm256_set1_epi32(sum));
        __m256 centred = _mm256_cvtepi32_ps(_mm256_sub_epi32(dot[t][half], shift));
        if (is_real) {
          centred = _mm256_fnmadd_ps(offsets, _mm256_set1_ps((float)sum), centred);
        }
        value[t][half] = _mm256_fmadd_ps(centred, scale, value[t][half]);
      }
    }
  }

  const size_t rows = rows_in_panel(weight, panel);
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    const __m256 token_scale = _mm256_set1_ps(x->scales[first + t]);
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      _mm256_maskstore_ps(out + t * ld_out + half * HALF_ROWS, row_mask(rows, half),
                          _mm256_mul_ps(value[t][half], token_scale));
    }
  }
}

INLINE_AVX2 void linear(nk_weight_kind kind, const nk_linear_weight *weight, size_t panel_begin,
                        size_t panel_end, const nk_activations *x, float *out, size_t ld_out) {
  const linear_layout layout = layout_of(weight);
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    float *to = out + panel * NK_PANEL_ROWS;
    size_t t = 0;
    for (; t + TILE_TOKENS <= x->tokens; t += TILE_TOKENS) {
      multiply_panel(TILE_TOKENS, kind, weight, &layout, panel, x, t, to + t * ld_out, ld_out);
    }
    for (; t < x->tokens; t++) {
      multiply_panel(1, kind, weight, &layout, panel, x, t, to + t * ld_out, ld_out);
    }
  }
}

#define DEFINE_LINEAR(name, kind)                                                            \
  TARGET_AVX2 void nk_linear_##name##_int8_avx2(                                             \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                  \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                   \
    (void)scratch;                                                                           \
    linear(kind, weight, panel_begin, panel_end, x, out, ld_out);                            \
  }

DEFINE_LINEAR(int8, NK_WEIGHT_INT8)
DEFINE_LINEAR(int4, NK_WEIGHT_INT4)
DEFINE_LINEAR(int3, NK_WEIGHT_INT3)
DEFINE_LINEAR(int2, NK_WEIGHT_INT2)

#endif

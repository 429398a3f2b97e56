// Blocks of GGUF files times INT8 or INT16 activations in blocks of 32 with AVX2.
//
// vpmaddubsw saturates at int16 and is not used: codes and activations are widened to int16 (even and odd bytes apart) for
// vpmaddwd, which is exact.
#if defined(__x86_64__)

#include "block_avx2.h"
#include "block_kernels.h"

enum { TILE_TOKENS = 4 };

// Adds quads [begin, end) of a block of columns times some tokens to int32 sums of 2 x 8 rows.
INLINE_AVX2 void add_quads(nk_weight_kind kind, const int tokens, const uint8_t *values,
                           const int begin, const int end, const uint8_t *a, size_t stride,
                           __m256i dot[TILE_TOKENS][2]) {
  const __m256i low_byte = _mm256_set1_epi16(255);
#pragma clang loop unroll(full)
  for (int quad = begin; quad < end; quad++) {
    __m256i even[2], odd[2];
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      const __m256i codes = block_quad(kind, values, quad, half);
      even[half] = _mm256_and_si256(codes, low_byte);
      odd[half] = _mm256_srli_epi16(codes, 8);
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const __m256i x = broadcast_step(a + t * stride + 4 * quad);
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

// Adds block `b` of a span times the tokens from `first` on to their results, of K types to those of a stretch.
INLINE_AVX2 void add_block(nk_activation_kind activation, nk_weight_kind kind, const int tokens,
                           const block_span *span, size_t b,
                           const nk_activations *x, size_t first,
                           __m256 value[TILE_TOKENS][2]) {
  const uint8_t *values = block_values(kind, span, b);
  const size_t block = span->first + b;
  const uint8_t *a =
      (const uint8_t *)x->values + first * x->stride + block * input_bytes(activation);
  const int parts = (int)(NK_COLUMN_BLOCK / scale_columns(kind)), quads = 8 / parts;
#pragma clang loop unroll(full)
  for (int part = 0; part < parts; part++) {
    __m256i dot[TILE_TOKENS][2];
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) dot[t][0] = dot[t][1] = _mm256_setzero_si256();
    add_quads(kind, tokens, values, part * quads, (part + 1) * quads, a, x->stride, dot);
    if (activation == NK_ACTIVATION_INT16_BLOCKS) {
      // The high parts are done; the low ones follow them.
#pragma clang loop unroll(full)
      for (int i = 0; i < 2 * tokens; i++) dot[i / 2][i % 2] = _mm256_slli_epi32(dot[i / 2][i % 2], 8);
      add_quads(kind, tokens, values, part * quads, (part + 1) * quads, a + NK_COLUMN_BLOCK,
                x->stride, dot);
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const size_t at = (first + (size_t)t) * x->sum_stride + block;
      const int32_t *halves = x->halves + 2 * at;
      const int32_t sum = parts == 2 ? halves[part] : halves[0] + halves[1];
      const __m256i shift = _mm256_set1_epi32(sum * block_zero(kind));
      const __m256 token_scale = _mm256_set1_ps(x->scales[at]);
#pragma clang loop unroll(full)
      for (int half = 0; half < 2; half++) {
        const __m256i centred = _mm256_sub_epi32(dot[t][half], shift);
        if (is_super_kind(kind)) {
          const __m256i codes = scale_codes(kind, span, b, (size_t)part, half);
          const __m256 sum = _mm256_cvtepi32_ps(_mm256_mullo_epi32(centred, codes));
          value[t][half] = _mm256_fmadd_ps(sum, token_scale, value[t][half]);
        } else {
          value[t][half] =
              _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(centred), token_scale),
                              block_scales(kind, span, b, (size_t)part, half), value[t][half]);
        }
      }
    }
  }
  if (!has_minima(kind) || is_super_kind(kind)) return;
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    const __m256 sum = _mm256_set1_ps(x->sums[(first + (size_t)t) * x->sum_stride + block]);
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      value[t][half] = _mm256_fmadd_ps(sum, block_minima(kind, span, b, half), value[t][half]);
    }
  }
}

// Merges what a stretch of a K type gave from block `b` on, in units of the scale above it.
INLINE_AVX2 void merge_stretch(nk_weight_kind kind, const int tokens, const block_span *span,
                               size_t b, const nk_activations *x, size_t first,
                               __m256 stretch[TILE_TOKENS][2], __m256 value[TILE_TOKENS][2]) {
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; half++) {
    const __m256 super = super_scales(kind, span, b, half);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      value[t][half] = _mm256_fmadd_ps(super, stretch[t][half], value[t][half]);
      if (!has_minima(kind)) continue;
      const float *sums = x->sums + (first + (size_t)t) * x->sum_stride + span->first + b;
      __m256 minima = _mm256_setzero_ps();
      for (size_t i = 0; i < STRETCH_BLOCKS; i++) {
        const __m256 codes = _mm256_cvtepi32_ps(eight_six_bits(span, b + i, half, 1));
        minima = _mm256_fmadd_ps(_mm256_set1_ps(sums[i]), codes, minima);
      }
      value[t][half] = _mm256_fmadd_ps(super_minima(span, half), minima, value[t][half]);
    }
  }
}

// One panel times the tokens from `first` on; `out` is the first one's.
INLINE_AVX2 void multiply_panel(nk_activation_kind activation, nk_weight_kind kind,
                                const int tokens,
                                const block_layout *layout, const uint8_t *panel, size_t rows,
                                const nk_activations *x, size_t first, float *out, size_t ld_out) {
  __m256 value[TILE_TOKENS][2];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) value[t][0] = value[t][1] = _mm256_setzero_ps();
  for (size_t begin = 0; begin < layout->blocks; begin += span_blocks(kind)) {
    const block_span span = span_at(kind, layout, panel, begin);
    for (size_t b = 0; b < span.count; b += STRETCH_BLOCKS) {
      __m256 stretch[TILE_TOKENS][2];
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; t++) stretch[t][0] = stretch[t][1] = _mm256_setzero_ps();
      const size_t end = smaller(b + STRETCH_BLOCKS, span.count);
      for (size_t i = b; i < end; i++) {
        add_block(activation, kind, tokens, &span, i, x, first,
                  is_super_kind(kind) ? stretch : value);
      }
      if (is_super_kind(kind)) merge_stretch(kind, tokens, &span, b, x, first, stretch, value);
    }
  }
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    _mm256_maskstore_ps(out + t * ld_out, row_mask(rows, 0), value[t][0]);
    _mm256_maskstore_ps(out + t * ld_out + HALF_ROWS, row_mask(rows, 1), value[t][1]);
  }
}

INLINE_AVX2 void linear(nk_activation_kind activation, nk_weight_kind kind, const nk_linear_weight *weight, size_t panel_begin,
                        size_t panel_end, const nk_activations *x, float *out, size_t ld_out) {
  const block_layout layout = block_layout_of(kind, weight->cols);
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    const uint8_t *from = (const uint8_t *)weight->packed + panel * layout.panel_bytes;
    const size_t rows = rows_in_panel(weight, panel);
    float *to = out + panel * NK_PANEL_ROWS;
    size_t t = 0;
    for (; t + TILE_TOKENS <= x->tokens; t += TILE_TOKENS) {
      multiply_panel(activation, kind, TILE_TOKENS, &layout, from, rows, x, t, to + t * ld_out, ld_out);
    }
    for (; t < x->tokens; t++) {
      multiply_panel(activation, kind, 1, &layout, from, rows, x, t, to + t * ld_out, ld_out);
    }
  }
}

#define DEFINE_LINEAR(name, inputs, activation, kind)                                        \
  TARGET_AVX2 void nk_linear_##name##_##inputs##_avx2(                                       \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                  \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                   \
    (void)scratch;                                                                           \
    linear(activation, kind, weight, panel_begin, panel_end, x, out, ld_out);                \
  }
#define DEFINE_BOTH(name, kind)                                   \
  DEFINE_LINEAR(name, int8g32, NK_ACTIVATION_INT8_BLOCKS, kind)   \
  DEFINE_LINEAR(name, int16g32, NK_ACTIVATION_INT16_BLOCKS, kind)

FOR_BLOCK_TYPES(DEFINE_BOTH)

#endif

// Blocks of GGUF files times BF16 activations with AVX2.
//
// AVX2 has no bfloat16 arithmetic: weights are decoded to float32 in scratch, a span of a panel at a time, and multiplied
// by activations widened on the fly.
#if defined(__x86_64__)

#include "block_avx2.h"
#include "block_kernels.h"

// Sums of more columns would lose too much to rounding.
enum { TILE_TOKENS = 4, DECODED_BLOCKS = 16, SUMMED_BLOCKS = 2 };

_Static_assert(DECODED_BLOCKS * NK_COLUMN_BLOCK * NK_PANEL_ROWS * sizeof(float) <= SCRATCH_BYTES,
               "a span needs more scratch than is asked for");

// Decodes block `b` of a span to [column][16 rows], columns in the order 0, 2, 1, 3.
INLINE_AVX2 void decode_block(nk_weight_kind kind, const block_span *span, size_t b, float *to) {
  const uint8_t *values = block_values(kind, span, b);
  const __m256i byte = _mm256_set1_epi32(255), zero = _mm256_set1_epi32(block_zero(kind));
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; half++) {
    const __m256 scales[2] = {block_scales(kind, span, b, 0, half),
                              block_scales(kind, span, b, 1, half)};
    const __m256 minima =
        has_minima(kind) ? block_minima(kind, span, b, half) : _mm256_setzero_ps();
#pragma clang loop unroll(full)
    for (int quad = 0; quad < 8; quad++) {
      const __m256i codes = block_quad(kind, values, quad, half);
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) {
        const int column = i % 2 * 2 + i / 2;
        const __m256i code = _mm256_and_si256(_mm256_srli_epi32(codes, column * 8), byte);
        const __m256 level = _mm256_cvtepi32_ps(_mm256_sub_epi32(code, zero));
        const __m256 scale = scales[scale_columns(kind) == HALF_COLUMNS ? quad / 4 : 0];
        const __m256 product = _mm256_mul_ps(scale, level);
        const __m256 value = has_minima(kind) ? _mm256_add_ps(product, minima) : product;
        _mm256_storeu_ps(to + (4 * quad + i) * NK_PANEL_ROWS + half * HALF_ROWS, value);
      }
    }
  }
}

// Adds `columns` decoded columns of a panel times some tokens to their outputs; `out` is the first one's.
INLINE_AVX2 void multiply_columns(const int tokens, const float *w, const uint8_t *a,
                                  size_t stride, size_t columns, int is_first, size_t rows,
                                  float *out, size_t ld_out) {
  const __m256i high_half = _mm256_set1_epi32((int)0xffff0000);
  __m256 dot[TILE_TOKENS][2];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) dot[t][0] = dot[t][1] = _mm256_setzero_ps();
  for (size_t k = 0; k < columns; k += 2, a += 4, w += 2 * NK_PANEL_ROWS) {
    __m256 weights[4];
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) weights[i] = _mm256_loadu_ps(w + i * HALF_ROWS);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const __m256i step = broadcast_step(a + t * stride);
      const __m256 x0 = _mm256_castsi256_ps(_mm256_slli_epi32(step, 16));
      const __m256 x1 = _mm256_castsi256_ps(_mm256_and_si256(step, high_half));
#pragma clang loop unroll(full)
      for (int half = 0; half < 2; half++) {
        dot[t][half] = _mm256_fmadd_ps(weights[half], x0, dot[t][half]);
        dot[t][half] = _mm256_fmadd_ps(weights[2 + half], x1, dot[t][half]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      float *to = out + t * ld_out + half * HALF_ROWS;
      const __m256i mask = row_mask(rows, half);
      const __m256 old = is_first ? _mm256_setzero_ps() : _mm256_maskload_ps(to, mask);
      _mm256_maskstore_ps(to, mask, _mm256_add_ps(old, dot[t][half]));
    }
  }
}

INLINE_AVX2 void linear(nk_weight_kind kind, const nk_linear_weight *weight, size_t panel_begin,
                        size_t panel_end, const nk_activations *x, float *out, size_t ld_out,
                        void *scratch) {
  const block_layout layout = block_layout_of(kind, weight->cols);
  float *decoded = aligned_scratch(scratch);
  if (x->tokens == 0) return;
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    const uint8_t *from = (const uint8_t *)weight->packed + panel * layout.panel_bytes;
    const size_t rows = rows_in_panel(weight, panel);
    for (size_t first = 0; first < layout.blocks; first += span_blocks(kind)) {
      const block_span span = span_at(kind, &layout, from, first);
      for (size_t b = 0; b < span.count; b++) {
        decode_block(kind, &span, b, decoded + b * NK_COLUMN_BLOCK * NK_PANEL_ROWS);
      }
      for (size_t b = 0; b < span.count; b += SUMMED_BLOCKS) {
        const size_t columns = smaller(span.count - b, SUMMED_BLOCKS) * NK_COLUMN_BLOCK;
        const float *w = decoded + b * NK_COLUMN_BLOCK * NK_PANEL_ROWS;
        const uint8_t *a = (const uint8_t *)x->values + (first + b) * NK_COLUMN_BLOCK * 2;
        const int is_first = first + b == 0;
        float *to = out + panel * NK_PANEL_ROWS;
        size_t t = 0;
        for (; t + TILE_TOKENS <= x->tokens; t += TILE_TOKENS) {
          multiply_columns(TILE_TOKENS, w, a + t * x->stride, x->stride, columns, is_first, rows,
                           to + t * ld_out, ld_out);
        }
        for (; t < x->tokens; t++) {
          multiply_columns(1, w, a + t * x->stride, x->stride, columns, is_first, rows,
                           to + t * ld_out, ld_out);
        }
      }
    }
  }
}

#define DEFINE_LINEAR(name, kind)                                                            \
  TARGET_AVX2 void nk_linear_##name##_bf16_avx2(                                             \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                  \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                   \
    linear(kind, weight, panel_begin, panel_end, x, out, ld_out, scratch);                   \
  }

FOR_BLOCK_TYPES(DEFINE_LINEAR)

#endif

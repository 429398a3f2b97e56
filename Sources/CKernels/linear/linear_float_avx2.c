// F32 activations, and BF16 ones with BF16 weights or codes of 2 to 8 bits, with AVX2.
//
// AVX2 has no bfloat16 arithmetic: weights are unpacked to float32 in scratch, a block of
// columns at a time, activations on the fly. F32 weights are read where they lie.
#if defined(__x86_64__)

#include "linear_avx2.h"

enum { TILE_TOKENS = 4, BLOCK_COLUMNS = 128 };

_Static_assert(BLOCK_COLUMNS * NK_PANEL_ROWS * sizeof(float) <= SCRATCH_BYTES,
               "a block needs more scratch than is asked for");

// What codes of up to 4 bits mean, as two registers of 8.
typedef struct code_values {
  __m256 low, high;
} code_values;

INLINE_AVX2 code_values code_values_of(const nk_linear_weight *weight,
                                       const linear_layout *layout) {
  float values[16];
  const int bits = layout->bits < 4 ? layout->bits : 4;
  for (int i = 0; i < 16; i++) {
    const int code = i & ((1 << bits) - 1);
    values[i] = weight->codebook ? float_of_bf16(flushed_bf16(weight->codebook[code]))
                                 : (float)(code - layout->symmetric_zero);
  }
  return (code_values){_mm256_loadu_ps(values), _mm256_loadu_ps(values + 8)};
}

// 8-bit floats in the low bytes of 8 lanes: float8_to_float() in vectors.
INLINE_AVX2 __m256 decode_float8(nk_weight_kind kind, __m256i codes) {
  const __m256i magnitude = _mm256_slli_epi32(_mm256_and_si256(codes, _mm256_set1_epi32(127)),
                                              kind == NK_WEIGHT_E4M3 ? 20 : 21);
  const __m256i sign =
      _mm256_slli_epi32(_mm256_and_si256(codes, _mm256_set1_epi32(128)), 24);
  const __m256 up = _mm256_set1_ps(kind == NK_WEIGHT_E4M3 ? 0x1p120f : 0x1p112f);
  const __m256 value = _mm256_mul_ps(_mm256_castsi256_ps(magnitude), up);
  return _mm256_or_ps(value, _mm256_castsi256_ps(sign));
}

INLINE_AVX2 __m256 decode(nk_weight_kind kind, __m256i codes, code_values values) {
  if (is_float8(kind)) return decode_float8(kind, codes);
  if (kind == NK_WEIGHT_INT8) {
    return _mm256_sub_ps(_mm256_cvtepi32_ps(codes), _mm256_set1_ps(128));
  }
  const __m256 low = _mm256_permutevar8x32_ps(values.low, codes);
  if (kind != NK_WEIGHT_INT4) return low;
  const __m256 high = _mm256_permutevar8x32_ps(values.high, codes);
  // Bit 3 of the code as the sign that chooses.
  const __m256i choice = _mm256_slli_epi32(codes, 28);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(choice));
}

// Unpacks columns of a panel to [column][16 rows], columns in the order 0, 2, 1, 3.
INLINE_AVX2 void unpack_block(nk_weight_kind kind, const uint8_t *block, size_t columns,
                              code_values values, float *to) {
  const __m256i high_half = _mm256_set1_epi32((int)0xffff0000), byte = _mm256_set1_epi32(255);
  for (; columns > 0; columns -= NK_COLUMN_BLOCK, block += column_block_bytes(kind)) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
#pragma clang loop unroll(full)
      for (int half = 0; half < 2; half++) {
        float *at = to + 2 * i * NK_PANEL_ROWS + half * HALF_ROWS;
        if (kind == NK_WEIGHT_BF16) {
          const __m256i pair = load_bytes(block + i * CHUNK + half * CHUNK / 2);
          _mm256_storeu_ps(at, _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16)));
          _mm256_storeu_ps(at + NK_PANEL_ROWS,
                           _mm256_castsi256_ps(_mm256_and_si256(pair, high_half)));
        } else {
          const __m256i codes =
              _mm256_srli_epi32(unpack_quad(kind, block, i / 2, half), i % 2 * 8);
          const __m256i first = _mm256_and_si256(codes, byte);
          const __m256i second = _mm256_and_si256(_mm256_srli_epi32(codes, 16), byte);
          _mm256_storeu_ps(at, decode(kind, first, values));
          _mm256_storeu_ps(at + NK_PANEL_ROWS, decode(kind, second, values));
        }
      }
    }
    to += NK_COLUMN_BLOCK * NK_PANEL_ROWS;
  }
}

// Sums of products of `columns` columns of a panel and some tokens.
INLINE_AVX2 void multiply_columns(nk_activation_kind activation, const int tokens,
                                  const float *w, const uint8_t *a, size_t stride,
                                  size_t columns, __m256 dot[TILE_TOKENS][2]) {
  const __m256i high_half = _mm256_set1_epi32((int)0xffff0000);
  const int per_step = activation == NK_ACTIVATION_BF16 ? 2 : 1;
  for (size_t k = 0; k < columns; k += per_step, a += 4, w += per_step * NK_PANEL_ROWS) {
    __m256 weights[2][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < per_step; i++) {
      weights[i][0] = _mm256_loadu_ps(w + i * NK_PANEL_ROWS);
      weights[i][1] = _mm256_loadu_ps(w + i * NK_PANEL_ROWS + HALF_ROWS);
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const __m256i step = broadcast_step(a + t * stride);
      if (activation == NK_ACTIVATION_F32) {
        const __m256 x = _mm256_castsi256_ps(step);
        dot[t][0] = _mm256_fmadd_ps(weights[0][0], x, dot[t][0]);
        dot[t][1] = _mm256_fmadd_ps(weights[0][1], x, dot[t][1]);
      } else {
        const __m256 x0 = _mm256_castsi256_ps(_mm256_slli_epi32(step, 16));
        const __m256 x1 = _mm256_castsi256_ps(_mm256_and_si256(step, high_half));
        dot[t][0] = _mm256_fmadd_ps(weights[0][0], x0, dot[t][0]);
        dot[t][1] = _mm256_fmadd_ps(weights[0][1], x0, dot[t][1]);
        dot[t][0] = _mm256_fmadd_ps(weights[1][0], x1, dot[t][0]);
        dot[t][1] = _mm256_fmadd_ps(weights[1][1], x1, dot[t][1]);
      }
    }
  }
}

// A segment of one panel, and where its values are as float32.
typedef struct float_segment {
  const nk_linear_weight *weight;
  const linear_layout *layout;
  segment_cursor at;
  const float *values;
  size_t rows;
} float_segment;

// Adds a segment times the `tokens` tokens from `first` to `out`, which is the first one's.
INLINE_AVX2 void multiply_segment(nk_activation_kind activation, const int tokens,
                                  const float_segment *s, const nk_activations *x, size_t first,
                                  float *out, size_t ld_out) {
  const size_t width = activation == NK_ACTIVATION_BF16 ? 2 : 4;
  const size_t begin = s->at.begin, end = s->at.end;
  const uint8_t *a = (const uint8_t *)x->values + first * x->stride + begin * width;
  __m256 dot[TILE_TOKENS][2];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) dot[t][0] = dot[t][1] = _mm256_setzero_ps();
  multiply_columns(activation, tokens, s->values, a, x->stride, end - begin, dot);

  const int has_zeros = s->weight->zero_points != NK_ZERO_POINTS_FIXED;
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; half++) {
    const __m256 scale = segment_scales(&s->at, s->layout, half);
    const __m256 offsets = has_zeros ? segment_offsets(&s->at, s->weight, s->layout, half)
                                     : _mm256_setzero_ps();
    const __m256i rows = row_mask(s->rows, half);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      __m256 value = dot[t][half];
      if (has_zeros) {
        const __m256 sum = _mm256_set1_ps(sum_of_blocks(x->sums + (first + t) * x->sum_stride, begin, end));
        value = _mm256_fnmadd_ps(sum, offsets, value);
      }
      float *to = out + t * ld_out + half * HALF_ROWS;
      const __m256 old = begin == 0 ? _mm256_setzero_ps() : _mm256_maskload_ps(to, rows);
      _mm256_maskstore_ps(to, rows, _mm256_fmadd_ps(value, scale, old));
    }
  }
}

INLINE_AVX2 void linear(nk_activation_kind activation, nk_weight_kind kind,
                        const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,
                        const nk_activations *x, float *out, size_t ld_out, void *scratch) {
  if (x->tokens == 0) return;
  const linear_layout layout = layout_of(weight);
  const int is_unpacked = kind != NK_WEIGHT_F32;
  const size_t block = is_unpacked ? BLOCK_COLUMNS : block_columns(kind, activation);
  const code_values values = code_values_of(weight, &layout);
  float *unpacked = aligned_scratch(scratch);
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    float *to = out + panel * NK_PANEL_ROWS;
    const segment_cursor start = first_segment(&layout, panel_at(weight, &layout, panel), block);
    float_segment s = {weight, &layout, start, unpacked, rows_in_panel(weight, panel)};
    for (; s.at.begin < s.at.end; next_segment(&s.at, &layout, block)) {
      if (is_unpacked) {
        unpack_block(kind, s.at.values, s.at.end - s.at.begin, values, unpacked);
      } else {
        s.values = (const float *)s.at.values;
      }
      size_t t = 0;
      for (; t + TILE_TOKENS <= x->tokens; t += TILE_TOKENS) {
        multiply_segment(activation, TILE_TOKENS, &s, x, t, to + t * ld_out, ld_out);
      }
      for (; t < x->tokens; t++) {
        multiply_segment(activation, 1, &s, x, t, to + t * ld_out, ld_out);
      }
    }
  }
}

#define DEFINE_LINEAR(name, activation, kind)                                                \
  TARGET_AVX2 void nk_linear_##name##_avx2(                                                  \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                  \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                   \
    linear(activation, kind, weight, panel_begin, panel_end, x, out, ld_out, scratch);       \
  }

DEFINE_LINEAR(f32_f32, NK_ACTIVATION_F32, NK_WEIGHT_F32)
DEFINE_LINEAR(bf16_bf16, NK_ACTIVATION_BF16, NK_WEIGHT_BF16)
DEFINE_LINEAR(int8_bf16, NK_ACTIVATION_BF16, NK_WEIGHT_INT8)
DEFINE_LINEAR(int4_bf16, NK_ACTIVATION_BF16, NK_WEIGHT_INT4)
DEFINE_LINEAR(int3_bf16, NK_ACTIVATION_BF16, NK_WEIGHT_INT3)
DEFINE_LINEAR(int2_bf16, NK_ACTIVATION_BF16, NK_WEIGHT_INT2)
DEFINE_LINEAR(e4m3_bf16, NK_ACTIVATION_BF16, NK_WEIGHT_E4M3)
DEFINE_LINEAR(e5m2_bf16, NK_ACTIVATION_BF16, NK_WEIGHT_E5M2)

#endif

// Conversion of float32 inputs into what linears read: AVX2.
#if defined(__x86_64__)

#include <float.h>

#include "linear_avx2.h"

// 32 columns of a token; the last ones are copied to `tail` and padded with zeros.
INLINE_AVX2 const float *columns_at(const float *x, size_t k, size_t cols,
                                    float tail[NK_COLUMN_BLOCK]) {
  if (k + NK_COLUMN_BLOCK <= cols) return x + k;
  memset(tail, 0, NK_COLUMN_BLOCK * sizeof *tail);
  memcpy(tail, x + k, (cols - k) * sizeof *tail);
  return tail;
}

INLINE_AVX2 float sum_lanes(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

INLINE_AVX2 float largest_lane(__m256 v) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

INLINE_AVX2 void fill_f32(const nk_activations *to, const float *x, size_t token) {
  float *values = (float *)((uint8_t *)to->values + token * to->stride);
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    memcpy(values + k, columns_at(x, k, to->cols, tail), sizeof tail);
  }
}

// The bits of 8 floats rounded to bfloat16, in the upper halves: float_to_bf16() in vectors.
INLINE_AVX2 __m256i rounded_to_bf16(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff));
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
  const __m256i nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7f800000));
  const __m256i tiny = _mm256_cmpgt_epi32(_mm256_set1_epi32(0x00800000), magnitude);
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x00400000));
  const __m256i sign = _mm256_and_si256(bits, _mm256_set1_epi32((int)0x80000000));
  __m256i value = _mm256_add_epi32(bits, bias);
  value = _mm256_blendv_epi8(value, quiet, nan);
  value = _mm256_blendv_epi8(value, sign, tiny);
  return _mm256_and_si256(value, _mm256_set1_epi32((int)0xffff0000));
}

INLINE_AVX2 void fill_bf16(const nk_activations *to, const float *x, size_t token) {
  uint16_t *values = (uint16_t *)((uint8_t *)to->values + token * to->stride);
  float *sums = to->sums + token * to->sum_stride;
  float tail[NK_COLUMN_BLOCK];
  enum { ORDER = _MM_SHUFFLE(3, 1, 2, 0) };
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    __m256 sum = _mm256_setzero_ps();
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i += 8) {
      const __m256i wide = rounded_to_bf16(_mm256_loadu_ps(from + i));
      sum = _mm256_add_ps(sum, _mm256_castsi256_ps(wide));
      const __m256i upper = _mm256_srli_epi32(wide, 16);
      const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(upper),
                                              _mm256_extracti128_si256(upper, 1));
      const __m128i paired = _mm_shufflehi_epi16(_mm_shufflelo_epi16(packed, ORDER), ORDER);
      _mm_storeu_si128((__m128i *)(values + k + i), paired);
    }
    sums[k / NK_COLUMN_BLOCK] = sum_lanes(sum);
  }
}

// NaN as 0, infinities as the largest finite value.
INLINE_AVX2 __m256 finite_or_zero(__m256 x) {
  const __m256 ordered = _mm256_and_ps(x, _mm256_cmp_ps(x, x, _CMP_ORD_Q));
  return _mm256_min_ps(_mm256_max_ps(ordered, _mm256_set1_ps(-FLT_MAX)), _mm256_set1_ps(FLT_MAX));
}

INLINE_AVX2 __m128i quantized(const float *x, __m256 inverse) {
  const __m256 scaled = _mm256_mul_ps(finite_or_zero(_mm256_loadu_ps(x)), inverse);
  const __m256i most = _mm256_set1_epi32(127), least = _mm256_set1_epi32(-127);
  __m256i q = _mm256_cvtps_epi32(scaled);
  q = _mm256_max_epi32(_mm256_min_epi32(q, most), least);
  return _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
}

INLINE_AVX2 void fill_int8(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int32_t *running = to->running + token * to->sum_stride;
  const __m256 sign = _mm256_set1_ps(-0.0f);
  float tail[NK_COLUMN_BLOCK];
  __m256 largest_lanes = _mm256_setzero_ps();
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i += 8) {
      const __m256 v = _mm256_andnot_ps(sign, finite_or_zero(_mm256_loadu_ps(from + i)));
      largest_lanes = _mm256_max_ps(largest_lanes, v);
    }
  }
  const float largest = largest_lane(largest_lanes);
  const float inverse = int8_inverse_scale(largest);
  to->scales[token] = inverse > 0 ? largest / 127 : 0;
  const __m256 inverses = _mm256_set1_ps(inverse);
  running[0] = 0;
  for (size_t k = 0, block = 0; k < to->cols; k += NK_COLUMN_BLOCK, block++) {
    const float *from = columns_at(x, k, to->cols, tail);
    __m128i sums = _mm_setzero_si128();
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i += 16) {
      const __m128i a = quantized(from + i, inverses), b = quantized(from + i + 8, inverses);
      _mm_storeu_si128((__m128i *)(values + k + i), _mm_packs_epi16(a, b));
      sums = _mm_add_epi32(sums, _mm_madd_epi16(_mm_add_epi16(a, b), _mm_set1_epi16(1)));
    }
    sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(1, 0, 3, 2)));
    sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(2, 3, 0, 1)));
    running[block + 1] = running[block] + _mm_cvtsi128_si32(sums);
  }
}

TARGET_AVX2 void nk_activations_fill_avx2(const nk_activations *activations, const float *x,
                                          size_t ld_x, size_t token_begin, size_t token_end) {
  for (size_t token = token_begin; token < token_end; token++) {
    const float *row = x + token * ld_x;
    switch (activations->kind) {
      case NK_ACTIVATION_F32: fill_f32(activations, row, token); break;
      case NK_ACTIVATION_BF16: fill_bf16(activations, row, token); break;
      case NK_ACTIVATION_INT8: fill_int8(activations, row, token); break;
    }
  }
}

#endif

// Conversion of float32 inputs into what linears read: AVX-512.
#if defined(__x86_64__)

#include <float.h>

#include "linear_avx512.h"

// 32 columns of a token; the last ones are copied to `tail` and padded with zeros.
INLINE_AVX512 const float *columns_at(const float *x, size_t k, size_t cols,
                                      float tail[NK_COLUMN_BLOCK]) {
  if (k + NK_COLUMN_BLOCK <= cols) return x + k;
  memset(tail, 0, NK_COLUMN_BLOCK * sizeof *tail);
  memcpy(tail, x + k, (cols - k) * sizeof *tail);
  return tail;
}

INLINE_AVX512 void fill_f32(const nk_activations *to, const float *x, size_t token) {
  float *values = (float *)((uint8_t *)to->values + token * to->stride);
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    _mm512_storeu_ps(values + k, _mm512_loadu_ps(from));
    _mm512_storeu_ps(values + k + 16, _mm512_loadu_ps(from + 16));
  }
}

// 16 columns as bfloat16 in the order 0, 2, 1, 3.
INLINE_AVX512 __m256i paired_bf16(__m512 x) {
  const __m256i values = (__m256i)_mm512_cvtneps_pbh(x);
  enum { ORDER = _MM_SHUFFLE(3, 1, 2, 0) };
  return _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(values, ORDER), ORDER);
}

INLINE_AVX512 void fill_bf16(const nk_activations *to, const float *x, size_t token) {
  uint16_t *values = (uint16_t *)((uint8_t *)to->values + token * to->stride);
  float *sums = to->sums + token * to->sum_stride;
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    const __m256i a = paired_bf16(_mm512_loadu_ps(from));
    const __m256i b = paired_bf16(_mm512_loadu_ps(from + 16));
    _mm256_storeu_si256((__m256i *)(values + k), a);
    _mm256_storeu_si256((__m256i *)(values + k + 16), b);
    const __m512 wide_a = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(a), 16));
    const __m512 wide_b = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16));
    sums[k / NK_COLUMN_BLOCK] = _mm512_reduce_add_ps(_mm512_add_ps(wide_a, wide_b));
  }
}

// NaN as 0, infinities as the largest finite value.
INLINE_AVX512 __m512 finite_or_zero(__m512 x) {
  const __m512 most = _mm512_set1_ps(FLT_MAX), least = _mm512_set1_ps(-FLT_MAX);
  const __mmask16 ordered = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);
  return _mm512_maskz_min_ps(ordered, _mm512_max_ps(x, least), most);
}

INLINE_AVX512 float largest_magnitude(const float *x, size_t cols) {
  __m512 largest[4];
  for (int i = 0; i < 4; i++) largest[i] = _mm512_setzero_ps();
  size_t k = 0;
  for (; k + 64 <= cols; k += 64) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      const __m512 v = finite_or_zero(_mm512_loadu_ps(x + k + 16 * i));
      largest[i] = _mm512_max_ps(largest[i], _mm512_abs_ps(v));
    }
  }
  for (; k < cols; k += 16) {
    const __mmask16 mask = cols - k < 16 ? row_mask(cols - k) : 0xffff;
    const __m512 v = finite_or_zero(_mm512_maskz_loadu_ps(mask, x + k));
    largest[0] = _mm512_max_ps(largest[0], _mm512_abs_ps(v));
  }
  const __m512 a = _mm512_max_ps(largest[0], largest[1]);
  return _mm512_reduce_max_ps(_mm512_max_ps(a, _mm512_max_ps(largest[2], largest[3])));
}

INLINE_AVX512 __m128i quantized(const float *x, __m512 inverse) {
  const __m512 scaled = _mm512_mul_ps(finite_or_zero(_mm512_loadu_ps(x)), inverse);
  const __m512i most = _mm512_set1_epi32(127), least = _mm512_set1_epi32(-127);
  const __m512i q = _mm512_cvtps_epi32(scaled);
  return _mm512_cvtepi32_epi8(_mm512_max_epi32(_mm512_min_epi32(q, most), least));
}

INLINE_AVX512 int32_t sum_bytes(__m256i q) {
  const __m256i sums = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), q);
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(1, 0, 3, 2)));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(2, 3, 0, 1)));
  return _mm_cvtsi128_si32(s);
}

INLINE_AVX512 void fill_int8(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int32_t *running = to->running + token * to->sum_stride;
  const float largest = largest_magnitude(x, to->cols);
  const float inverse = int8_inverse_scale(largest);
  to->scales[token] = inverse > 0 ? largest / 127 : 0;
  const __m512 inverses = _mm512_set1_ps(inverse);
  float tail[NK_COLUMN_BLOCK];
  running[0] = 0;
  for (size_t k = 0, block = 0; k < to->cols; k += NK_COLUMN_BLOCK, block++) {
    const float *from = columns_at(x, k, to->cols, tail);
    const __m256i q = _mm256_set_m128i(quantized(from + 16, inverses), quantized(from, inverses));
    _mm256_storeu_si256((__m256i *)(values + k), q);
    running[block + 1] = running[block] + sum_bytes(q);
  }
}

TARGET_AVX512 void nk_activations_fill_avx512(const nk_activations *activations, const float *x,
                                              size_t ld_x, size_t token_begin,
                                              size_t token_end) {
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

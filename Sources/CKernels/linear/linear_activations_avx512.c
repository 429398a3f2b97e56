// Conversion of float32 inputs into what linears read: AVX-512.
#if defined(__x86_64__)

#include "linear_avx512.h"
#include "linear_coding.h"

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
  float *sums = to->sums == NULL ? NULL : to->sums + token * to->sum_stride;
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    const __m256i a = paired_bf16(_mm512_loadu_ps(from));
    const __m256i b = paired_bf16(_mm512_loadu_ps(from + 16));
    _mm256_storeu_si256((__m256i *)(values + k), a);
    _mm256_storeu_si256((__m256i *)(values + k + 16), b);
    if (sums == NULL) continue;
    const __m512 wide_a = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(a), 16));
    const __m512 wide_b = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16));
    sums[k / NK_COLUMN_BLOCK] = _mm512_reduce_add_ps(_mm512_add_ps(wide_a, wide_b));
  }
  to->scales[token] = 1;
  to->clipped[token] = 0;
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

INLINE_AVX512 void fill_plain_int8(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int32_t *running = to->running + token * to->sum_stride;
  const float largest = largest_magnitude(x, to->cols);
  const float inverse = int8_inverse_scale(largest);
  to->scales[token] = inverse > 0 ? largest / 127 : 0;
  to->zeros[token] = 0;
  to->clipped[token] = 0;
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

// 16 columns from `k`, finite; those after the last are 0.
INLINE_AVX512 __m512 finite_columns(const nk_activations *to, const float *x, size_t k,
                                    __mmask16 *there) {
  *there = to->cols - k < 16 ? row_mask(to->cols - k) : 0xffff;
  return finite_or_zero(_mm512_maskz_loadu_ps(*there, x + k));
}

// The range of the values that count for the scale of a token, and of 0.
INLINE_AVX512 void token_range(const nk_activations *to, const float *x, float *lowest,
                               float *highest) {
  __m512 low = _mm512_setzero_ps(), high = _mm512_setzero_ps();
  for (size_t k = 0; k < to->cols; k += 16) {
    __mmask16 counts;
    const __m512 v = finite_columns(to, x, k, &counts);
    if (to->columns != NULL && to->limit > 0) {
      const __m512 limit = _mm512_set1_ps(to->limit);
      counts &= _mm512_cmp_ps_mask(_mm512_abs_ps(v), limit, _CMP_LT_OQ);
    } else if (to->columns != NULL) {
      const __m512i columns = _mm512_loadu_si512(to->columns + k);
      counts &= _mm512_test_epi32_mask(columns, columns);
    }
    low = _mm512_mask_min_ps(low, counts, low, v);
    high = _mm512_mask_max_ps(high, counts, high, v);
  }
  *lowest = _mm512_reduce_min_ps(low);
  *highest = _mm512_reduce_max_ps(high);
}

TARGET_AVX512 void nk_column_maxima_avx512(const float *x, size_t ld_x, size_t tokens,
                                           size_t col_begin, size_t col_end, float *maxima) {
  for (size_t k = col_begin; k < col_end; k += 64) {
    __m512 largest[4];
    __mmask16 there[4];
    for (size_t i = 0; i < 4; i++) {
      const size_t at = k + 16 * i, left = at < col_end ? col_end - at : 0;
      there[i] = left < 16 ? row_mask(left) : 0xffff;
      largest[i] = _mm512_setzero_ps();
    }
    for (size_t token = 0; token < tokens; token++) {
      const float *row = x + token * ld_x + k;
#pragma clang loop unroll(full)
      for (size_t i = 0; i < 4; i++) {
        const __m512 v = _mm512_abs_ps(_mm512_maskz_loadu_ps(there[i], row + 16 * i));
        // The second operand is what a not-a-number yields to.
        largest[i] = _mm512_max_ps(v, largest[i]);
      }
    }
    for (size_t i = 0; i < 4; i++) {
      if (there[i] != 0) _mm512_mask_storeu_ps(maxima + k + 16 * i, there[i], largest[i]);
    }
  }
}

// INT8 codes other than the plain ones.
INLINE_AVX512 void fill_coded_int8(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int32_t *running = to->running + token * to->sum_stride;
  float lowest = 0, highest = 0;
  if (to->given_scale == 0) token_range(to, x, &lowest, &highest);
  const int8_coding coding = int8_coding_of(to, lowest, highest);
  const __m512 inverse = _mm512_set1_ps(coding.inverse), beyond = _mm512_set1_ps(BEYOND_CODES);
  const __m512i zero = _mm512_set1_epi32(coding.zero);
  const __m512i least = _mm512_set1_epi32(coding.least), most = _mm512_set1_epi32(coding.most);
  uint32_t clipped = 0;
  running[0] = 0;
  for (size_t k = 0; k < round_up(to->cols, NK_COLUMN_BLOCK); k += NK_COLUMN_BLOCK) {
    __m128i halves[2] = {_mm_setzero_si128(), _mm_setzero_si128()};
    for (size_t half = 0; half < 2 && k + 16 * half < to->cols; half++) {
      const size_t at = k + 16 * half;
      __mmask16 there;
      const __m512 v = finite_columns(to, x, at, &there);
      if (to->columns != NULL) {
        const __m512i columns = _mm512_loadu_si512(to->columns + at);
        there &= _mm512_test_epi32_mask(columns, columns);
      }
      __m512 scaled = _mm512_min_ps(_mm512_mul_ps(v, inverse), beyond);
      scaled = _mm512_max_ps(scaled, _mm512_sub_ps(_mm512_setzero_ps(), beyond));
      const __m512i code = _mm512_add_epi32(_mm512_cvtps_epi32(scaled), zero);
      const __m512i q = _mm512_max_epi32(_mm512_min_epi32(code, most), least);
      clipped += (uint32_t)__builtin_popcount(_mm512_mask_cmpneq_epi32_mask(there, code, q));
      halves[half] = _mm512_cvtepi32_epi8(_mm512_maskz_mov_epi32(there, q));
    }
    const __m256i q = _mm256_set_m128i(halves[1], halves[0]);
    _mm256_storeu_si256((__m256i *)(values + k), q);
    const size_t block = k / NK_COLUMN_BLOCK;
    running[block + 1] = running[block] + sum_bytes(q);
  }
  to->scales[token] = coding.scale;
  to->zeros[token] = coding.zero;
  to->clipped[token] = to->given_scale > 0 ? clipped : 0;
}

// rounded_to_float8() in vectors.
INLINE_AVX512 __m512 rounded_to_float8_lanes(float8_format format, __m512 x, uint32_t *clipped) {
  const __m512 largest = _mm512_set1_ps(format.largest), magnitude = _mm512_abs_ps(x);
  *clipped += (uint32_t)__builtin_popcount(_mm512_cmp_ps_mask(magnitude, largest, _CMP_GT_OQ));
  const __m512 held = _mm512_min_ps(magnitude, largest);
  __m512i exponent = _mm512_and_si512(_mm512_castps_si512(held), _mm512_set1_epi32(0x7f800000));
  exponent = _mm512_max_epi32(exponent, _mm512_set1_epi32((int)format.smallest_normal));
  const __m512 anchor =
      _mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32((int)format.anchor)));
  const __m512i rounded = _mm512_castps_si512(_mm512_sub_ps(_mm512_add_ps(held, anchor), anchor));
  const __m512i sign = _mm512_set1_epi32((int)0x80000000);
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(rounded, _mm512_castps_si512(x), sign, 0xf8));
}

// 8-bit floats under a scale, as the bfloat16 numbers they are.
INLINE_AVX512 void fill_float8(const nk_activations *to, const float *x, size_t token) {
  uint16_t *values = (uint16_t *)((uint8_t *)to->values + token * to->stride);
  float *sums = to->sums == NULL ? NULL : to->sums + token * to->sum_stride;
  const float8_format format = float8_format_of(to->float8);
  const float8_coding coding =
      float8_coding_of(to, to->given_scale > 0 ? 0 : largest_magnitude(x, to->cols));
  const __m512 scale = _mm512_set1_ps(coding.scale > 0 ? coding.scale : 1);
  const __mmask16 is_something = coding.scale > 0 ? 0xffff : 0;
  uint32_t clipped = 0;
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    __m512 sum = _mm512_setzero_ps();
#pragma clang loop unroll(full)
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i += 16) {
      const __m512 v = finite_or_zero(_mm512_loadu_ps(from + i));
      const __m512 scaled = _mm512_maskz_div_ps(is_something, v, scale);
      const __m512 rounded = rounded_to_float8_lanes(format, scaled, &clipped);
      _mm256_storeu_si256((__m256i *)(values + k + i), paired_bf16(rounded));
      sum = _mm512_add_ps(sum, rounded);
    }
    if (sums != NULL) sums[k / NK_COLUMN_BLOCK] = _mm512_reduce_add_ps(sum);
  }
  to->scales[token] = coding.scale;
  to->clipped[token] = coding.is_given ? clipped : 0;
}

INLINE_AVX512 void fill_int8(const nk_activations *to, const float *x, size_t token) {
  if (is_plain_int8(to)) {
    fill_plain_int8(to, x, token);
  } else {
    fill_coded_int8(to, x, token);
  }
}

INLINE_AVX512 int32_t sum_codes(__m128i q) {
  __m128i s = _mm_dpbusd_epi32(_mm_setzero_si128(), _mm_set1_epi8(1), q);
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(1, 0, 3, 2)));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(2, 3, 0, 1)));
  return _mm_cvtsi128_si32(s);
}

INLINE_AVX512 void fill_int8_blocks(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    const __m512 a = _mm512_abs_ps(finite_or_zero(_mm512_loadu_ps(from)));
    const __m512 b = _mm512_abs_ps(finite_or_zero(_mm512_loadu_ps(from + 16)));
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(a, b));
    const float inverse = int8_inverse_scale(largest);
    const __m512 inverses = _mm512_set1_ps(inverse);
    const __m128i low = quantized(from, inverses), high = quantized(from + 16, inverses);
    _mm256_storeu_si256((__m256i *)(values + k), _mm256_set_m128i(high, low));
    store_block_sums(to, token, k / NK_COLUMN_BLOCK, inverse > 0 ? largest / 127 : 0,
                     sum_codes(low), sum_codes(high));
  }
}

INLINE_AVX512 void fill_int16_blocks(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  __m256i *words = (__m256i *)int16_words(to, token);
  float tail[NK_COLUMN_BLOCK];
  const __m512i most = _mm512_set1_epi32(INT16_CODES), least = _mm512_set1_epi32(-INT16_CODES);
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK, values += 2 * NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    const __m512 v[2] = {finite_or_zero(_mm512_loadu_ps(from)),
                         finite_or_zero(_mm512_loadu_ps(from + 16))};
    const float largest =
        _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(v[0]), _mm512_abs_ps(v[1])));
    const float inverse = int16_inverse_scale(largest);
    int32_t sums[2];
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(v[half], _mm512_set1_ps(inverse)));
      q = _mm512_max_epi32(_mm512_min_epi32(q, most), least);
      const __m512i low = _mm512_srai_epi32(_mm512_slli_epi32(q, 24), 24);
      const __m512i high = _mm512_srai_epi32(_mm512_sub_epi32(q, low), 8);
      _mm_storeu_si128((__m128i *)values + half, _mm512_cvtepi32_epi8(high));
      _mm_storeu_si128((__m128i *)values + 2 + half, _mm512_cvtepi32_epi8(low));
      const __m256i codes = _mm512_cvtepi32_epi16(q);
      _mm256_storeu_si256(words++, _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(codes, 0xd8), 0xd8));
      sums[half] = _mm512_reduce_add_epi32(q);
    }
    store_block_sums(to, token, k / NK_COLUMN_BLOCK, inverse > 0 ? largest / INT16_CODES : 0,
                     sums[0], sums[1]);
  }
}

#define VERSION(name) name##_avx512
#define TARGET TARGET_AVX512
#include "linear_fill.h"

#endif

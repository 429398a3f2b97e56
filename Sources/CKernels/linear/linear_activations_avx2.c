// Conversion of float32 inputs into what linears read: AVX2.
#if defined(__x86_64__)

#include "linear_avx2.h"
#include "linear_coding.h"

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

// The bits of 8 floats rounded to bfloat16, in the upper halves: flushed_bf16() in vectors.
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
  float *sums = to->sums == NULL ? NULL : to->sums + token * to->sum_stride;
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
    if (sums != NULL) sums[k / NK_COLUMN_BLOCK] = sum_lanes(sum);
  }
  to->scales[token] = 1;
  to->clipped[token] = 0;
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

INLINE_AVX2 float largest_magnitude(const float *x, size_t cols) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  float tail[NK_COLUMN_BLOCK];
  __m256 largest = _mm256_setzero_ps();
  for (size_t k = 0; k < cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, cols, tail);
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i += 8) {
      const __m256 v = _mm256_andnot_ps(sign, finite_or_zero(_mm256_loadu_ps(from + i)));
      largest = _mm256_max_ps(largest, v);
    }
  }
  return largest_lane(largest);
}

// The sum of 4 words of 32 bits.
INLINE_AVX2 int32_t sum_words(__m128i sums) {
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(1, 0, 3, 2)));
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(2, 3, 0, 1)));
  return _mm_cvtsi128_si32(sums);
}

INLINE_AVX2 void fill_plain_int8(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int32_t *running = to->running + token * to->sum_stride;
  float tail[NK_COLUMN_BLOCK];
  const float largest = largest_magnitude(x, to->cols);
  const float inverse = int8_inverse_scale(largest);
  to->scales[token] = inverse > 0 ? largest / 127 : 0;
  to->zeros[token] = 0;
  to->clipped[token] = 0;
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
    running[block + 1] = running[block] + sum_words(sums);
  }
}

// 8 columns of a block from `k` that exist and take part, as a mask.
INLINE_AVX2 __m256i taking_part(const nk_activations *to, size_t k) {
  const __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int left = k < to->cols ? (int)smaller(to->cols - k, 8) : 0;
  const __m256i there = _mm256_cmpgt_epi32(_mm256_set1_epi32(left), place);
  if (to->columns == NULL) return there;
  const __m256i columns = _mm256_loadu_si256((const __m256i *)(to->columns + k));
  return _mm256_andnot_si256(_mm256_cmpeq_epi32(columns, _mm256_setzero_si256()), there);
}

// The range of the values that count for the scale of a token, and of 0.
INLINE_AVX2 void token_range(const nk_activations *to, const float *x, float *lowest,
                             float *highest) {
  __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
  const __m256 sign = _mm256_set1_ps(-0.0f);
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i += 8) {
      __m256 v = finite_or_zero(_mm256_loadu_ps(from + i));
      // What does not count becomes 0, which changes no range that holds 0.
      if (to->columns != NULL && to->limit > 0) {
        const __m256 limit = _mm256_set1_ps(to->limit);
        v = _mm256_and_ps(v, _mm256_cmp_ps(_mm256_andnot_ps(sign, v), limit, _CMP_LT_OQ));
      } else if (to->columns != NULL) {
        v = _mm256_and_ps(v, _mm256_castsi256_ps(taking_part(to, k + i)));
      }
      low = _mm256_min_ps(low, v);
      high = _mm256_max_ps(high, v);
    }
  }
  *lowest = -largest_lane(_mm256_xor_ps(low, sign));
  *highest = largest_lane(high);
}

TARGET_AVX2 void nk_column_maxima_avx2(const float *x, size_t ld_x, size_t tokens,
                                       size_t col_begin, size_t col_end, float *maxima) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (size_t k = col_begin; k < col_end; k += 8) {
    const int left = (int)smaller(col_end - k, 8);
    const __m256i there = _mm256_cmpgt_epi32(_mm256_set1_epi32(left), place);
    __m256 largest = _mm256_setzero_ps();
    for (size_t token = 0; token < tokens; token++) {
      const __m256 v = _mm256_maskload_ps(x + token * ld_x + k, there);
      // The second operand is what a not-a-number yields to.
      largest = _mm256_max_ps(_mm256_andnot_ps(sign, v), largest);
    }
    _mm256_maskstore_ps(maxima + k, there, largest);
  }
}

// 8 codes as words of 32 bits; 0 where a column does not take part.
INLINE_AVX2 __m256i coded(const nk_activations *to, int8_coding coding, const float *x, size_t k,
                          uint32_t *clipped) {
  const __m256 beyond = _mm256_set1_ps(BEYOND_CODES);
  __m256 scaled = _mm256_mul_ps(finite_or_zero(_mm256_loadu_ps(x)),
                                _mm256_set1_ps(coding.inverse));
  scaled = _mm256_min_ps(scaled, beyond);
  scaled = _mm256_max_ps(scaled, _mm256_sub_ps(_mm256_setzero_ps(), beyond));
  const __m256i code =
      _mm256_add_epi32(_mm256_cvtps_epi32(scaled), _mm256_set1_epi32(coding.zero));
  __m256i q = _mm256_min_epi32(code, _mm256_set1_epi32(coding.most));
  q = _mm256_max_epi32(q, _mm256_set1_epi32(coding.least));
  const __m256i there = taking_part(to, k);
  const __m256i differs = _mm256_andnot_si256(_mm256_cmpeq_epi32(code, q), there);
  *clipped += (uint32_t)__builtin_popcount(
      (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(differs)));
  return _mm256_and_si256(q, there);
}

// INT8 codes other than the plain ones.
INLINE_AVX2 void fill_coded_int8(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int32_t *running = to->running + token * to->sum_stride;
  float lowest = 0, highest = 0, tail[NK_COLUMN_BLOCK];
  if (to->given_scale == 0) token_range(to, x, &lowest, &highest);
  const int8_coding coding = int8_coding_of(to, lowest, highest);
  uint32_t clipped = 0;
  running[0] = 0;
  for (size_t k = 0, block = 0; k < to->cols; k += NK_COLUMN_BLOCK, block++) {
    const float *from = columns_at(x, k, to->cols, tail);
    __m256i sums = _mm256_setzero_si256();
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i += 8) {
      const __m256i q = coded(to, coding, from + i, k + i, &clipped);
      sums = _mm256_add_epi32(sums, q);
      const __m128i words =
          _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
      _mm_storel_epi64((__m128i *)(values + k + i), _mm_packs_epi16(words, words));
    }
    const __m128i halves =
        _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    running[block + 1] = running[block] + sum_words(halves);
  }
  to->scales[token] = coding.scale;
  to->zeros[token] = coding.zero;
  to->clipped[token] = to->given_scale > 0 ? clipped : 0;
}

// rounded_to_float8() in vectors.
INLINE_AVX2 __m256 rounded_to_float8_lanes(float8_format format, __m256 x, uint32_t *clipped) {
  const __m256 sign = _mm256_set1_ps(-0.0f), largest = _mm256_set1_ps(format.largest);
  const __m256 magnitude = _mm256_andnot_ps(sign, x);
  *clipped += (uint32_t)__builtin_popcount(
      (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(magnitude, largest, _CMP_GT_OQ)));
  const __m256 held = _mm256_min_ps(magnitude, largest);
  __m256i exponent =
      _mm256_and_si256(_mm256_castps_si256(held), _mm256_set1_epi32(0x7f800000));
  exponent = _mm256_max_epi32(exponent, _mm256_set1_epi32((int)format.smallest_normal));
  const __m256 anchor =
      _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32((int)format.anchor)));
  const __m256 rounded = _mm256_sub_ps(_mm256_add_ps(held, anchor), anchor);
  return _mm256_or_ps(rounded, _mm256_and_ps(x, sign));
}

// 8-bit floats under a scale, as the bfloat16 numbers they are.
INLINE_AVX2 void fill_float8(const nk_activations *to, const float *x, size_t token) {
  uint16_t *values = (uint16_t *)((uint8_t *)to->values + token * to->stride);
  float *sums = to->sums == NULL ? NULL : to->sums + token * to->sum_stride;
  const float8_format format = float8_format_of(to->float8);
  const float8_coding coding =
      float8_coding_of(to, to->given_scale > 0 ? 0 : largest_magnitude(x, to->cols));
  const __m256 scale = _mm256_set1_ps(coding.scale > 0 ? coding.scale : 1);
  const __m256 is_something = _mm256_castsi256_ps(_mm256_set1_epi32(coding.scale > 0 ? -1 : 0));
  uint32_t clipped = 0;
  float tail[NK_COLUMN_BLOCK];
  enum { ORDER = _MM_SHUFFLE(3, 1, 2, 0) };
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    __m256 sum = _mm256_setzero_ps();
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i += 8) {
      const __m256 v = _mm256_and_ps(finite_or_zero(_mm256_loadu_ps(from + i)), is_something);
      const __m256 rounded =
          rounded_to_float8_lanes(format, _mm256_div_ps(v, scale), &clipped);
      sum = _mm256_add_ps(sum, rounded);
      const __m256i upper = _mm256_srli_epi32(_mm256_castps_si256(rounded), 16);
      const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(upper),
                                              _mm256_extracti128_si256(upper, 1));
      const __m128i paired = _mm_shufflehi_epi16(_mm_shufflelo_epi16(packed, ORDER), ORDER);
      _mm_storeu_si128((__m128i *)(values + k + i), paired);
    }
    if (sums != NULL) sums[k / NK_COLUMN_BLOCK] = sum_lanes(sum);
  }
  to->scales[token] = coding.scale;
  to->clipped[token] = coding.is_given ? clipped : 0;
}

INLINE_AVX2 void fill_int8(const nk_activations *to, const float *x, size_t token) {
  if (is_plain_int8(to)) {
    fill_plain_int8(to, x, token);
  } else {
    fill_coded_int8(to, x, token);
  }
}

INLINE_AVX2 void fill_int8_blocks(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    const float largest = largest_magnitude(from, NK_COLUMN_BLOCK);
    const float inverse = int8_inverse_scale(largest);
    const __m256 inverses = _mm256_set1_ps(inverse);
    int32_t sums[2];
    for (size_t half = 0; half < 2; half++) {
      const __m128i a = quantized(from + 16 * half, inverses);
      const __m128i b = quantized(from + 16 * half + 8, inverses);
      _mm_storeu_si128((__m128i *)(values + k + 16 * half), _mm_packs_epi16(a, b));
      sums[half] = sum_words(_mm_madd_epi16(_mm_add_epi16(a, b), _mm_set1_epi16(1)));
    }
    store_block_sums(to, token, k / NK_COLUMN_BLOCK, inverse > 0 ? largest / 127 : 0, sums[0],
                     sums[1]);
  }
}

// 8 codes within [-most, most] as words.
INLINE_AVX2 __m128i coded_words(const float *x, __m256 inverse, int largest_code) {
  const __m256 scaled = _mm256_mul_ps(finite_or_zero(_mm256_loadu_ps(x)), inverse);
  const __m256i most = _mm256_set1_epi32(largest_code), least = _mm256_set1_epi32(-largest_code);
  const __m256i q = _mm256_max_epi32(_mm256_min_epi32(_mm256_cvtps_epi32(scaled), most), least);
  return _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
}

INLINE_AVX2 __m128i low_part(__m128i words) {
  return _mm_srai_epi16(_mm_slli_epi16(words, 8), 8);
}

INLINE_AVX2 __m128i high_part(__m128i words) {
  return _mm_srai_epi16(_mm_sub_epi16(words, low_part(words)), 8);
}

// Words 4i...4i+3 in the order 0, 2, 1, 3.
INLINE_AVX2 __m128i in_pair_order(__m128i words) {
  return _mm_shufflehi_epi16(_mm_shufflelo_epi16(words, 0xd8), 0xd8);
}

INLINE_AVX2 void fill_int16_blocks(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  __m128i *words = (__m128i *)int16_words(to, token);
  float tail[NK_COLUMN_BLOCK];
  const __m128i ones = _mm_set1_epi16(1);
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK, values += 2 * NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    const float largest = largest_magnitude(from, NK_COLUMN_BLOCK);
    const float inverse = int16_inverse_scale(largest);
    const __m256 inverses = _mm256_set1_ps(inverse);
    int32_t sums[2];
    for (size_t half = 0; half < 2; half++) {
      const __m128i a = coded_words(from + 16 * half, inverses, INT16_CODES);
      const __m128i b = coded_words(from + 16 * half + 8, inverses, INT16_CODES);
      _mm_storeu_si128((__m128i *)values + half, _mm_packs_epi16(high_part(a), high_part(b)));
      _mm_storeu_si128((__m128i *)values + 2 + half, _mm_packs_epi16(low_part(a), low_part(b)));
      _mm_storeu_si128(words++, in_pair_order(a));
      _mm_storeu_si128(words++, in_pair_order(b));
      sums[half] = sum_words(_mm_add_epi32(_mm_madd_epi16(a, ones), _mm_madd_epi16(b, ones)));
    }
    store_block_sums(to, token, k / NK_COLUMN_BLOCK, inverse > 0 ? largest / INT16_CODES : 0,
                     sums[0], sums[1]);
  }
}

#define VERSION(name) name##_avx2
#define TARGET TARGET_AVX2
#include "linear_fill.h"

#endif

// Eight float32 lanes. lanes_avx512.h offers the same names for sixteen; files named *_lanes.h
// are written in them.
#ifndef LANES_H
#define LANES_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_build.h"

#define LANES_TARGET TARGET_AVX2
#define LANES_INLINE ALWAYS_INLINE LANES_TARGET

enum { LANES = 8 };
typedef __m256 lanes;
typedef __m256 lanes_mask;  // all bits of a lane set, or none
typedef struct lanes_double {
  __m256d low, high;
} lanes_double;

LANES_INLINE __m256i lanes_first_int(size_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
LANES_INLINE lanes_mask lanes_first(size_t n) { return _mm256_castsi256_ps(lanes_first_int(n)); }
LANES_INLINE lanes lanes_set(float x) { return _mm256_set1_ps(x); }
LANES_INLINE lanes lanes_load(const float *p) { return _mm256_loadu_ps(p); }
LANES_INLINE void lanes_store(float *p, lanes x) { _mm256_storeu_ps(p, x); }
// The first n < LANES elements; the rest read as zero and stay unwritten.
LANES_INLINE lanes lanes_load_part(const float *p, size_t n) {
  return _mm256_maskload_ps(p, lanes_first_int(n));
}
LANES_INLINE void lanes_store_part(float *p, lanes x, size_t n) {
  _mm256_maskstore_ps(p, lanes_first_int(n), x);
}
LANES_INLINE lanes lanes_add(lanes a, lanes b) { return _mm256_add_ps(a, b); }
LANES_INLINE lanes lanes_sub(lanes a, lanes b) { return _mm256_sub_ps(a, b); }
LANES_INLINE lanes lanes_mul(lanes a, lanes b) { return _mm256_mul_ps(a, b); }
LANES_INLINE lanes lanes_div(lanes a, lanes b) { return _mm256_div_ps(a, b); }
LANES_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { return _mm256_fmadd_ps(a, b, c); }
LANES_INLINE lanes lanes_abs(lanes a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
// Where a is NaN: b.
LANES_INLINE lanes lanes_max(lanes a, lanes b) { return _mm256_max_ps(a, b); }
LANES_INLINE lanes lanes_min(lanes a, lanes b) { return _mm256_min_ps(a, b); }
LANES_INLINE float lanes_sum(lanes a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
LANES_INLINE float lanes_largest(lanes a) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_shuffle_ps(m, m, 1)));
}
LANES_INLINE lanes_mask lanes_above(lanes a, lanes b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
// Also where either is NaN.
LANES_INLINE lanes_mask lanes_not_below(lanes a, lanes b) {
  return _mm256_cmp_ps(a, b, _CMP_NLT_UQ);
}
LANES_INLINE uint32_t lanes_equal_bits(lanes a, lanes b) {
  return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ));
}
// x where the mask is set, else zero.
LANES_INLINE lanes lanes_keep(lanes_mask m, lanes x) { return _mm256_and_ps(m, x); }
LANES_INLINE lanes_mask lanes_both(lanes_mask a, lanes_mask b) { return _mm256_and_ps(a, b); }
// 2^n for the integers in the low bits of `shifted` (n + 1.5 * 2^23), -126 <= n <= 127, times x.
LANES_INLINE lanes lanes_scale_exponent(lanes x, lanes shifted) {
  __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), exponent));
}
LANES_INLINE void lanes_store_bf16(uint16_t *p, lanes x) {
  __m256i bits = _mm256_castps_si256(x);
  __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  __m256i even = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  even = _mm256_srli_epi32(_mm256_blendv_epi8(even, quiet, nan), 16);
  __m128i low = _mm256_castsi256_si128(even), high = _mm256_extracti128_si256(even, 1);
  _mm_storeu_si128((void *)p, _mm_packus_epi32(low, high));
}

LANES_INLINE lanes_double lanes_double_zero(void) {
  return (lanes_double){_mm256_setzero_pd(), _mm256_setzero_pd()};
}
LANES_INLINE lanes_double lanes_widen(lanes x) {
  return (lanes_double){_mm256_cvtps_pd(_mm256_castps256_ps128(x)),
                        _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))};
}
LANES_INLINE lanes_double lanes_double_add(lanes_double a, lanes_double b) {
  return (lanes_double){_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)};
}
LANES_INLINE lanes_double lanes_double_sub(lanes_double a, lanes_double b) {
  return (lanes_double){_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)};
}
LANES_INLINE lanes_double lanes_double_fma(lanes_double a, lanes_double b, lanes_double c) {
  return (lanes_double){_mm256_fmadd_pd(a.low, b.low, c.low),
                        _mm256_fmadd_pd(a.high, b.high, c.high)};
}
LANES_INLINE double lanes_double_sum(lanes_double a) {
  __m256d sum = _mm256_add_pd(a.low, a.high);
  __m128d s = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
  return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

// One number of half precision, rounded to nearest even.
LANES_INLINE uint16_t half_of_float_avx2(float x) {
  return (uint16_t)_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT));
}

#endif

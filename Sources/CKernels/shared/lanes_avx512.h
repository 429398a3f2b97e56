// Sixteen float32 lanes. lanes_avx2.h offers the same names for eight; files named *_lanes.h
// are written in them.
#ifndef LANES_H
#define LANES_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_build.h"

#define LANES_TARGET TARGET_AVX512
#define LANES_INLINE ALWAYS_INLINE LANES_TARGET

enum { LANES = 16 };
typedef __m512 lanes;
typedef __m512i lanes_int;
typedef __mmask16 lanes_mask;
typedef struct lanes_double {
  __m512d low, high;
} lanes_double;

LANES_INLINE lanes_mask lanes_first(size_t n) { return (lanes_mask)((1u << n) - 1u); }
LANES_INLINE lanes lanes_set(float x) { return _mm512_set1_ps(x); }
LANES_INLINE lanes lanes_load(const float *p) { return _mm512_loadu_ps(p); }
LANES_INLINE void lanes_store(float *p, lanes x) { _mm512_storeu_ps(p, x); }
// The first n < LANES elements; the rest read as zero and stay unwritten.
LANES_INLINE lanes lanes_load_part(const float *p, size_t n) {
  return _mm512_maskz_loadu_ps(lanes_first(n), p);
}
LANES_INLINE void lanes_store_part(float *p, lanes x, size_t n) {
  _mm512_mask_storeu_ps(p, lanes_first(n), x);
}
LANES_INLINE lanes lanes_add(lanes a, lanes b) { return _mm512_add_ps(a, b); }
LANES_INLINE lanes lanes_sub(lanes a, lanes b) { return _mm512_sub_ps(a, b); }
LANES_INLINE lanes lanes_mul(lanes a, lanes b) { return _mm512_mul_ps(a, b); }
LANES_INLINE lanes lanes_div(lanes a, lanes b) { return _mm512_div_ps(a, b); }
LANES_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { return _mm512_fmadd_ps(a, b, c); }
LANES_INLINE lanes lanes_abs(lanes a) { return _mm512_abs_ps(a); }
// Where a is NaN: b.
LANES_INLINE lanes lanes_max(lanes a, lanes b) { return _mm512_max_ps(a, b); }
LANES_INLINE lanes lanes_min(lanes a, lanes b) { return _mm512_min_ps(a, b); }
LANES_INLINE float lanes_sum(lanes a) { return _mm512_reduce_add_ps(a); }
LANES_INLINE float lanes_largest(lanes a) { return _mm512_reduce_max_ps(a); }
LANES_INLINE lanes_mask lanes_above(lanes a, lanes b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
// Also where either is NaN.
LANES_INLINE lanes_mask lanes_not_below(lanes a, lanes b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ);
}
LANES_INLINE uint32_t lanes_equal_bits(lanes a, lanes b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
// x where the mask is set, else zero.
LANES_INLINE lanes lanes_keep(lanes_mask m, lanes x) { return _mm512_maskz_mov_ps(m, x); }
LANES_INLINE lanes_mask lanes_both(lanes_mask a, lanes_mask b) { return a & b; }
// 2^n for the integers in the low bits of `shifted` (n + 1.5 * 2^23), -126 <= n <= 127, times x.
LANES_INLINE lanes lanes_scale_exponent(lanes x, lanes shifted) {
  __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), exponent));
}
LANES_INLINE void lanes_store_bf16(uint16_t *p, lanes x) {
  __m512i bits = _mm512_castps_si512(x);
  __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i even = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  lanes_mask nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  even = _mm512_mask_or_epi32(even, nan, bits, _mm512_set1_epi32(0x400000));
  _mm256_storeu_si256((void *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(even, 16)));
}

LANES_INLINE lanes_double lanes_double_zero(void) {
  return (lanes_double){_mm512_setzero_pd(), _mm512_setzero_pd()};
}
LANES_INLINE lanes_double lanes_widen(lanes x) {
  return (lanes_double){_mm512_cvtps_pd(_mm512_castps512_ps256(x)),
                        _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1))};
}
LANES_INLINE lanes_double lanes_double_add(lanes_double a, lanes_double b) {
  return (lanes_double){_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)};
}
LANES_INLINE lanes_double lanes_double_sub(lanes_double a, lanes_double b) {
  return (lanes_double){_mm512_sub_pd(a.low, b.low), _mm512_sub_pd(a.high, b.high)};
}
LANES_INLINE lanes_double lanes_double_fma(lanes_double a, lanes_double b, lanes_double c) {
  return (lanes_double){_mm512_fmadd_pd(a.low, b.low, c.low),
                        _mm512_fmadd_pd(a.high, b.high, c.high)};
}
LANES_INLINE double lanes_double_sum(lanes_double a) {
  return _mm512_reduce_add_pd(_mm512_add_pd(a.low, a.high));
}

#endif

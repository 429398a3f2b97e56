// GPTQ's rounding of a block of columns with AVX-512.
#if defined(__x86_64__)
#include "lanes_avx512.h"

#define VERSION(name) name##_avx512

LANES_INLINE void lanes_add_half_squares(double *sums, lanes x) {
  const __m512d half = _mm512_set1_pd(0.5);
#pragma clang loop unroll(full)
  for (int i = 0; i < 2; i++) {
    const __m512d wide =
        _mm512_cvtps_pd(i == 0 ? _mm512_castps512_ps256(x) : _mm512_extractf32x8_ps(x, 1));
    const __m512d square = _mm512_mul_pd(_mm512_mul_pd(wide, wide), half);
    _mm512_storeu_pd(sums + 8 * i, _mm512_add_pd(_mm512_loadu_pd(sums + 8 * i), square));
  }
}

// Whole numbers from 0 to 255 as bytes.
LANES_INLINE void lanes_store_bytes(uint8_t *p, lanes x) {
  _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
}

#include "gptq_lanes.h"
#endif

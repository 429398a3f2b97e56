// GPTQ's rounding of a block of columns with AVX2.
#if defined(__x86_64__)
#include "lanes_avx2.h"

#define VERSION(name) name##_avx2

LANES_INLINE void lanes_add_half_squares(double *sums, lanes x) {
  const __m256d half = _mm256_set1_pd(0.5);
#pragma clang loop unroll(full)
  for (int i = 0; i < 2; i++) {
    const __m256d wide =
        _mm256_cvtps_pd(i == 0 ? _mm256_castps256_ps128(x) : _mm256_extractf128_ps(x, 1));
    const __m256d square = _mm256_mul_pd(_mm256_mul_pd(wide, wide), half);
    _mm256_storeu_pd(sums + 4 * i, _mm256_add_pd(_mm256_loadu_pd(sums + 4 * i), square));
  }
}

// Whole numbers from 0 to 255 as bytes.
LANES_INLINE void lanes_store_bytes(uint8_t *p, lanes x) {
  const __m256i wide = _mm256_and_si256(_mm256_cvtps_epi32(x), _mm256_set1_epi32(255));
  const __m128i half =
      _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(half, half));
}

#include "gptq_lanes.h"
#endif

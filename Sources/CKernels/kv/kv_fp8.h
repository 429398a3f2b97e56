// FP8 bytes by way of half precision, which holds them exactly.
//
// E5M2 is the upper byte of a half. E4M3 has one bit less of exponent, so its sign moves apart.
#ifndef KV_FP8_H
#define KV_FP8_H

#if defined(__x86_64__)
#include <immintrin.h>

#include "kernel_build.h"

// What a half made of an E4M3 byte is to be multiplied by: their exponents differ by 8.
#define KV_E4M3_HALF 256.0f

ALWAYS_INLINE TARGET_AVX2 __m256i kv_halves_of_fp8_avx2(__m128i bytes, int e4m3) {
  if (!e4m3) return _mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), 8);
  const __m256i shifted = _mm256_slli_epi16(_mm256_cvtepi8_epi16(bytes), 7);
  return _mm256_and_si256(shifted, _mm256_set1_epi16((short)0xbfff));
}

ALWAYS_INLINE TARGET_AVX512 __m512i kv_halves_of_fp8_avx512(__m256i bytes, int e4m3) {
  if (!e4m3) return _mm512_slli_epi16(_mm512_cvtepu8_epi16(bytes), 8);
  const __m512i shifted = _mm512_slli_epi16(_mm512_cvtepi8_epi16(bytes), 7);
  return _mm512_and_si512(shifted, _mm512_set1_epi16((short)0xbfff));
}

#endif
#endif

// Dequantizing whole blocks into float32 panels with AVX2, for blocks that integer kernels do not
// cover.
#include "kv_panel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))

// 32 stored bytes of vector `at` of codes: 8 lanes of four bytes, INT4 nibbles taken apart.
INLINE __m256i load_codes(const uint8_t *codes, size_t at, int shift, int wide) {
  __m256i raw = _mm256_loadu_si256((const void *)(codes + at));
  if (wide) return raw;
  return _mm256_and_si256(_mm256_srl_epi16(raw, _mm_cvtsi32_si128(shift)), _mm256_set1_epi8(15));
}

// The j-th byte of each lane as a number, less the zero point.
INLINE __m256 lane_byte(__m256i lanes, int j, __m256i zero) {
  __m256i code = _mm256_and_si256(_mm256_srli_epi32(lanes, 8 * j), _mm256_set1_epi32(255));
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(code, zero));
}

static void values_panel(const nk_kv_format *f, const void *block, float *panel, int wide) {
  const __m256i zero = _mm256_set1_epi32(wide ? KV_INT8_ZERO : KV_INT4_ZERO);
  const int32_t padded = kv_padded_dim(f);
  const uint16_t *scales = kv_scales_of(f, block);
  for (int32_t t = 0; t < KV_TOKENS; t += 4) {
    for (int32_t c = 0; c < padded; c += 8) {
      const uint16_t *group = scales + (c < f->head_dim ? c / f->group : 0) * KV_TOKENS;
      __m128 scale = _mm_cvtph_ps(_mm_loadl_epi64((const void *)(group + t)));
      int shift = 0;
      size_t at = wide ? kv_int8_index(f, t, c) : kv_int4_index(f, t, c, &shift);
      __m256i lanes = load_codes(block, at, shift, wide);
      for (int j = 0; j < 4; j++) {
        _mm256_storeu_ps(panel + (t + j) * padded + c,
                         _mm256_mul_ps(lane_byte(lanes, j, zero), _mm256_set1_ps(scale[j])));
      }
    }
  }
}

// Keys whose groups are no multiple of four channels are rare enough for the generic version.
void kv_panel_avx2(const nk_kv_format *f, const void *block, float *panel) {
  if (f->kind == NK_KV_F16) {
    const uint16_t *from = block;
    for (int32_t i = 0; i < kv_padded_dim(f) * KV_TOKENS; i += 8) {
      _mm256_storeu_ps(panel + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(from + i))));
    }
  } else if (kv_is_integer(f) && f->role == NK_KV_VALUES && f->group % 8 == 0) {
    values_panel(f, block, panel, f->kind == NK_KV_INT8);
  } else {
    kv_panel_generic(f, block, panel);
  }
}

#pragma clang attribute pop
#endif

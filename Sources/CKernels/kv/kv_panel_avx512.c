// Dequantizing whole blocks with AVX-512: FP8 into panels of halves, whose scales the caller applies
// to scores and probabilities; codebooks of many bits into float32.
#include "kv_panel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "kernel_build.h"
#include "kv_fp8.h"

#pragma clang attribute push(TARGET_AVX512, apply_to = function)

ALWAYS_INLINE void fp8_panel(const uint8_t *from, int32_t count, uint16_t *panel, int e4m3) {
  for (int32_t i = 0; i < count; i += 32) {
    const __m256i bytes = _mm256_loadu_si256((const void *)(from + i));
    _mm512_storeu_si512((void *)(panel + i), kv_halves_of_fp8_avx512(bytes, e4m3));
  }
}

void kv_panel_fp8_avx512(const nk_kv_format *f, const void *block, uint16_t *panel) {
  const int32_t count = kv_padded_dim(f) * KV_TOKENS;
  if (f->kind == NK_KV_E4M3) {
    fp8_panel(block, count, panel, 1);
  } else {
    fp8_panel(block, count, panel, 0);
  }
}

// Vector j of a unit of codes as bytes. `units`: of the part.
ALWAYS_INLINE __m512i codes_of(const uint8_t *planes, size_t units, size_t unit, int j, int bits) {
  if (bits == 8) return _mm512_loadu_si512(planes + (unit * 4 + (size_t)j) * 64);
  __m512i code = _mm512_setzero_si512();
  if (bits & 4) {
    const __m512i pair = _mm512_loadu_si512(planes + (unit * 2 + (size_t)j / 2) * 64);
    code = _mm512_and_si512(_mm512_srli_epi16(pair, j % 2 * 4), _mm512_set1_epi8(15));
    planes += units * 128;
  }
  if (bits & 2) {
    __m512i four = _mm512_srli_epi16(_mm512_loadu_si512(planes + unit * 64), 2 * (unsigned)j);
    four = _mm512_and_si512(four, _mm512_set1_epi8(3));
    code = _mm512_or_si512(code, _mm512_slli_epi16(four, bits & 4));
    planes += units * 64;
  }
  if (bits & 1) {
    const __mmask64 set = ((const __mmask64 *)(const void *)planes)[unit * 4 + (size_t)j];
    code = _mm512_mask_add_epi8(code, set, code, _mm512_set1_epi8((char)(1 << (bits & 6))));
  }
  return code;
}

// Levels of 16 codes in 32-bit lanes, 32 levels to a pair of vectors.
ALWAYS_INLINE __m512 levels_of(const float *levels, __m512i code, int bits) {
  if (bits <= 4) {
    const __mmask16 used = (__mmask16)((1u << (1 << bits)) - 1u);
    return _mm512_permutexvar_ps(code, _mm512_maskz_loadu_ps(used, levels));
  }
  __m512 found[8];
  UNROLL for (int i = 0; i < 1 << (bits - 5); i++) {
    found[i] = _mm512_permutex2var_ps(_mm512_loadu_ps(levels + 32 * i), code,
                                      _mm512_loadu_ps(levels + 32 * i + 16));
  }
  UNROLL for (int bit = 5; bit < bits; bit++) {
    const __mmask16 set = _mm512_test_epi32_mask(code, _mm512_set1_epi32(1 << bit));
    UNROLL for (int i = 0; i < 1 << (bits - bit - 1); i++) {
      found[i] = _mm512_mask_mov_ps(found[2 * i], set, found[2 * i + 1]);
    }
  }
  return found[0];
}

// A part of `padded` channels. Of keys a unit is four channels, of values 16 tokens of 16 channels;
// `width` floats lie between channels (tokens) of the panel. scales: [64], f16.
ALWAYS_INLINE void part_panel(const nk_kv_part *part, const uint8_t *planes, const uint16_t *scales,
                       int32_t padded, float *panel, size_t width, int bits, int keys) {
  const size_t units = (size_t)padded / 4, columns = (size_t)padded / 16;
  for (size_t unit = 0; unit < units; unit++) {
    const size_t sixteen = keys ? 0 : unit / columns, column = keys ? 0 : unit % columns;
    UNROLL for (int j = 0; j < 4; j++) {
      const __m512i code = codes_of(planes, units, unit, j, bits);
      const uint16_t *token = scales + (keys ? 16 * (size_t)j : sixteen * 16 + 4 * (size_t)j);
      const __m512 tokens = keys ? _mm512_cvtph_ps(_mm256_loadu_si256((const void *)token))
                                 : _mm512_setzero_ps();
      const __m128 four = _mm_cvtph_ps(_mm_loadl_epi64((const void *)token));
      UNROLL for (int b = 0; b < 4; b++) {
        __m512i lanes = _mm512_srli_epi32(code, 8 * (unsigned)b);
        // Permutes look at no more bits than they need.
        if (b < 3 && bits > 5) lanes = _mm512_and_si512(lanes, _mm512_set1_epi32(255));
        const __m512 scale = keys ? tokens : _mm512_set1_ps(four[b]);
        const size_t line = keys ? unit * 4 + (size_t)b : sixteen * 16 + (size_t)(4 * j + b);
        const size_t at = keys ? 16 * (size_t)j : column * 16;
        _mm512_storeu_ps(panel + line * width + at,
                         _mm512_mul_ps(levels_of(part->levels, lanes, bits), scale));
      }
    }
  }
}

void kv_panel_codebook_avx512(const nk_kv_format *f, const void *block, float *panel) {
  const uint8_t *planes = block;
  const int keys = f->role == NK_KV_KEYS;
  const size_t width = keys ? KV_TOKENS : (size_t)kv_padded_dim(f);
  for (int32_t p = 0; p < f->parts; p++) {
    const uint16_t *scales = kv_scales_of(f, block) + p * KV_TOKENS;
    float *to = panel + (size_t)kv_group_first(f, p) * (keys ? KV_TOKENS : 1);
    switch (f->part[p].bits << 1 | keys) {
#define CASE(bits)                                                                             \
  case bits << 1:                                                                              \
    part_panel(&f->part[p], planes, scales, kv_part_padded(f, p), to, width, bits, 0);         \
    break;                                                                                     \
  case bits << 1 | 1:                                                                          \
    part_panel(&f->part[p], planes, scales, kv_part_padded(f, p), to, width, bits, 1);         \
    break;
      CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
    }
    planes += kv_part_bytes(f, p);
  }
}

#pragma clang attribute pop
#endif

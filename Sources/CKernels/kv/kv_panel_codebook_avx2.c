// Codebook blocks of any number of bits as float32 panels with AVX2.
#include "kv_panel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "kernel_build.h"

#pragma clang attribute push(TARGET_AVX2, apply_to = function)

// Half `h` of vector j of a unit: 32 codes as bytes. `units`: of the part.
ALWAYS_INLINE __m256i codes_of(const uint8_t *planes, size_t units, size_t unit, int j, int h, int bits) {
  if (bits == 8) return _mm256_loadu_si256((const void *)(planes + (unit * 4 + j) * 64 + 32 * h));
  __m256i code = _mm256_setzero_si256();
  if (bits & 4) {
    __m256i pair = _mm256_loadu_si256((const void *)(planes + (unit * 2 + j / 2) * 64 + 32 * h));
    code = _mm256_and_si256(_mm256_srli_epi16(pair, j % 2 * 4), _mm256_set1_epi8(15));
    planes += units * 128;
  }
  if (bits & 2) {
    __m256i four = _mm256_loadu_si256((const void *)(planes + unit * 64 + 32 * h));
    four = _mm256_and_si256(_mm256_srli_epi16(four, 2 * j), _mm256_set1_epi8(3));
    code = _mm256_or_si256(code, _mm256_slli_epi16(four, bits & 4));
    planes += units * 64;
  }
  if (bits & 1) {
    int32_t mask;
    memcpy(&mask, planes + (unit * 4 + j) * 8 + 4 * h, 4);
    // Byte i of the mask to bytes 8 i ... 8 i + 7, each of which looks at its own bit.
    const __m256i spread =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(mask), spread);
    const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
    const __m256i value = _mm256_set1_epi8((char)(1 << (bits & 6)));
    code = _mm256_or_si256(code, _mm256_and_si256(set, value));
  }
  return code;
}

// Levels of eight codes in 32-bit lanes. low, high: the first 16 levels.
ALWAYS_INLINE __m256 levels_of(const float *levels, __m256 low, __m256 high, __m256i code, int bits) {
  if (bits > 4) return _mm256_i32gather_ps(levels, code, 4);
  const __m256 first = _mm256_permutevar8x32_ps(low, code);
  if (bits < 4) return first;
  const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(code, 28));
  return _mm256_blendv_ps(first, _mm256_permutevar8x32_ps(high, code), upper);
}

// A part of `padded` channels. Of keys a unit is four channels, of values 16 tokens of 16 channels;
// `width` floats lie between channels (tokens) of the panel. scales: [64], f16.
ALWAYS_INLINE void part_panel(const nk_kv_part *part, const uint8_t *planes, const uint16_t *scales,
                       int32_t padded, float *panel, size_t width, int bits, int keys) {
  float first[16] = {0};
  for (int i = 0; i < (bits < 4 ? 1 << bits : 16); i++) first[i] = part->levels[i];
  const __m256 low = _mm256_loadu_ps(first), high = _mm256_loadu_ps(first + 8);
  const size_t units = (size_t)padded / 4, columns = (size_t)padded / 16;
  for (size_t unit = 0; unit < units; unit++) {
    const size_t sixteen = keys ? 0 : unit / columns, column = keys ? 0 : unit % columns;
    UNROLL for (int j = 0; j < 4; j++) {
      const uint16_t *token = scales + (keys ? 16 * j : (int32_t)sixteen * 16 + 4 * j);
      const __m128 four = _mm_cvtph_ps(_mm_loadl_epi64((const void *)token));
      UNROLL for (int h = 0; h < 2; h++) {
        const __m256i code = codes_of(planes, units, unit, j, h, bits);
        const __m256 eight = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(scales + 16 * j + 8 * h)));
        UNROLL for (int b = 0; b < 4; b++) {
          __m256i lanes = _mm256_srli_epi32(code, 8 * b);
          if (b < 3) lanes = _mm256_and_si256(lanes, _mm256_set1_epi32(255));
          const __m256 scale = keys ? eight : _mm256_set1_ps(four[b]);
          const size_t line = keys ? unit * 4 + (size_t)b : sixteen * 16 + (size_t)(4 * j + b);
          const size_t at = keys ? (size_t)(16 * j + 8 * h) : column * 16 + (size_t)(8 * h);
          _mm256_storeu_ps(panel + line * width + at,
                           _mm256_mul_ps(levels_of(part->levels, low, high, lanes, bits), scale));
        }
      }
    }
  }
}

void kv_panel_codebook_avx2(const nk_kv_format *f, const void *block, float *panel) {
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

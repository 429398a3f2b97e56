// What the AVX2 kernels of block types share: codes, scales and minima of 8 rows, one half of a panel.
#ifndef BLOCK_AVX2_H
#define BLOCK_AVX2_H

#include "block_layout.h"
#include "linear_avx2.h"

// Codes of a quad of columns of 8 rows as bytes, or levels with block_zero() added.
INLINE_AVX2 __m256i block_quad(nk_weight_kind kind, const uint8_t *values, int quad, int half) {
  const uint8_t *rows = values + half * CHUNK / 2;
  if (kind == NK_WEIGHT_Q8_0) return load_bytes(rows + quad * CHUNK);
  const __m256i low = _mm256_srli_epi16(load_bytes(rows + quad / 2 * CHUNK), quad % 2 * 4);
  const __m256i code = _mm256_and_si256(low, _mm256_set1_epi8(15));
  const uint8_t *levels = block_levels(kind);
  if (levels != NULL) {
    const __m128i table = _mm_loadu_si128((const __m128i *)levels);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), code);
  }
  if (high_bits(kind) == 0) return code;
  const int is_one = high_bits(kind) == 1;
  const __m256i packed = load_bytes(rows + LOW_BYTES + (is_one ? 0 : quad / 4 * CHUNK));
  // The bits go to bit 4 of their bytes.
  const int shift = (is_one ? quad : quad % 4 * 2) - 4;
  const __m256i high =
      shift >= 0 ? _mm256_srli_epi16(packed, shift) : _mm256_slli_epi16(packed, -shift);
  return _mm256_or_si256(code, _mm256_and_si256(high, _mm256_set1_epi8(is_one ? 0x10 : 0x30)));
}

INLINE_AVX2 __m256 eight_halves(const uint8_t *halves) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)halves));
}

// The 6-bit scales of 8 rows in block `b` of a Q4_K or Q5_K span, or their mins.
INLINE_AVX2 __m256i eight_six_bits(const block_span *span, size_t b, int half, int is_min) {
  const uint8_t *rows = span->header + half * HALF_ROWS;
  const __m128i low = _mm_loadl_epi64((const __m128i *)(rows + 64 + b * NK_PANEL_ROWS));
  const __m128i both = _mm_loadl_epi64((const __m128i *)(rows + 192 + b / 2 * NK_PANEL_ROWS));
  const __m128i high = b % 2 == 0 ? both : _mm_srli_epi16(both, 4);
  const __m128i top = is_min ? _mm_slli_epi16(high, 2) : _mm_slli_epi16(high, 4);
  const __m128i bottom = is_min ? _mm_srli_epi16(low, 4) : low;
  const __m128i bits = _mm_or_si128(_mm_and_si128(bottom, _mm_set1_epi8(15)),
                                    _mm_and_si128(top, _mm_set1_epi8(0x30)));
  return _mm256_cvtepu8_epi32(bits);
}

// super_scale_at() of 8 rows; for the K types.
INLINE_AVX2 __m256 super_scales(nk_weight_kind kind, const block_span *span, size_t b, int half) {
  const uint8_t *scales = span->header + (kind == NK_WEIGHT_Q6_K ? b / SUPER_BLOCKS * 32 : 0);
  return eight_halves(scales + half * 16);
}

// What the mins of 8 rows of a Q4_K or Q5_K span are multiplied by, to be added.
INLINE_AVX2 __m256 super_minima(const block_span *span, int half) {
  return _mm256_sub_ps(_mm256_setzero_ps(), eight_halves(span->header + 32 + half * 16));
}

// scale_code_at() of 8 rows.
INLINE_AVX2 __m256i scale_codes(nk_weight_kind kind, const block_span *span, size_t b, size_t part,
                                int half) {
  if (kind != NK_WEIGHT_Q6_K) return eight_six_bits(span, b, half, 0);
  const uint8_t *scales = span->header + span->count / SUPER_BLOCKS * 32 +
                          (2 * b + part) * NK_PANEL_ROWS + half * HALF_ROWS;
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)scales));
}

// Scales of 8 rows in block `b` of a span, columns 16 * part on: block_scale_at() in vectors.
INLINE_AVX2 __m256 block_scales(nk_weight_kind kind, const block_span *span, size_t b, size_t part,
                                int half) {
  switch (kind) {
    case NK_WEIGHT_MXFP4: {
      const uint8_t *codes = span->header + b * NK_PANEL_ROWS + half * HALF_ROWS;
      const __m256i code = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)codes));
      const __m256i one = _mm256_set1_epi32(1);
      const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(code, one), 23);
      const __m256i tiny = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), code);
      const __m256i is_normal = _mm256_cmpgt_epi32(code, one);
      return _mm256_castsi256_ps(_mm256_blendv_epi8(tiny, normal, is_normal));
    }
    case NK_WEIGHT_Q4_K:
    case NK_WEIGHT_Q5_K:
    case NK_WEIGHT_Q6_K:
      return _mm256_mul_ps(super_scales(kind, span, b, half),
                           _mm256_cvtepi32_ps(scale_codes(kind, span, b, part, half)));
    default: return eight_halves(span->header + b * 32 + half * 16);
  }
}

// What is added to the weights of 8 rows in block `b` of a span; for types with minima.
INLINE_AVX2 __m256 block_minima(nk_weight_kind kind, const block_span *span, size_t b, int half) {
  if (kind == NK_WEIGHT_Q4_1 || kind == NK_WEIGHT_Q5_1) {
    return eight_halves(span->header + 32 * (span->count + b) + half * 16);
  }
  return _mm256_mul_ps(super_minima(span, half), _mm256_cvtepi32_ps(eight_six_bits(span, b, half, 1)));
}

#endif

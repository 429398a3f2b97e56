// What the AVX2 linear kernels share.
//
// A panel's 64-byte chunk is two vectors of 8 rows. Codes are unpacked to scratch a block of
// columns at a time, one panel after the other; 16 registers leave room for no wider tile.
#ifndef LINEAR_AVX2_H
#define LINEAR_AVX2_H

#include <immintrin.h>

#include "kernel_build.h"
#include "linear_layout.h"

#define INLINE_AVX2 ALWAYS_INLINE TARGET_AVX2

enum { HALF_ROWS = NK_PANEL_ROWS / 2 };  // rows in a vector

INLINE_AVX2 __m256i load_bytes(const uint8_t *from) {
  return _mm256_loadu_si256((const __m256i *)from);
}

INLINE_AVX2 __m256i broadcast_step(const uint8_t *values) {
  int32_t step;
  memcpy(&step, values, sizeof step);
  return _mm256_set1_epi32(step);
}

// Scales of 8 rows of a segment's group from row 8 * half; 1 for weights without scales.
INLINE_AVX2 __m256 segment_scales(const segment_cursor *at, const linear_layout *layout,
                                  int half) {
  const uint8_t *scales = at->header + at->slot * layout->scale_bytes;
  if (layout->bits == 0) return _mm256_set1_ps(1);
  if (layout->bits == 8) return _mm256_loadu_ps((const float *)scales + half * HALF_ROWS);
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)scales + half));
}

// Whole zero points of 8 rows; where they are real, the middle code.
INLINE_AVX2 __m256i segment_zeros(const segment_cursor *at, const nk_linear_weight *weight,
                                  const linear_layout *layout, int half) {
  if (weight->zero_points != NK_ZERO_POINTS_INTEGER) {
    return _mm256_set1_epi32(layout->symmetric_zero);
  }
  const uint8_t *zeros = zeros_at(at->header, layout, at->slot);
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(zeros + half * HALF_ROWS)));
}

// Zero points of 8 rows as floats, counted from the middle code.
INLINE_AVX2 __m256 segment_offsets(const segment_cursor *at, const nk_linear_weight *weight,
                                   const linear_layout *layout, int half) {
  if (weight->zero_points == NK_ZERO_POINTS_REAL) {
    const __m128i *zeros = (const __m128i *)zeros_at(at->header, layout, at->slot);
    const __m256 centre = _mm256_set1_ps((float)layout->symmetric_zero);
    return _mm256_sub_ps(_mm256_cvtph_ps(_mm_loadu_si128(zeros + half)), centre);
  }
  const __m256i centre = _mm256_set1_epi32(layout->symmetric_zero);
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(segment_zeros(at, weight, layout, half), centre));
}

// Rows of a panel's half that exist, as a mask for vmaskmov.
INLINE_AVX2 __m256i row_mask(size_t rows, int half) {
  const __m256i row = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)rows - half * HALF_ROWS), row);
}

// INT3 codes of a pair of columns (one of the 16 of a 32-column block) of 8 rows as words.
INLINE_AVX2 __m256i unpack_int3_pair(const uint8_t *block, int pair) {
  if (pair < 15) {
    const __m256i v = _mm256_srli_epi16(load_bytes(block + pair / 5 * CHUNK), pair % 5 * 3);
    return _mm256_and_si256(v, _mm256_set1_epi16(7));
  }
  const __m256i bit0 = _mm256_srli_epi16(load_bytes(block), 15);
  const __m256i bit1 = _mm256_srli_epi16(load_bytes(block + CHUNK), 15);
  const __m256i bit2 = _mm256_srli_epi16(load_bytes(block + 2 * CHUNK), 15);
  return _mm256_or_si256(bit0, _mm256_or_si256(_mm256_slli_epi16(bit1, 1),
                                               _mm256_slli_epi16(bit2, 2)));
}

// Codes of 4 columns (one of the 8 quads of a 32-column block) of 8 rows as bytes.
INLINE_AVX2 __m256i unpack_quad(nk_weight_kind kind, const uint8_t *block, int quad, int half) {
  const uint8_t *rows = block + half * CHUNK / 2;
  if (kind == NK_WEIGHT_INT8 || is_float8(kind)) return load_bytes(rows + quad * CHUNK);
  if (kind == NK_WEIGHT_INT4) {
    const __m256i v = load_bytes(rows + quad / 2 * CHUNK);
    return _mm256_and_si256(_mm256_srli_epi16(v, quad % 2 * 4), _mm256_set1_epi8(15));
  }
  if (kind == NK_WEIGHT_INT3) {
    const __m256i odd = unpack_int3_pair(rows, 2 * quad + 1);
    return _mm256_or_si256(unpack_int3_pair(rows, 2 * quad), _mm256_slli_epi16(odd, 8));
  }
  const __m256i v = load_bytes(rows + quad / 4 * CHUNK);
  return _mm256_and_si256(_mm256_srli_epi16(v, quad % 4 * 2), _mm256_set1_epi8(3));
}

#endif

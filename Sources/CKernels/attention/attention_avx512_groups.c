// AVX-512 VNNI attention on codes in groups with a scale and a minimum.
//
// Codes are taken apart into the layout of INT8, once for all rows of a tile, in scratch that stays
// in the L1 cache. Of keys the scales belong to channels: q k = sum q scale code + sum q minimum, so
// that queries are multiplied by the scales of each group of tokens and take 16 bits. Of values both
// belong to tokens: scales go into the probabilities' codes, minima add up to one number a row.
#include "attention_avx512.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(TARGET_AVX512, apply_to = function)

enum { MAX_ROWS = 6, WIDE_LIMIT = 127 * 256 };

const uint8_t *attention_unpack_values_avx512(const attention_tile *tile, const void *block,
                                              void *to) {
  const int32_t padded = tile->value_dim, bits = tile->args->values.bits;
  const uint8_t *codes = block;
  for (int32_t quad = 0; quad < KV_TOKENS / 4; quad++) {
    for (int32_t c = 0; c < padded; c += 16) {
      __m512i x;
      if (bits == 4) {
        const uint8_t *row = codes + 2 * quad * padded + c;
        const __m512i first = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)row));
        const __m512i second =
            _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(row + padded)));
        x = _mm512_or_si512(first, _mm512_slli_epi32(second, 16));
        x = _mm512_or_si512(x, _mm512_slli_epi32(x, 4));
        x = _mm512_and_si512(x, _mm512_set1_epi8(15));
      } else {
        x = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(codes + quad * padded + c)));
        x = _mm512_or_si512(x, _mm512_slli_epi32(x, 6));
        x = _mm512_or_si512(x, _mm512_slli_epi32(x, 12));
        x = _mm512_and_si512(x, _mm512_set1_epi8(3));
      }
      _mm512_store_si512((void *)((uint8_t *)to + quad * padded * 4 + c * 4), x);
    }
  }
  return to;
}

// Four channels: [4][row] bytes to four vectors of 16 tokens. Dwords of the channels, four tokens
// each, are brought together, then their bytes are turned.
ALWAYS_INLINE void unpack_channels(const uint8_t *codes, int bits, __m512i out[4]) {
  const __m512i turn = _mm512_broadcast_i32x4(
      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m512i field = _mm512_set1_epi8((char)((1 << bits) - 1));
  if (bits == 2) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i x = _mm512_permutexvar_epi32(order, _mm512_loadu_si512(codes));
    x = _mm512_shuffle_epi8(x, turn);
    UNROLL for (int j = 0; j < 4; j++) {
      out[j] = _mm512_and_si512(_mm512_srli_epi16(x, 2 * (unsigned)j), field);
    }
    return;
  }
  // Dwords 0 ... 7 are the first channel's, 8 ... 15 the second's, 16 ... 31 of the other two.
  const __m512i order = _mm512_setr_epi32(0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
  const __m512i first = _mm512_loadu_si512(codes), second = _mm512_loadu_si512(codes + 64);
  UNROLL for (int i = 0; i < 2; i++) {
    const __m512i from = _mm512_add_epi32(order, _mm512_set1_epi32(4 * i));
    __m512i x = _mm512_shuffle_epi8(_mm512_permutex2var_epi32(first, from, second), turn);
    out[i] = _mm512_and_si512(x, field);
    out[2 + i] = _mm512_and_si512(_mm512_srli_epi16(x, 4), field);
  }
}

ALWAYS_INLINE void unpack_keys(const uint8_t *codes, int32_t dim, int bits, uint8_t *to) {
  for (int32_t c = 0; c < dim; c += 4) {
    __m512i out[4];
    unpack_channels(codes + c * 8 * bits, bits, out);
    UNROLL for (int j = 0; j < 4; j++) _mm512_store_si512((void *)(to + c * 64 + 64 * j), out[j]);
  }
}

// Of 16 channels the halves of group g, `groups` (1 or 2) to a channel.
ALWAYS_INLINE __m512 group_halves(const uint16_t *from, int32_t channel, int32_t g, int32_t groups) {
  if (groups == 1) return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(from + channel)));
  __m512i pairs = _mm512_loadu_si512(from + 2 * channel);
  if (g) pairs = _mm512_srli_epi32(pairs, 16);
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(pairs));
}

// Queries times the scales of group g as codes, and what its minima add to the scores.
static void quantize_queries(const attention_tile *tile, const uint16_t *scales, int32_t g) {
  const int32_t dim = tile->key_dim, groups = KV_TOKENS / tile->args->keys.group;
  const uint16_t *minima = scales + dim * groups;
  float *factors = tile->group_scales, *lows = factors + dim;
  for (int32_t c = 0; c < dim; c += 16) {
    _mm512_store_ps(factors + c, group_halves(scales, c, g, groups));
    _mm512_store_ps(lows + c, group_halves(minima, c, g, groups));
  }
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *q = tile->queries + row * dim;
    int8_t *codes = tile->query_codes + row * 2 * dim;
    __m512 largest = _mm512_setzero_ps(), low = largest;
    for (int32_t c = 0; c < dim; c += 16) {
      const __m512 x = _mm512_load_ps(q + c);
      largest = _mm512_max_ps(largest, _mm512_abs_ps(_mm512_mul_ps(x, _mm512_load_ps(factors + c))));
      low = _mm512_fmadd_ps(x, _mm512_load_ps(lows + c), low);
    }
    const float unit = _mm512_reduce_max_ps(largest) / (float)WIDE_LIMIT;
    const __m512 inverse = _mm512_set1_ps(unit > 1e-35f ? 1.0f / unit : 0.0f);
    for (int32_t c = 0; c < dim; c += 16) {
      __m512 x = _mm512_mul_ps(_mm512_load_ps(q + c), _mm512_load_ps(factors + c));
      const __m512i code = _mm512_cvtps_epi32(_mm512_mul_ps(x, inverse));
      const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(code, _mm512_set1_epi32(128)), 8);
      _mm_storeu_si128((void *)(codes + c), _mm512_cvtepi32_epi8(high));
      _mm_storeu_si128((void *)(codes + dim + c), _mm512_cvtepi32_epi8(code));
    }
    tile->group_units[row] = unit;
    tile->group_units[tile->rows + row] = _mm512_reduce_add_ps(low);
  }
}

// 16 * `vectors` scores of `rows` rows from slot 16 * `first` on.
ALWAYS_INLINE void scores(const attention_tile *tile, const uint8_t *codes, int32_t row, int32_t first,
                   int rows, int vectors) {
  const int32_t dim = tile->key_dim;
  const int8_t *query = tile->query_codes + row * 2 * dim;
  __m512i low[MAX_ROWS][4], high[MAX_ROWS][4];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) low[r][v] = high[r][v] = _mm512_setzero_si512();
  }
  for (int32_t c = 0; c < dim; c += 4) {
    __m512i key[4];
    UNROLL for (int v = 0; v < vectors; v++) {
      key[v] = _mm512_load_si512((const void *)(codes + c * 64 + 64 * (first + v)));
    }
    UNROLL for (int r = 0; r < rows; r++) {
      const __m512i top = attention_four_bytes(query + r * 2 * dim + c);
      const __m512i bottom = attention_four_bytes(query + r * 2 * dim + dim + c);
      UNROLL for (int v = 0; v < vectors; v++) {
        high[r][v] = _mm512_dpbusd_epi32(high[r][v], key[v], top);
        low[r][v] = _mm512_dpbusd_epi32(low[r][v], key[v], bottom);
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    const __m512 unit = _mm512_set1_ps(tile->group_units[row + r]);
    const __m512 offset = _mm512_set1_ps(tile->group_units[tile->rows + row + r]);
    UNROLL for (int v = 0; v < vectors; v++) {
      const __m512i sum = _mm512_add_epi32(low[r][v], _mm512_slli_epi32(high[r][v], 8));
      _mm512_store_ps(tile->scores + (row + r) * KV_TOKENS + 16 * (first + v),
                      _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), unit, offset));
    }
  }
}

void attention_scores_groups_avx512(const attention_tile *tile, const void *block) {
  const nk_kv_format *f = &tile->args->keys;
  uint8_t *codes = (uint8_t *)tile->key_panel;
  if (f->bits == 2) {
    unpack_keys(block, tile->key_dim, 2, codes);
  } else {
    unpack_keys(block, tile->key_dim, 4, codes);
  }
  const int32_t groups = KV_TOKENS / f->group, vectors = 4 / groups;
  const int32_t most = groups == 1 ? MAX_ROWS / 2 : MAX_ROWS;
  const int32_t tiles = (tile->rows + most - 1) / most;
  for (int32_t g = 0; g < groups; g++) {
    quantize_queries(tile, kv_scales_of(f, block), g);
    for (int32_t i = 0, row = 0; i < tiles; i++) {
      const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
      switch (rows << 1 | (groups == 1)) {
#define CASE(n) case n << 1: scores(tile, codes, row, g * vectors, n, 2); break;
#define WHOLE(n) case n << 1 | 1: scores(tile, codes, row, 0, n, 4); break;
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) WHOLE(1) WHOLE(2) WHOLE(3)
#undef CASE
#undef WHOLE
      }
      row += rows;
    }
  }
}

void attention_add_minima_avx512(const attention_tile *tile, const uint16_t *minima, int32_t low,
                                 int32_t high) {
  const uint64_t used = attention_slot_mask(low, high);
  __m512 least[4];
  UNROLL for (int j = 0; j < 4; j++) {
    const __m256i raw = _mm256_loadu_si256((const void *)(minima + 16 * j));
    least[j] = _mm512_maskz_mov_ps((__mmask16)(used >> 16 * j), _mm512_cvtph_ps(raw));
  }
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *p = tile->scores + (size_t)row * KV_TOKENS;
    __m512 sum = _mm512_setzero_ps();
    UNROLL for (int j = 0; j < 4; j++) {
      sum = _mm512_fmadd_ps(_mm512_load_ps(p + 16 * j), least[j], sum);
    }
    tile->weight_offset[row] = tile->weight[row] * _mm512_reduce_add_ps(sum);
  }
}

#pragma clang attribute pop
#endif

// AVX-512 attention on float panels: F32 and F16 blocks as they are, other kinds after
// dequantization.
#include "attention_avx512.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(TARGET_AVX512, apply_to = function)

enum { MAX_ROWS = 6 };

ALWAYS_INLINE __m512 load16(const void *panel, size_t index, int half) {
  if (half) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)((const uint16_t *)panel + index)));
  }
  return _mm512_loadu_ps((const float *)panel + index);
}

// 64 scores of `rows` rows: the reduction runs over channels, so no horizontal sums.
ALWAYS_INLINE void scores(const float *query, const void *panel, int half, int32_t dim, int rows,
                   float *out) {
  __m512 sum[MAX_ROWS][4];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int j = 0; j < 4; j++) sum[r][j] = _mm512_setzero_ps();
  }
  for (int32_t c = 0; c < dim; c++) {
    __m512 key[4];
    UNROLL for (int j = 0; j < 4; j++) key[j] = load16(panel, (size_t)c * KV_TOKENS + 16 * j, half);
    UNROLL for (int r = 0; r < rows; r++) {
      __m512 q = _mm512_set1_ps(query[r * dim + c]);
      UNROLL for (int j = 0; j < 4; j++) sum[r][j] = _mm512_fmadd_ps(key[j], q, sum[r][j]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int j = 0; j < 4; j++) _mm512_store_ps(out + r * KV_TOKENS + 16 * j, sum[r][j]);
  }
}

void attention_scores_float_avx512(const attention_tile *tile, const void *panel, int half) {
  const int32_t dim = tile->key_dim;
  // Tiles of equal height: eight rows are 4 + 4, not 6 + 2.
  const int32_t tiles = (tile->rows + MAX_ROWS - 1) / MAX_ROWS;
  for (int32_t i = 0, row = 0; i < tiles; i++) {
    const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
    const float *q = tile->queries + (size_t)row * (size_t)dim;
    float *out = tile->scores + (size_t)row * KV_TOKENS;
    switch (rows << 1 | half) {
#define CASE(n)                                                \
  case n << 1: scores(q, panel, 0, dim, n, out); break;        \
  case n << 1 | 1: scores(q, panel, 1, dim, n, out); break;
      CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#undef CASE
    }
    row += rows;
  }
}

// `vectors` * 16 channels of `rows` rows.
ALWAYS_INLINE void sum_rows(const float *probability, const float *decay, const float *weight,
                     const void *panel, int half, size_t dim, int32_t low, int32_t high, int rows,
                     int vectors, float *acc) {
  __m512 sum[MAX_ROWS][4];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int j = 0; j < vectors; j++) sum[r][j] = _mm512_setzero_ps();
  }
  for (int32_t t = low; t < high; t++) {
    __m512 value[4];
    UNROLL for (int j = 0; j < vectors; j++) {
      value[j] = load16(panel, (size_t)t * dim + 16 * (size_t)j, half);
    }
    UNROLL for (int r = 0; r < rows; r++) {
      __m512 p = _mm512_set1_ps(probability[r * KV_TOKENS + t]);
      UNROLL for (int j = 0; j < vectors; j++) sum[r][j] = _mm512_fmadd_ps(value[j], p, sum[r][j]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    float *row = acc + (size_t)r * dim;
    const __m512 d = _mm512_set1_ps(decay[r]), w = _mm512_set1_ps(weight[r]);
    UNROLL for (int j = 0; j < vectors; j++) {
      __m512 old = _mm512_mul_ps(_mm512_load_ps(row + 16 * j), d);
      _mm512_store_ps(row + 16 * j, _mm512_fmadd_ps(sum[r][j], w, old));
    }
  }
}

void attention_sum_float_avx512(const attention_tile *tile, const void *panel, int half,
                                int32_t low, int32_t high) {
  const size_t dim = (size_t)tile->value_dim;
  const int32_t tiles = (tile->rows + MAX_ROWS - 1) / MAX_ROWS;
  for (int32_t i = 0, row = 0; i < tiles; i++) {
    const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
    const float *p = tile->scores + (size_t)row * KV_TOKENS;
    for (size_t column = 0; column < dim; column += 64) {
      const size_t vectors = dim - column < 64 ? (dim - column) / 16 : 4;
      const void *part = (const char *)panel + column * (half ? 2 : 4);
      float *acc = tile->acc + (size_t)row * dim + column;
      switch (rows << 3 | (int32_t)(vectors - 1) << 1 | half) {
#define CASE(n, v)                                                                             \
  case n << 3 | (v - 1) << 1:                                                                  \
    sum_rows(p, tile->decay + row, tile->weight + row, part, 0, dim, low, high, n, v, acc);    \
    break;                                                                                     \
  case n << 3 | (v - 1) << 1 | 1:                                                              \
    sum_rows(p, tile->decay + row, tile->weight + row, part, 1, dim, low, high, n, v, acc);    \
    break;
#define CASES(n) CASE(n, 1) CASE(n, 2) CASE(n, 3) CASE(n, 4)
        CASES(1) CASES(2) CASES(3) CASES(4) CASES(5) CASES(6)
#undef CASES
#undef CASE
      }
    }
    row += rows;
  }
}

#pragma clang attribute pop
#endif

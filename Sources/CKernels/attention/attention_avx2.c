// AVX2 attention: F32 and F16 blocks in float32, INT8 and INT4 blocks mostly in integers
// (attention_avx2_codes.c), anything else through a dequantized panel.
#include "attention_avx2.h"
#include "kv_panel.h"

#if defined(__x86_64__)
#include "lanes_avx2.h"
#include "exp2_lanes.h"

#pragma clang attribute push(TARGET_AVX2, apply_to = function)

#define VERSION(name) name##_avx2
#include "attention_calls.h"

enum {
  MAX_ROWS = 6,
  // From this many rows on, an F16 block is converted once instead of once per register tile.
  CONVERT_ROWS = 7,
};

ALWAYS_INLINE __m256 load8(const void *panel, size_t index, int half) {
  const uint16_t *halves = panel;
  if (half) return _mm256_cvtph_ps(_mm_loadu_si128((const void *)(halves + index)));
  return _mm256_loadu_ps((const float *)panel + index);
}

// sum[r] += matrix^T broadcast: `vectors` * 8 columns of `rows` rows, reduced over [low, high) of a
// panel `width` wide.
ALWAYS_INLINE void accumulate(__m256 sum[MAX_ROWS][4], const float *left, size_t left_stride,
                       const void *panel, size_t width, int half, int32_t low, int32_t high,
                       int rows, int vectors) {
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = _mm256_setzero_ps();
  }
  for (int32_t k = low; k < high; k++) {
    __m256 x[4];
    UNROLL for (int v = 0; v < vectors; v++) {
      x[v] = load8(panel, (size_t)k * width + 8 * (size_t)v, half);
    }
    UNROLL for (int r = 0; r < rows; r++) {
      __m256 l = _mm256_set1_ps(left[(size_t)r * left_stride + (size_t)k]);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = _mm256_fmadd_ps(x[v], l, sum[r][v]);
    }
  }
}

ALWAYS_INLINE void score_rows(const attention_tile *tile, int32_t row, const void *panel, int half,
                       int rows, int vectors) {
  const size_t dim = (size_t)tile->key_dim;
  for (int32_t t = 0; t < KV_TOKENS; t += 8 * vectors) {
    __m256 sum[MAX_ROWS][4];
    const char *from = (const char *)panel + t * (half ? 2 : 4);
    accumulate(sum, tile->queries + (size_t)row * dim, dim, from, KV_TOKENS, half, 0, tile->key_dim,
               rows, vectors);
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int v = 0; v < vectors; v++) {
        _mm256_store_ps(tile->scores + (size_t)(row + r) * KV_TOKENS + t + 8 * v, sum[r][v]);
      }
    }
  }
}

ALWAYS_INLINE void sum_rows(const attention_tile *tile, int32_t row, const void *panel, int half,
                     int32_t low, int32_t high, int rows) {
  const size_t dim = (size_t)tile->value_dim;
  for (size_t c = 0; c < dim; c += 16) {
    __m256 sum[MAX_ROWS][4];
    accumulate(sum, tile->scores + (size_t)row * KV_TOKENS, KV_TOKENS,
               (const char *)panel + c * (half ? 2 : 4), dim, half, low, high, rows, 2);
    UNROLL for (int r = 0; r < rows; r++) {
      float *acc = tile->acc + (size_t)(row + r) * dim + c;
      const __m256 decay = _mm256_set1_ps(tile->decay[row + r]);
      const __m256 weight = _mm256_set1_ps(tile->weight[row + r]);
      UNROLL for (int v = 0; v < 2; v++) {
        __m256 old = _mm256_mul_ps(_mm256_load_ps(acc + 8 * v), decay);
        _mm256_store_ps(acc + 8 * v, _mm256_fmadd_ps(sum[r][v], weight, old));
      }
    }
  }
}

static void scores(const attention_tile *tile, const void *panel, int half) {
  const int32_t tiles = (tile->rows + MAX_ROWS - 1) / MAX_ROWS;
  for (int32_t i = 0, row = 0; i < tiles; i++) {
    const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
    switch (rows << 1 | half) {
#define CASE(n, v)                                                    \
  case n << 1: score_rows(tile, row, panel, 0, n, v); break;          \
  case n << 1 | 1: score_rows(tile, row, panel, 1, n, v); break;
      CASE(1, 4) CASE(2, 4) CASE(3, 4) CASE(4, 2) CASE(5, 2) CASE(6, 2)
#undef CASE
    }
    row += rows;
  }
}

static void weighted_sums(const attention_tile *tile, const void *panel, int half, int32_t low,
                          int32_t high) {
  const int32_t tiles = (tile->rows + MAX_ROWS - 1) / MAX_ROWS;
  for (int32_t i = 0, row = 0; i < tiles; i++) {
    const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
    switch (rows << 1 | half) {
#define CASE(n)                                                                 \
  case n << 1: sum_rows(tile, row, panel, 0, low, high, n); break;              \
  case n << 1 | 1: sum_rows(tile, row, panel, 1, low, high, n); break;
      CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#undef CASE
    }
    row += rows;
  }
}

// Scores to probabilities; slots the row does not attend become 0. Codes of weights need
// probabilities relative to the block's own maximum (`local`), whose distance to the running one
// then goes into the weight.
static void softmax_row(const attention_tile *tile, int32_t row, int64_t b, int local) {
  const __m256 none = _mm256_set1_ps(-INFINITY);
  float *s = tile->scores + (size_t)row * KV_TOKENS;
  int32_t low, high;
  attention_slots(tile, tile->args->position + tile->t0 + row / tile->args->query_heads, b, &low,
                  &high);
  __m256 most = none;
  const __m256i steps = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (int32_t t = 0; t < KV_TOKENS; t += 8) {
    __m256i slot = _mm256_add_epi32(steps, _mm256_set1_epi32(t));
    __m256i used = _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(low), slot),
                                       _mm256_cmpgt_epi32(_mm256_set1_epi32(high), slot));
    __m256 x = _mm256_blendv_ps(none, _mm256_load_ps(s + t), _mm256_castsi256_ps(used));
    _mm256_store_ps(s + t, x);
    most = _mm256_max_ps(most, x);
  }
  float lanes[8], block = -INFINITY;
  _mm256_storeu_ps(lanes, most);
  for (int i = 0; i < 8; i++) block = lanes[i] > block ? lanes[i] : block;
  const float old = tile->largest[row];
  const float largest = block > old ? block : old;
  // Both factors at once; a maximum that stays, and one that is not there, need no arithmetic.
  const __m256 change =
      exp2_negative(_mm256_setr_ps(old - largest, block - largest, 0, 0, 0, 0, 0, 0));
  const float decay = old == largest ? 1.0f : change[0];
  const float weight = block == -INFINITY ? 0.0f : local ? change[1] : 1.0f;
  const float relative_to = local ? block : largest;
  const __m256 reference = _mm256_set1_ps(relative_to == -INFINITY ? 0.0f : relative_to);
  __m256 sum = _mm256_setzero_ps();
  for (int32_t t = 0; t < KV_TOKENS; t += 8) {
    __m256 p = exp2_negative(_mm256_sub_ps(_mm256_load_ps(s + t), reference));
    _mm256_store_ps(s + t, p);
    sum = _mm256_add_ps(sum, p);
  }
  float *sums = tile->sums + (size_t)row * 16;
  __m256 before = _mm256_mul_ps(_mm256_load_ps(sums), _mm256_set1_ps(decay));
  _mm256_store_ps(sums, _mm256_fmadd_ps(sum, _mm256_set1_ps(weight), before));
  tile->largest[row] = largest;
  tile->decay[row] = decay;
  tile->weight[row] = weight;
}

static const void *float_panel(const attention_tile *tile, const nk_kv_format *f, const void *block,
                               float *panel, int *half) {
  *half = f->kind == NK_KV_F16 && tile->rows < CONVERT_ROWS;
  if (*half || f->kind == NK_KV_F32) return block;
  kv_panel_avx2(f, block, panel);
  return panel;
}

static float sum_of_row(const attention_tile *tile, int32_t row) {
  const float *sums = tile->sums + row * 16;
  float sum = 0;
  for (int i = 0; i < 8; i++) sum += sums[i];
  return sum;
}

static void run_tile(const attention_tile *tile) {
  const nk_attention_args *a = tile->args;
  begin_rows(tile);
  if (tile->first > tile->last) return;

  const int key_codes = attention_key_codes(&a->keys);
  const int value_codes = attention_value_codes(&a->values);
  if (key_codes) attention_quantize_queries_avx2(tile);
  for (int64_t b = tile->first / KV_TOKENS; b <= tile->last / KV_TOKENS; b++) {
    const void *keys = a->key_blocks[b], *values = a->value_blocks[b];
    int32_t low, high;
    int half;
    attention_used_slots(tile, b, &low, &high);
    if (key_codes) {
      attention_scores_codes_avx2(tile, keys);
    } else {
      keys = float_panel(tile, &a->keys, keys, tile->key_panel, &half);
      scores(tile, keys, half);
    }
    for (int32_t row = 0; row < tile->rows; row++) softmax_row(tile, row, b, value_codes);
    if (value_codes) {
      attention_sum_codes_avx2(tile, values, low, high);
    } else {
      values = float_panel(tile, &a->values, values, tile->value_panel, &half);
      weighted_sums(tile, values, half, low, high);
    }
  }
}

#pragma clang attribute pop
#endif

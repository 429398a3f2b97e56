// AVX2 attention: F32 and F16 blocks in float32, INT8 and INT4 blocks mostly in integers
// (attention_avx2_codes.c), anything else through a dequantized panel.
#include "attention_avx2.h"
#include "kv_panel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

enum {
  MAX_ROWS = 6,
  // From this many rows on, an F16 block is converted once instead of once per register tile.
  CONVERT_ROWS = 7,
};

INLINE __m256 load8(const void *panel, size_t index, int half) {
  const uint16_t *halves = panel;
  if (half) return _mm256_cvtph_ps(_mm_loadu_si128((const void *)(halves + index)));
  return _mm256_loadu_ps((const float *)panel + index);
}

// 2^x for x <= 0, relative error below 2e-7; 0 below -126.
INLINE __m256 exp2_negative(__m256 x) {
  const __m256 round = _mm256_set1_ps(0x1.8p23f);
  __m256 normal = _mm256_cmp_ps(x, _mm256_set1_ps(-126.0f), _CMP_NLT_UQ);
  __m256 shifted = _mm256_add_ps(x, round);
  __m256 f = _mm256_sub_ps(x, _mm256_sub_ps(shifted, round));
  __m256 p = _mm256_set1_ps(0x1.5bba12p-10f);
  p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0x1.3cea88p-7f));
  p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0x1.c6b752p-5f));
  p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0x1.ebf9bcp-3f));
  p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0x1.62e42ap-1f));
  p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f));
  __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  __m256i bits = _mm256_add_epi32(_mm256_castps_si256(p), exponent);
  return _mm256_and_ps(_mm256_castsi256_ps(bits), normal);
}

// sum[r] += matrix^T broadcast: `vectors` * 8 columns of `rows` rows, reduced over [low, high) of a
// panel `width` wide.
INLINE void accumulate(__m256 sum[MAX_ROWS][4], const float *left, size_t left_stride,
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

INLINE void score_rows(const attention_tile *tile, int32_t row, const void *panel, int half,
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

INLINE void sum_rows(const attention_tile *tile, int32_t row, const void *panel, int half,
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

static void run_tile(const attention_tile *tile) {
  const nk_attention_args *a = tile->args;
  const float scale = attention_scale(a);
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *query = attention_query(tile, row);
    float *to = tile->queries + row * tile->key_dim;
    for (int32_t c = 0; c < tile->key_dim; c++) to[c] = c < a->keys.head_dim ? query[c] * scale : 0;
    tile->largest[row] = -INFINITY;
  }
  for (int32_t i = 0; i < tile->rows * tile->value_dim; i++) tile->acc[i] = 0;
  for (int32_t i = 0; i < tile->rows * 16; i++) tile->sums[i] = 0;
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

INLINE float lane_sum(const float *sums) {
  float sum = 0;
  for (int i = 0; i < 8; i++) sum += sums[i];
  return sum;
}

void nk_attention_avx2(const nk_attention_args *a, int64_t t0, int64_t t1, void *scratch) {
  attention_tile tile;
  attention_tile_lay_out(&tile, a, t1 - t0, scratch);
  const int64_t step = attention_tile_tokens(a, t1 - t0);
  for (int64_t t = t0; t < t1; t += step) {
    attention_tile_begin(&tile, t, t + step < t1 ? t + step : t1, 0, INT64_MAX / KV_TOKENS);
    run_tile(&tile);
    for (int32_t row = 0; row < tile.rows; row++) {
      float *out = attention_out(&tile, row);
      const float *acc = tile.acc + row * tile.value_dim;
      const float sum = lane_sum(tile.sums + row * 16);
      const float inverse = sum > 0 ? 1.0f / sum : 0.0f;
      for (int32_t c = 0; c < a->values.head_dim; c++) out[c] = acc[c] * inverse;
    }
  }
}

void nk_attention_partial_avx2(const nk_attention_args *a, int64_t t0, int64_t t1, int64_t b0,
                               int64_t b1, float *partial, void *scratch) {
  attention_tile tile;
  attention_tile_lay_out(&tile, a, t1 - t0, scratch);
  const int64_t step = attention_tile_tokens(a, t1 - t0);
  for (int64_t t = t0; t < t1; t += step) {
    attention_tile_begin(&tile, t, t + step < t1 ? t + step : t1, b0, b1);
    run_tile(&tile);
    for (int32_t row = 0; row < tile.rows; row++) {
      const float *acc = tile.acc + row * tile.value_dim;
      *partial++ = tile.largest[row];
      *partial++ = lane_sum(tile.sums + row * 16);
      for (int32_t c = 0; c < a->values.head_dim; c++) *partial++ = acc[c];
    }
  }
}

// Merging is a few hundred floats per head: plain C does.
void nk_attention_merge_avx2(const nk_attention_args *args, int64_t t0, int64_t t1,
                             const float *partials, size_t count, size_t stride) {
  nk_attention_merge_generic(args, t0, t1, partials, count, stride);
}

#pragma clang attribute pop
#endif

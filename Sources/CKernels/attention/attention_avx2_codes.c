// AVX2 attention straight on INT8 and INT4 codes, in 16-bit integer dot products (vpmaddwd).
//
// Queries and probabilities become 16-bit codes, so that nothing is lost compared with the cache's own
// error. Of the four bytes that a lane holds, the first and third are multiplied together, then the
// second and fourth; queries and probabilities are stored in that order.
#include "attention_avx2.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(TARGET_AVX2, apply_to = function)

enum { MAX_ROWS = 3, CODE_LIMIT = 32512 };

// Where the code of element i stands: 0 2 1 3 within each four.
ALWAYS_INLINE int32_t place(int32_t i) { return (i & ~3) | (i & 1) << 1 | (i >> 1 & 1); }

void attention_quantize_queries_avx2(const attention_tile *tile) {
  const nk_kv_format *f = &tile->args->keys;
  const int32_t zero = f->kind == NK_KV_INT8 ? KV_INT8_ZERO : KV_INT4_ZERO;
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *q = tile->queries + row * tile->key_dim;
    int16_t *codes = (int16_t *)tile->query_codes + row * tile->key_dim;
    // Padding meets padding of the keys, which may hold anything.
    memset(codes, 0, (size_t)tile->key_dim * sizeof *codes);
    for (int32_t g = 0; g < tile->key_groups; g++) {
      const int32_t first = g * f->group, end = first + f->group;
      float largest = 0;
      for (int32_t c = first; c < end; c++) largest = fmaxf(largest, fabsf(q[c]));
      const float unit = largest / (float)CODE_LIMIT;
      const float inverse = unit > 1e-35f ? 1.0f / unit : 0.0f;
      int32_t sum = 0;
      for (int32_t c = first; c < end; c++) {
        const int32_t code = _mm_cvtss_si32(_mm_set_ss(q[c] * inverse));
        codes[place(c)] = (int16_t)code;
        sum += code;
      }
      tile->query_scales[row * tile->key_groups + g] = unit;
      tile->query_bias[row * tile->key_groups + g] = -zero * sum;
    }
  }
}

ALWAYS_INLINE __m256i pair_of(const int16_t *p) {
  int32_t both;
  memcpy(&both, p, sizeof both);
  return _mm256_set1_epi32(both);
}

// Bytes 0 and 2, and bytes 1 and 3, of each lane as 16-bit numbers.
ALWAYS_INLINE void take_apart(__m256i raw, int wide, int nibble, __m256i *even, __m256i *odd) {
  const __m256i field = _mm256_set1_epi16(wide ? 255 : 15);
  *even = _mm256_and_si256(nibble ? _mm256_srli_epi16(raw, 4) : raw, field);
  *odd = _mm256_srli_epi16(raw, nibble ? 12 : 8);
  if (!wide && !nibble) *odd = _mm256_and_si256(*odd, field);
}

ALWAYS_INLINE __m256i add_products(__m256i sum, __m256i even, __m256i odd, const int16_t *codes) {
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(even, pair_of(codes)));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(odd, pair_of(codes + 2)));
}

// 16 scores from slot 16 * sixteen of `rows` rows.
ALWAYS_INLINE void scores(const attention_tile *tile, const uint8_t *codes, int32_t row, int32_t sixteen,
                   int rows, int wide) {
  const int32_t dim = tile->key_dim, groups = tile->key_groups, chunks = dim / 4 / groups;
  const int16_t *query = (const int16_t *)tile->query_codes + row * dim;
  float *out = tile->scores + (size_t)row * KV_TOKENS + 16 * sixteen;
  const int nibble = !wide && (sixteen & 1);
  const uint8_t *from = codes + (wide ? sixteen : sixteen / 2) * 64;
  for (int32_t g = 0; g < groups; g++) {
    __m256i sum[MAX_ROWS][2];
    UNROLL for (int r = 0; r < rows; r++) {
      sum[r][0] = sum[r][1] = _mm256_set1_epi32(tile->query_bias[(row + r) * groups + g]);
    }
    for (int32_t c = g * chunks; c < (g + 1) * chunks; c++) {
      UNROLL for (int v = 0; v < 2; v++) {
        __m256i even, odd;
        const uint8_t *at = from + c * (wide ? 256 : 128) + 32 * v;
        take_apart(_mm256_loadu_si256((const void *)at), wide, nibble, &even, &odd);
        UNROLL for (int r = 0; r < rows; r++) {
          sum[r][v] = add_products(sum[r][v], even, odd, query + r * dim + 4 * c);
        }
      }
    }
    UNROLL for (int r = 0; r < rows; r++) {
      const __m256 unit = _mm256_set1_ps(tile->query_scales[(row + r) * groups + g]);
      UNROLL for (int v = 0; v < 2; v++) {
        __m256 scale = _mm256_load_ps(tile->key_scales + g * KV_TOKENS + 16 * sixteen + 8 * v);
        float *to = out + r * KV_TOKENS + 8 * v;
        __m256 before = g ? _mm256_load_ps(to) : _mm256_setzero_ps();
        __m256 x = _mm256_cvtepi32_ps(sum[r][v]);
        _mm256_store_ps(to, _mm256_fmadd_ps(x, _mm256_mul_ps(scale, unit), before));
      }
    }
  }
}

void attention_scores_codes_avx2(const attention_tile *tile, const void *block) {
  const nk_kv_format *f = &tile->args->keys;
  const uint16_t *scales = kv_scales_of(f, block);
  for (int32_t i = 0; i < tile->key_groups * KV_TOKENS; i += 8) {
    __m128i raw = _mm_loadu_si128((const void *)(scales + i));
    _mm256_store_ps(tile->key_scales + i, _mm256_cvtph_ps(raw));
  }
  const int wide = f->kind == NK_KV_INT8;
  const int32_t tiles = (tile->rows + MAX_ROWS - 1) / MAX_ROWS;
  for (int32_t i = 0, row = 0; i < tiles; i++) {
    const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
    for (int32_t sixteen = 0; sixteen < 4; sixteen++) {
      switch (rows << 1 | wide) {
#define CASE(n)                                                              \
  case n << 1: scores(tile, block, row, sixteen, n, 0); break;               \
  case n << 1 | 1: scores(tile, block, row, sixteen, n, 1); break;
        CASE(1) CASE(2) CASE(3)
#undef CASE
      }
    }
    row += rows;
  }
}

// Scales of the values relative to the largest of the block, in units of codes; slots outside [low,
// high) become 0.
static void prepare_value_scales(const attention_tile *tile, const uint16_t *scales, int32_t low,
                                 int32_t high) {
  for (int32_t g = 0; g < tile->value_groups; g++) {
    float *to = tile->value_scales + g * KV_TOKENS;
    float largest = 0;
    for (int32_t t = 0; t < KV_TOKENS; t += 8) {
      __m128i raw = _mm_loadu_si128((const void *)(scales + g * KV_TOKENS + t));
      _mm256_store_ps(to + t, _mm256_cvtph_ps(raw));
    }
    for (int32_t t = 0; t < low; t++) to[t] = 0;
    for (int32_t t = high; t < KV_TOKENS; t++) to[t] = 0;
    __m256 most = _mm256_setzero_ps();
    for (int32_t t = 0; t < KV_TOKENS; t += 8) {
      __m256 x = _mm256_load_ps(to + t);
      most = _mm256_max_ps(most, _mm256_max_ps(x, _mm256_sub_ps(_mm256_setzero_ps(), x)));
    }
    float lanes[8];
    _mm256_storeu_ps(lanes, most);
    for (int i = 0; i < 8; i++) largest = lanes[i] > largest ? lanes[i] : largest;
    const float unit = largest / (float)CODE_LIMIT;
    const __m256 inverse = _mm256_set1_ps(unit > 1e-35f ? 1.0f / unit : 0.0f);
    for (int32_t t = 0; t < KV_TOKENS; t += 8) {
      _mm256_store_ps(to + t, _mm256_mul_ps(_mm256_load_ps(to + t), inverse));
    }
    tile->value_scales[tile->value_groups * KV_TOKENS + g] = unit;
  }
}

static void quantize_weights(const attention_tile *tile, int32_t g) {
  const float *scales = tile->value_scales + g * KV_TOKENS;
  const int32_t zero = tile->args->values.kind == NK_KV_INT8 ? KV_INT8_ZERO : KV_INT4_ZERO;
  // 0 2 1 3 of the eight 16-bit codes of a 128-bit lane.
  const __m256i order = _mm256_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0, 1,
                                         4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *p = tile->scores + (size_t)row * KV_TOKENS;
    int8_t *to = tile->weight_codes + (size_t)row * 2 * KV_TOKENS;
    __m256i sum = _mm256_setzero_si256();
    for (int32_t t = 0; t < KV_TOKENS; t += 16) {
      __m256 x = _mm256_mul_ps(_mm256_load_ps(p + t), _mm256_load_ps(scales + t));
      __m256 y = _mm256_mul_ps(_mm256_load_ps(p + t + 8), _mm256_load_ps(scales + t + 8));
      __m256i a = _mm256_cvtps_epi32(x), b = _mm256_cvtps_epi32(y);
      sum = _mm256_add_epi32(sum, _mm256_add_epi32(a, b));
      __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
      _mm256_store_si256((void *)(to + 2 * t), _mm256_shuffle_epi8(packed, order));
    }
    int32_t lanes[8], total = 0;
    _mm256_storeu_si256((void *)lanes, sum);
    for (int i = 0; i < 8; i++) total += lanes[i];
    tile->weight_bias[row] = -zero * total;
  }
}

// 16 channels from `column` of `rows` rows.
ALWAYS_INLINE void sum_rows(const attention_tile *tile, const uint8_t *codes, int32_t row, int32_t column,
                     float unit, int rows, int wide) {
  const int32_t stride = tile->value_dim * 4;
  const int16_t *weights = (const int16_t *)tile->weight_codes + (size_t)row * KV_TOKENS;
  __m256i sum[MAX_ROWS][2];
  UNROLL for (int r = 0; r < rows; r++) {
    sum[r][0] = sum[r][1] = _mm256_set1_epi32(tile->weight_bias[row + r]);
  }
  for (int32_t pair = 0; pair < KV_TOKENS / 8; pair++) {
    UNROLL for (int h = 0; h < 2; h++) {
      const uint8_t *from = codes + 4 * column + (wide ? 2 * pair + h : pair) * stride;
      UNROLL for (int v = 0; v < 2; v++) {
        __m256i even, odd;
        __m256i raw = _mm256_loadu_si256((const void *)(from + 32 * v));
        take_apart(raw, wide, !wide && h, &even, &odd);
        UNROLL for (int r = 0; r < rows; r++) {
          const int16_t *quad = weights + r * KV_TOKENS + 8 * pair + 4 * h;
          sum[r][v] = add_products(sum[r][v], even, odd, quad);
        }
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    float *acc = tile->acc + (size_t)(row + r) * (size_t)tile->value_dim + column;
    const __m256 decay = _mm256_set1_ps(tile->decay[row + r]);
    const __m256 factor = _mm256_set1_ps(tile->weight[row + r] * unit);
    UNROLL for (int v = 0; v < 2; v++) {
      __m256 old = _mm256_mul_ps(_mm256_load_ps(acc + 8 * v), decay);
      _mm256_store_ps(acc + 8 * v, _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[r][v]), factor, old));
    }
  }
}

void attention_sum_codes_avx2(const attention_tile *tile, const void *block, int32_t low,
                              int32_t high) {
  const nk_kv_format *f = &tile->args->values;
  const int wide = f->kind == NK_KV_INT8;
  const int32_t columns = tile->value_dim / tile->value_groups;
  const int32_t tiles = (tile->rows + MAX_ROWS - 1) / MAX_ROWS;
  prepare_value_scales(tile, kv_scales_of(f, block), low, high);
  for (int32_t g = 0; g < tile->value_groups; g++) {
    const float unit = tile->value_scales[tile->value_groups * KV_TOKENS + g];
    quantize_weights(tile, g);
    for (int32_t c = g * columns; c < (g + 1) * columns; c += 16) {
      for (int32_t i = 0, row = 0; i < tiles; i++) {
        const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
        switch (rows << 1 | wide) {
#define CASE(n)                                                           \
  case n << 1: sum_rows(tile, block, row, c, unit, n, 0); break;          \
  case n << 1 | 1: sum_rows(tile, block, row, c, unit, n, 1); break;
          CASE(1) CASE(2) CASE(3)
#undef CASE
        }
        row += rows;
      }
    }
  }
}

#pragma clang attribute pop
#endif

// AVX-512 VNNI attention straight on INT8 and INT4 codes, and on bytes of codebook levels.
//
// A dot product of codes needs both sides in integers. Queries against INT8 keys and probabilities
// against values take 16 bits, as two signed bytes (high * 256 + low), so that nothing is lost
// next to the cache's own error; queries against INT4 keys and codebook levels take 8 bits per group.
#include "attention_avx512.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(TARGET_AVX512, apply_to = function)

enum {
  MAX_ROWS = 6,
  // Largest 16-bit code: its high byte, rounded, stays within a signed byte.
  WIDE_LIMIT = 127 * 256,
};

ALWAYS_INLINE __mmask16 tail_mask(int32_t left) {
  return left >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1u);
}

void attention_quantize_queries_avx512(const attention_tile *tile) {
  const nk_kv_format *f = &tile->args->keys;
  const int wide = f->kind == NK_KV_INT8;
  const float limit = wide ? (float)WIDE_LIMIT : 127.0f;
  const int32_t zero = f->kind == NK_KV_INT4 ? KV_INT4_ZERO : KV_INT8_ZERO;
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *q = tile->queries + row * tile->key_dim;
    int8_t *codes = tile->query_codes + row * 2 * tile->key_dim;
    for (int32_t g = 0; g < tile->key_groups; g++) {
      const int32_t first = kv_group_first(f, g), next = kv_group_first(f, g + 1);
      const int32_t end = next < f->head_dim ? next : f->head_dim;
      __m512 largest = _mm512_setzero_ps();
      for (int32_t c = first; c < end; c += 16) {
        __m512 x = _mm512_maskz_loadu_ps(tail_mask(end - c), q + c);
        largest = _mm512_max_ps(largest, _mm512_abs_ps(x));
      }
      const float unit = _mm512_reduce_max_ps(largest) / limit;
      const __m512 inverse = _mm512_set1_ps(unit > 1e-35f ? 1.0f / unit : 0.0f);
      __m512i sum = _mm512_setzero_si512();
      for (int32_t c = first; c < end; c += 16) {
        const __mmask16 mask = tail_mask(end - c);
        __m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, q + c), inverse);
        __m512i code = _mm512_cvtps_epi32(x);
        sum = _mm512_add_epi32(sum, code);
        if (wide) {
          __m512i high = _mm512_srai_epi32(_mm512_add_epi32(code, _mm512_set1_epi32(128)), 8);
          _mm_mask_storeu_epi8(codes + c, mask, _mm512_cvtepi32_epi8(high));
          _mm_mask_storeu_epi8(codes + tile->key_dim + c, mask, _mm512_cvtepi32_epi8(code));
        } else {
          _mm_mask_storeu_epi8(codes + c, mask, _mm512_cvtepi32_epi8(code));
        }
      }
      const float level = f->kind == NK_KV_CODEBOOK ? tile->level_units[g] : 1.0f;
      tile->query_scales[row * tile->key_groups + g] = unit * level;
      tile->query_bias[row * tile->key_groups + g] = -zero * _mm512_reduce_add_epi32(sum);
    }
    // Padding meets padding of the keys, which may hold anything.
    for (int32_t c = f->head_dim; c < tile->key_dim; c++) codes[c] = codes[tile->key_dim + c] = 0;
  }
}

// Codes of a block as the inner loops see them.
enum { NIBBLES, BYTES, BYTES_WIDE };  // WIDE: queries of 16 bits

// Four vectors of codes that belong to one step of four channels.
ALWAYS_INLINE void load_keys(const uint8_t *codes, int32_t chunk, int nibbles, __m512i key[4]) {
  if (!nibbles) {
    UNROLL for (int j = 0; j < 4; j++) key[j] = _mm512_loadu_si512(codes + chunk * 256 + 64 * j);
  } else {
    const __m512i nibble = _mm512_set1_epi8(15);
    UNROLL for (int j = 0; j < 2; j++) {
      __m512i pair = _mm512_loadu_si512(codes + chunk * 128 + 64 * j);
      key[2 * j] = _mm512_and_si512(pair, nibble);
      key[2 * j + 1] = _mm512_and_si512(_mm512_srli_epi16(pair, 4), nibble);
    }
  }
}

// 64 scores of `rows` rows.
ALWAYS_INLINE void scores(const attention_tile *tile, const uint8_t *codes, int32_t row, int rows,
                   int form) {
  const int wide = form == BYTES_WIDE;
  const int32_t dim = tile->key_dim, groups = tile->key_groups;
  const nk_kv_format *f = &tile->args->keys;
  const int8_t *query = tile->query_codes + row * 2 * dim;
  float *out = tile->scores + (size_t)row * KV_TOKENS;
  for (int32_t g = 0; g < groups; g++) {
    __m512i low[MAX_ROWS][4], high[MAX_ROWS][4];
    UNROLL for (int r = 0; r < rows; r++) {
      __m512i bias = _mm512_set1_epi32(tile->query_bias[(row + r) * groups + g]);
      UNROLL for (int j = 0; j < 4; j++) {
        low[r][j] = bias;
        high[r][j] = _mm512_setzero_si512();
      }
    }
    const int32_t end = kv_group_first(f, g + 1) / 4;
    for (int32_t c = kv_group_first(f, g) / 4; c < end; c++) {
      __m512i key[4];
      load_keys(codes, c, form == NIBBLES, key);
      UNROLL for (int r = 0; r < rows; r++) {
        const int8_t *q = query + r * 2 * dim + 4 * c;
        __m512i first = attention_four_bytes(q);
        if (wide) {
          __m512i second = attention_four_bytes(q + dim);
          UNROLL for (int j = 0; j < 4; j++) {
            high[r][j] = _mm512_dpbusd_epi32(high[r][j], key[j], first);
            low[r][j] = _mm512_dpbusd_epi32(low[r][j], key[j], second);
          }
        } else {
          UNROLL for (int j = 0; j < 4; j++) {
            low[r][j] = _mm512_dpbusd_epi32(low[r][j], key[j], first);
          }
        }
      }
    }
    UNROLL for (int r = 0; r < rows; r++) {
      __m512 unit = _mm512_set1_ps(tile->query_scales[(row + r) * groups + g]);
      UNROLL for (int j = 0; j < 4; j++) {
        __m512i sum = low[r][j];
        if (wide) sum = _mm512_add_epi32(sum, _mm512_slli_epi32(high[r][j], 8));
        __m512 scale = _mm512_mul_ps(
            _mm512_load_ps(tile->key_scales + g * KV_TOKENS + 16 * j), unit);
        float *to = out + r * KV_TOKENS + 16 * j;
        __m512 before = g ? _mm512_load_ps(to) : _mm512_setzero_ps();
        _mm512_store_ps(to, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, before));
      }
    }
  }
}

void attention_scores_codes_avx512(const attention_tile *tile, const void *block) {
  const nk_kv_format *f = &tile->args->keys;
  const uint16_t *scales = kv_scales_of(f, block);
  for (int32_t i = 0; i < tile->key_groups * KV_TOKENS; i += 16) {
    _mm512_store_ps(tile->key_scales + i,
                    _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(scales + i))));
  }
  const uint8_t *codes = block;
  if (f->kind == NK_KV_CODEBOOK) {
    codes = attention_unpack_levels_avx512(tile, f, block, tile->key_panel);
  }
  const int form = f->kind == NK_KV_INT4 ? NIBBLES : f->kind == NK_KV_INT8 ? BYTES_WIDE : BYTES;
  const int32_t most = form == BYTES_WIDE ? MAX_ROWS / 2 : MAX_ROWS;
  const int32_t tiles = (tile->rows + most - 1) / most;
  for (int32_t i = 0, row = 0; i < tiles; i++) {
    const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
    switch (rows << 2 | form) {
#define CASE(n, form) case n << 2 | form: scores(tile, codes, row, n, form); break;
#define ALL(n) CASE(n, NIBBLES) CASE(n, BYTES)
      ALL(1) ALL(2) ALL(3) ALL(4) ALL(5) ALL(6)
      CASE(1, BYTES_WIDE) CASE(2, BYTES_WIDE) CASE(3, BYTES_WIDE)
#undef ALL
#undef CASE
    }
    row += rows;
  }
}

// Scales of the values relative to the largest of the block, in units of 16-bit codes; slots
// outside [low, high) become 0.
static void prepare_value_scales(const attention_tile *tile, const uint16_t *scales, int32_t low,
                                 int32_t high) {
  const uint64_t used = attention_slot_mask(low, high);
  for (int32_t g = 0; g < tile->value_groups; g++) {
    float *to = tile->value_scales + g * KV_TOKENS;
    __m512 scale[4], largest = _mm512_setzero_ps();
    UNROLL for (int j = 0; j < 4; j++) {
      __m256i raw = _mm256_loadu_si256((const void *)(scales + g * KV_TOKENS + 16 * j));
      scale[j] = _mm512_maskz_mov_ps((__mmask16)(used >> 16 * j), _mm512_cvtph_ps(raw));
      largest = _mm512_max_ps(largest, _mm512_abs_ps(scale[j]));
    }
    const float unit = _mm512_reduce_max_ps(largest) / (float)WIDE_LIMIT;
    const __m512 inverse = _mm512_set1_ps(unit > 1e-35f ? 1.0f / unit : 0.0f);
    UNROLL for (int j = 0; j < 4; j++) {
      _mm512_store_ps(to + 16 * j, _mm512_mul_ps(scale[j], inverse));
    }
    tile->value_scales[tile->value_groups * KV_TOKENS + g] = unit;
  }
}

// Probability times value scale as 16-bit codes. Quads of tokens end up in the order that packing
// leaves: the quad of tokens 16 j + 4 i ... + 3 is the (4 i + j)th.
static void quantize_weights(const attention_tile *tile, int32_t g) {
  const float *scales = tile->value_scales + g * KV_TOKENS;
  const int32_t kind = tile->args->values.kind;
  const int32_t zero =
      kind == NK_KV_TOKEN_GROUPS ? 0 : kind == NK_KV_INT4 ? KV_INT4_ZERO : KV_INT8_ZERO;
  const __m512i ones = _mm512_set1_epi8(1);
  __m512 scale[4];
  UNROLL for (int j = 0; j < 4; j++) scale[j] = _mm512_load_ps(scales + 16 * j);
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *p = tile->scores + (size_t)row * KV_TOKENS;
    __m512i code[4];
    UNROLL for (int j = 0; j < 4; j++) {
      code[j] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_load_ps(p + 16 * j), scale[j]));
    }
    __m512i a = _mm512_packs_epi32(code[0], code[1]), b = _mm512_packs_epi32(code[2], code[3]);
    // Low bytes as they are; packing them unsigned keeps all bits.
    const __m512i byte = _mm512_set1_epi16(255), half = _mm512_set1_epi16(128);
    __m512i low = _mm512_packus_epi16(_mm512_and_si512(a, byte), _mm512_and_si512(b, byte));
    __m512i high = _mm512_packs_epi16(_mm512_srai_epi16(_mm512_add_epi16(a, half), 8),
                                      _mm512_srai_epi16(_mm512_add_epi16(b, half), 8));
    int8_t *to = tile->weight_codes + (size_t)row * 2 * KV_TOKENS;
    _mm512_store_si512((void *)to, high);
    _mm512_store_si512((void *)(to + KV_TOKENS), low);
    __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), ones, high);
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 8), ones, low);
    tile->weight_bias[row] = -zero * _mm512_reduce_add_epi32(sum);
  }
}

// `vectors` * 16 channels from `column` of `rows` rows.
ALWAYS_INLINE void sum_rows(const attention_tile *tile, const uint8_t *codes, int32_t row, int32_t column,
                     float unit, int rows, int vectors, int wide) {
  const int32_t stride = tile->value_dim * 4;  // bytes of one vector per 16 channels
  const int8_t *weights = tile->weight_codes + (size_t)row * 2 * KV_TOKENS;
  __m512i low[MAX_ROWS][4], high[MAX_ROWS][4];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      low[r][v] = _mm512_set1_epi32(tile->weight_bias[row + r]);
      high[r][v] = _mm512_setzero_si512();
    }
  }
  for (int32_t pair = 0; pair < KV_TOKENS / 8; pair++) {
    __m512i value[2][4];
    UNROLL for (int v = 0; v < vectors; v++) {
      if (wide) {
        const uint8_t *from = codes + 2 * pair * stride + 4 * column + 64 * v;
        value[0][v] = _mm512_loadu_si512(from);
        value[1][v] = _mm512_loadu_si512(from + stride);
      } else {
        const __m512i nibble = _mm512_set1_epi8(15);
        __m512i both = _mm512_loadu_si512(codes + pair * stride + 4 * column + 64 * v);
        value[0][v] = _mm512_and_si512(both, nibble);
        value[1][v] = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
      }
    }
    UNROLL for (int h = 0; h < 2; h++) {
      const int32_t quad = 2 * pair + h, at = (quad % 4 * 4 + quad / 4) * 4;
      UNROLL for (int r = 0; r < rows; r++) {
        __m512i top = attention_four_bytes(weights + r * 2 * KV_TOKENS + at);
        __m512i bottom = attention_four_bytes(weights + r * 2 * KV_TOKENS + KV_TOKENS + at);
        UNROLL for (int v = 0; v < vectors; v++) {
          high[r][v] = _mm512_dpbusd_epi32(high[r][v], value[h][v], top);
          low[r][v] = _mm512_dpbusd_epi32(low[r][v], value[h][v], bottom);
        }
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    float *acc = tile->acc + (size_t)(row + r) * (size_t)tile->value_dim + column;
    const __m512 decay = _mm512_set1_ps(tile->decay[row + r]);
    const __m512 factor = _mm512_set1_ps(tile->weight[row + r] * unit);
    const __m512 offset = _mm512_set1_ps(tile->weight_offset[row + r]);
    UNROLL for (int v = 0; v < vectors; v++) {
      __m512i sum = _mm512_add_epi32(low[r][v], _mm512_slli_epi32(high[r][v], 8));
      __m512 old = _mm512_fmadd_ps(_mm512_load_ps(acc + 16 * v), decay, offset);
      _mm512_store_ps(acc + 16 * v, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), factor, old));
    }
  }
}

static void sum_group(const attention_tile *tile, const uint8_t *codes, int32_t column,
                      int32_t vectors, float unit, int wide) {
  // High and low sums of all rows and channels of a tile fill 24 registers.
  const int32_t most = vectors > 2 ? 3 : MAX_ROWS;
  const int32_t tiles = (tile->rows + most - 1) / most;
  for (int32_t i = 0, row = 0; i < tiles; i++) {
    const int32_t rows = (tile->rows - row + tiles - i - 1) / (tiles - i);
    switch (rows << 3 | (vectors - 1) << 1 | wide) {
#define CASE(n, v)                                                                               \
  case n << 3 | (v - 1) << 1: sum_rows(tile, codes, row, column, unit, n, v, 0); break;          \
  case n << 3 | (v - 1) << 1 | 1: sum_rows(tile, codes, row, column, unit, n, v, 1); break;
#define NARROW(n) CASE(n, 1) CASE(n, 2)
#define ALL(n) NARROW(n) CASE(n, 3) CASE(n, 4)
      ALL(1) ALL(2) ALL(3) NARROW(4) NARROW(5) NARROW(6)
#undef ALL
#undef NARROW
#undef CASE
    }
    row += rows;
  }
}

void attention_sum_codes_avx512(const attention_tile *tile, const void *block, int32_t low,
                                int32_t high) {
  const nk_kv_format *f = &tile->args->values;
  const int wide = f->kind != NK_KV_INT4;
  const uint8_t *codes = block;
  if (f->kind == NK_KV_CODEBOOK) {
    codes = attention_unpack_levels_avx512(tile, f, block, tile->value_panel);
  } else if (f->kind == NK_KV_TOKEN_GROUPS) {
    codes = attention_unpack_values_avx512(tile, block, tile->value_panel);
  }
  prepare_value_scales(tile, kv_scales_of(f, block), low, high);
  for (int32_t g = 0; g < tile->value_groups; g++) {
    float unit = tile->value_scales[tile->value_groups * KV_TOKENS + g];
    if (f->kind == NK_KV_CODEBOOK) unit *= tile->level_units[NK_KV_PARTS + g];
    quantize_weights(tile, g);
    if (f->kind == NK_KV_TOKEN_GROUPS) {
      const uint16_t *minima = kv_scales_of(f, block) + (tile->value_groups + g) * KV_TOKENS;
      attention_add_minima_avx512(tile, minima, low, high);
    }
    const int32_t end = kv_group_first(f, g + 1);
    for (int32_t c = kv_group_first(f, g); c < end; c += 64) {
      const int32_t vectors = end - c < 64 ? (end - c) / 16 : 4;
      sum_group(tile, codes, c, vectors, unit, wide);
    }
  }
}

#pragma clang attribute pop
#endif

// AVX-512 attention: walks a tile over its blocks, with online softmax between scores and weighted
// sums.
#include "attention_avx512.h"
#include "kv_fp8.h"
#include "kv_panel.h"

#if defined(__x86_64__)
#include "lanes_avx512.h"
#include "exp2_lanes.h"

#pragma clang attribute push(TARGET_AVX512, apply_to = function)

#define VERSION(name) name##_avx512
#include "attention_calls.h"

// From this many rows on, an F16 block is converted once instead of once per register tile.
enum { CONVERT_ROWS = 13 };

// A block's slots that the row attends, as a bit mask.
ALWAYS_INLINE uint64_t row_mask(const attention_tile *tile, int32_t row, int64_t b) {
  int32_t low, high;
  int64_t position = tile->args->position + tile->t0 + row / tile->args->query_heads;
  attention_slots(tile, position, b, &low, &high);
  return low < high ? attention_slot_mask(low, high) : 0;
}

static void find_largest(const attention_tile *tile, int64_t b, int all) {
  const __m512 none = _mm512_set1_ps(-INFINITY);
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *s = tile->scores + (size_t)row * KV_TOKENS;
    __m512 x[4];
    if (all) {
      UNROLL for (int j = 0; j < 4; j++) x[j] = _mm512_load_ps(s + 16 * j);
    } else {
      const uint64_t mask = row_mask(tile, row, b);
      UNROLL for (int j = 0; j < 4; j++) {
        x[j] = _mm512_mask_load_ps(none, (__mmask16)(mask >> 16 * j), s + 16 * j);
      }
    }
    tile->block_largest[row] = _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(x[0], x[1]), _mm512_max_ps(x[2], x[3])));
  }
}

// Updates the running maxima. Codes of weights need probabilities relative to the block's own
// maximum (`local`), whose distance to the running one then goes into the weight.
static void update_largest(const attention_tile *tile, int local) {
  const __m512 none = _mm512_set1_ps(-INFINITY), one = _mm512_set1_ps(1.0f);
  for (int32_t row = 0; row < tile->rows; row += 16) {
    __m512 old = _mm512_load_ps(tile->largest + row);
    __m512 block = _mm512_load_ps(tile->block_largest + row);
    __m512 new = _mm512_max_ps(old, block);
    const __mmask16 same = _mm512_cmp_ps_mask(old, new, _CMP_EQ_OQ);
    const __mmask16 empty = _mm512_cmp_ps_mask(block, none, _CMP_EQ_OQ);
    __m512 decay = exp2_negative(_mm512_sub_ps(old, new));
    _mm512_store_ps(tile->decay + row, _mm512_mask_mov_ps(decay, same, one));
    _mm512_store_ps(tile->largest + row, new);
    __m512 weight = local ? exp2_negative(_mm512_sub_ps(block, new)) : one;
    _mm512_store_ps(tile->weight + row, _mm512_maskz_mov_ps((__mmask16)~empty, weight));
    _mm512_store_ps(tile->reference + row, local ? block : new);
  }
}

static void exponentiate(const attention_tile *tile, int64_t b, int all) {
  for (int32_t row = 0; row < tile->rows; row++) {
    float *s = tile->scores + (size_t)row * KV_TOKENS;
    float *sums = tile->sums + (size_t)row * 16;
    const __m512 reference = _mm512_set1_ps(tile->reference[row]);
    __m512 p[4];
    UNROLL for (int j = 0; j < 4; j++) {
      p[j] = exp2_negative(_mm512_sub_ps(_mm512_load_ps(s + 16 * j), reference));
    }
    if (!all) {
      const uint64_t mask = row_mask(tile, row, b);
      UNROLL for (int j = 0; j < 4; j++) {
        p[j] = _mm512_maskz_mov_ps((__mmask16)(mask >> 16 * j), p[j]);
      }
    }
    UNROLL for (int j = 0; j < 4; j++) _mm512_store_ps(s + 16 * j, p[j]);
    __m512 sum = _mm512_add_ps(_mm512_add_ps(p[0], p[1]), _mm512_add_ps(p[2], p[3]));
    __m512 old = _mm512_mul_ps(_mm512_load_ps(sums), _mm512_set1_ps(tile->decay[row]));
    _mm512_store_ps(sums, _mm512_fmadd_ps(sum, _mm512_set1_ps(tile->weight[row]), old));
  }
}

static void convert_half(const void *block, size_t count, float *panel) {
  const uint16_t *from = block;
  for (size_t i = 0; i < count; i += 16) {
    _mm512_store_ps(panel + i, _mm512_cvtph_ps(_mm256_load_si256((const void *)(from + i))));
  }
}

// A block as a float panel: the block itself, or its conversion. *half says which.
static const void *float_panel(const attention_tile *tile, const nk_kv_format *f, const void *block,
                               float *panel, int *half) {
  *half = f->kind == NK_KV_F16 && tile->rows < CONVERT_ROWS;
  if (*half || f->kind == NK_KV_F32) return block;
  if (kv_is_fp8(f)) {
    kv_panel_fp8_avx512(f, block, (uint16_t *)panel);
    *half = 1;
    return panel;
  }
  if (f->kind == NK_KV_F16) {
    convert_half(block, (size_t)kv_padded_dim(f) * KV_TOKENS, panel);
  } else if (f->kind == NK_KV_CODEBOOK) {
    kv_panel_codebook_avx512(f, block, panel);
  } else {
    kv_panel_avx2(f, block, panel);
  }
  return panel;
}

// Multiplies scores, or probabilities, by what an FP8 panel leaves out.
static void scale_rows(const attention_tile *tile, const nk_kv_format *f, const uint8_t *block) {
  const float *scales = (const float *)(const void *)(block + kv_code_bytes(f));
  const __m512 unit = _mm512_set1_ps(f->kind == NK_KV_E4M3 ? KV_E4M3_HALF : 1.0f);
  __m512 scale[4];
  UNROLL for (int j = 0; j < 4; j++) {
    scale[j] = f->scale > 0 ? _mm512_set1_ps(f->scale) : _mm512_loadu_ps(scales + 16 * j);
    scale[j] = _mm512_mul_ps(scale[j], unit);
  }
  for (int32_t row = 0; row < tile->rows; row++) {
    float *s = tile->scores + (size_t)row * KV_TOKENS;
    UNROLL for (int j = 0; j < 4; j++) {
      _mm512_store_ps(s + 16 * j, _mm512_mul_ps(_mm512_load_ps(s + 16 * j), scale[j]));
    }
  }
}

static float sum_of_row(const attention_tile *tile, int32_t row) {
  return _mm512_reduce_add_ps(_mm512_load_ps(tile->sums + row * 16));
}

// Codes are worked on so fast that the hardware's prefetcher, which has to find each block anew,
// comes too late. A block is asked for while the one before is at work: keys during values, values
// during keys (measured: 1.2 to 2 times as fast). Float blocks are larger, and faster without.
static size_t bytes_ahead(const nk_kv_format *f) {
  return f->kind == NK_KV_F32 || f->kind == NK_KV_F16 ? 0 : nk_kv_block_bytes(f);
}

ALWAYS_INLINE void prefetch(const void *block, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)block + i, 0, 3);
}

static void run_tile(const attention_tile *tile) {
  const nk_attention_args *a = tile->args;
  const int key_codes = attention_key_codes(&a->keys) || attention_level_codes(&a->keys);
  const int key_groups = attention_key_groups(&a->keys);
  const int value_codes = attention_value_codes(&a->values) || attention_level_codes(&a->values)
                       || attention_value_groups(&a->values);
  begin_rows(tile);
  if (tile->first > tile->last) return;
  attention_prepare_levels_avx512(tile);
  if (key_codes) attention_quantize_queries_avx512(tile);

  // Positions that every row attends.
  const int64_t all_first = attention_first(a, a->position + tile->t1 - 1);
  const int64_t all_last = a->position + tile->t0;
  const size_t key_bytes = bytes_ahead(&a->keys), value_bytes = bytes_ahead(&a->values);
  for (int64_t b = tile->first / KV_TOKENS; b <= tile->last / KV_TOKENS; b++) {
    const void *keys = a->key_blocks[b], *values = a->value_blocks[b];
    int32_t low, high;
    int half;
    attention_used_slots(tile, b, &low, &high);
    const int all = low == 0 && high == KV_TOKENS && b * KV_TOKENS >= all_first
                 && (b + 1) * KV_TOKENS - 1 <= all_last;

    prefetch(values, value_bytes);
    if (key_codes) {
      attention_scores_codes_avx512(tile, keys);
    } else if (key_groups) {
      attention_scores_groups_avx512(tile, keys);
    } else {
      const void *panel = float_panel(tile, &a->keys, keys, tile->key_panel, &half);
      attention_scores_float_avx512(tile, panel, half);
      if (kv_is_fp8(&a->keys)) scale_rows(tile, &a->keys, keys);
    }
    find_largest(tile, b, all);
    update_largest(tile, value_codes);
    exponentiate(tile, b, all);
    if (b < tile->last / KV_TOKENS) prefetch(a->key_blocks[b + 1], key_bytes);
    if (value_codes) {
      attention_sum_codes_avx512(tile, values, low, high);
    } else {
      const void *panel = float_panel(tile, &a->values, values, tile->value_panel, &half);
      if (kv_is_fp8(&a->values)) scale_rows(tile, &a->values, values);
      attention_sum_float_avx512(tile, panel, half, low, high);
    }
  }
}

#pragma clang attribute pop
#endif

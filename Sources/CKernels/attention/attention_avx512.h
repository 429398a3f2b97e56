// The parts of AVX-512 attention: each works on all rows of a tile and one block.
#ifndef ATTENTION_AVX512_H
#define ATTENTION_AVX512_H

#if defined(__x86_64__)

#include <immintrin.h>

#include "attention_tile.h"
#include "kernel_build.h"

// The slots [low, high) of a block as a bit mask.
ALWAYS_INLINE uint64_t attention_slot_mask(int32_t low, int32_t high) {
  return (high == KV_TOKENS ? ~0ull : (1ull << high) - 1) & ~((1ull << low) - 1);
}

// Four codes, for all lanes.
ALWAYS_INLINE TARGET_AVX512 __m512i attention_four_bytes(const int8_t *p) {
  return _mm512_set1_epi32(*(const int32_t *)p);
}

// scores = queries keys^T from a float panel [key_dim, 64]; half: the panel is f16.
void attention_scores_float_avx512(const attention_tile *tile, const void *panel, int half);

// acc = decay acc + probabilities values from a float panel [64, value_dim], slots [low, high).
void attention_sum_float_avx512(const attention_tile *tile, const void *panel, int half,
                                int32_t low, int32_t high);

// Rows of query codes, scales and biases for integer keys.
void attention_quantize_queries_avx512(const attention_tile *tile);

// Levels of codebook keys and values as bytes (attention_level_codes), for the tile.
void attention_prepare_levels_avx512(const attention_tile *tile);

// The codes of a codebook block as the bytes of their levels, in the layout of INT8. to: [padded
// channels * 64], of the tile.
const uint8_t *attention_unpack_levels_avx512(const attention_tile *tile, const nk_kv_format *f,
                                              const void *block, void *to);

// Scores from the codes of a CHANNEL_GROUPS block (attention_key_groups).
void attention_scores_groups_avx512(const attention_tile *tile, const void *block);

// The codes of a TOKEN_GROUPS block (attention_value_groups) as bytes in the layout of INT8.
const uint8_t *attention_unpack_values_avx512(const attention_tile *tile, const void *block,
                                              void *to);

// tile->weight_offset from the minima [64] of a group of channels.
void attention_add_minima_avx512(const attention_tile *tile, const uint16_t *minima, int32_t low,
                                 int32_t high);

// The same as the float pair on the codes of an INT8, INT4, CODEBOOK or (sums) TOKEN_GROUPS block. Sums are weighted by
// tile->weight.
void attention_scores_codes_avx512(const attention_tile *tile, const void *block);
void attention_sum_codes_avx512(const attention_tile *tile, const void *block, int32_t low,
                                int32_t high);

#endif
#endif

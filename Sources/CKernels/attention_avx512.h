// The parts of AVX-512 attention: each works on all rows of a tile and one block.
#ifndef ATTENTION_AVX512_H
#define ATTENTION_AVX512_H

#if defined(__x86_64__)

#include "attention_tile.h"

#define ATTENTION_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c,bmi2")))

// scores = queries keys^T from a float panel [key_dim, 64]; half: the panel is f16.
void attention_scores_float_avx512(const attention_tile *tile, const void *panel, int half);

// acc = decay acc + probabilities values from a float panel [64, value_dim], slots [low, high).
void attention_sum_float_avx512(const attention_tile *tile, const void *panel, int half,
                                int32_t low, int32_t high);

// Rows of query codes, scales and biases for integer keys.
void attention_quantize_queries_avx512(const attention_tile *tile);

// The same as the float pair on the codes of an INT8 or INT4 block. Sums are weighted by
// tile->weight.
void attention_scores_codes_avx512(const attention_tile *tile, const void *block);
void attention_sum_codes_avx512(const attention_tile *tile, const void *block, int32_t low,
                                int32_t high);

#endif
#endif

// The integer half of AVX2 attention: each function works on all rows of a tile and one block.
#ifndef ATTENTION_AVX2_H
#define ATTENTION_AVX2_H

#if defined(__x86_64__)

#include <immintrin.h>

#include "attention_tile.h"
#include "kernel_build.h"

// Rows of 16-bit query codes, scales and biases for integer keys.
void attention_quantize_queries_avx2(const attention_tile *tile);

// scores = queries keys^T on the codes of an INT8 or INT4 block.
void attention_scores_codes_avx2(const attention_tile *tile, const void *block);

// acc = decay acc + weight probabilities values on codes, slots [low, high).
void attention_sum_codes_avx2(const attention_tile *tile, const void *block, int32_t low,
                              int32_t high);

#endif
#endif

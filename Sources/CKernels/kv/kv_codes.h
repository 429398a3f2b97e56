// Elements of the FP8, codebook and group kinds, one at a time.
#ifndef KV_CODES_H
#define KV_CODES_H

#include <math.h>

#include "kv_layout.h"

void kv_append_fp8(const nk_kv_format *f, void *block, int32_t token, const float *x);
void kv_append_codebook(const nk_kv_format *f, void *block, int32_t token, const float *x);
void kv_append_token_groups(const nk_kv_format *f, void *block, int32_t token, const float *x);
// One group of tokens from `token` on.
void kv_append_channel_groups(const nk_kv_format *f, void *block, int32_t token, const float *x,
                              ptrdiff_t stride);

// Scale and minimum of a group, codes being found before both are rounded to f16.
typedef struct kv_grid {
  float scale, low;
} kv_grid;

// What lies beyond the numbers of f16 is clamped; a group of one value has scale 0. Neither low nor
// high is -0, which versions would find or not by the order they look in.
static inline kv_grid kv_grid_of(int32_t bits, float low, float high) {
  if (!(low <= high)) low = high = 0;
  low = fminf(fmaxf(low, -65504.0f), 65504.0f) + 0.0f;
  high = fminf(fmaxf(high, -65504.0f), 65504.0f) + 0.0f;
  return (kv_grid){(high - low) / (float)((1 << bits) - 1), low};
}

float kv_code_element(const nk_kv_format *f, const void *block, int32_t token, int32_t channel);

#if defined(__x86_64__)
// Tokens of FP8, codebook and token-group blocks; 0 if the vectors are not whole, nothing done.
int kv_append_codes_avx2(const nk_kv_format *f, void *block, int32_t slot, int32_t count,
                         const float *vectors, ptrdiff_t stride);
#endif

#endif

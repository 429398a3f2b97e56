// Elements of the FP8, codebook and group kinds, one at a time.
#ifndef KV_CODES_H
#define KV_CODES_H

#include "kv_layout.h"

void kv_append_fp8(const nk_kv_format *f, void *block, int32_t token, const float *x);
void kv_append_codebook(const nk_kv_format *f, void *block, int32_t token, const float *x);
void kv_append_token_groups(const nk_kv_format *f, void *block, int32_t token, const float *x);
// One group of tokens from `token` on.
void kv_append_channel_groups(const nk_kv_format *f, void *block, int32_t token, const float *x,
                              ptrdiff_t stride);

float kv_code_element(const nk_kv_format *f, const void *block, int32_t token, int32_t channel);

#endif

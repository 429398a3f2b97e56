// Dequantized blocks ("panels") for attention in float32: keys [padded channels, 64], values [64,
// padded channels].
#ifndef KV_PANEL_H
#define KV_PANEL_H

#include "kv_layout.h"

// Any kind and any group, element by element. Slots never written give meaningless numbers.
void kv_panel_generic(const nk_kv_format *format, const void *block, float *panel);

#if defined(__x86_64__)
void kv_panel_avx2(const nk_kv_format *format, const void *block, float *panel);
void kv_panel_codebook_avx2(const nk_kv_format *format, const void *block, float *panel);
void kv_panel_codebook_avx512(const nk_kv_format *format, const void *block, float *panel);
// FP8 as halves without the scales, E4M3 divided by 256.
void kv_panel_fp8_avx512(const nk_kv_format *format, const void *block, uint16_t *panel);
#endif

#endif

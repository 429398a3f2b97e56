// Writing tokens into key/value blocks and reading them back, in plain C.
#include <math.h>

#include "half_float.h"
#include "kv_layout.h"
#include "kv_codes.h"
#include "kv_panel.h"

// Products and sums are rounded one by one, so that every version finds the same codes.
#pragma clang fp contract(off)

// The grid of ggml q8_0. Returns the code + 128.
static uint8_t int8_code(float x, float inverse) {
  float r = roundf(x * inverse);
  if (r >= 127.0f) return KV_INT8_ZERO + 127;
  if (r <= -127.0f) return KV_INT8_ZERO - 127;
  return r == r ? (uint8_t)(KV_INT8_ZERO + (int32_t)r) : KV_INT8_ZERO;
}

// The grid of ggml q4_0: the value of largest magnitude becomes code 0.
static uint8_t int4_code(float x, float inverse) {
  float r = x * inverse + 8.5f;
  if (r >= 15.0f) return 15;
  return r > 0.0f ? (uint8_t)r : 0;
}

static void append_int8_group(const nk_kv_format *f, uint8_t *codes, int32_t token, int32_t first,
                              const float *x, uint16_t *scale) {
  float largest = 0;
  for (int32_t c = 0; c < f->group; c++) largest = fmaxf(largest, fabsf(x[c]));
  float d = largest / 127.0f;
  float inverse = d > 0 ? 1.0f / d : 0.0f;
  *scale = f16_of_float(d);
  for (int32_t c = 0; c < f->group; c++) {
    codes[kv_int8_index(f, token, first + c)] = int8_code(x[c], inverse);
  }
}

static void append_int4_group(const nk_kv_format *f, uint8_t *codes, int32_t token, int32_t first,
                              const float *x, uint16_t *scale) {
  float magnitude = 0, extreme = 0;
  for (int32_t c = 0; c < f->group; c++) {
    if (fabsf(x[c]) > magnitude) {
      magnitude = fabsf(x[c]);
      extreme = x[c];
    }
  }
  float d = extreme / -8.0f;
  float inverse = d != 0 ? 1.0f / d : 0.0f;
  *scale = f16_of_float(d);
  for (int32_t c = 0; c < f->group; c++) {
    int shift;
    uint8_t *byte = codes + kv_int4_index(f, token, first + c, &shift);
    *byte = (uint8_t)((*byte & (0xf0 >> shift)) | int4_code(x[c], inverse) << shift);
  }
}

static void append_token(const nk_kv_format *f, void *block, int32_t token, const float *x) {
  int32_t padded = f->role == NK_KV_VALUES ? kv_padded_dim(f) : f->head_dim;
  switch (f->kind) {
    case NK_KV_F32:
      for (int32_t c = 0; c < padded; c++) {
        ((float *)block)[kv_float_index(f, token, c)] = c < f->head_dim ? x[c] : 0.0f;
      }
      return;
    case NK_KV_F16:
      for (int32_t c = 0; c < padded; c++) {
        ((uint16_t *)block)[kv_float_index(f, token, c)] =
            c < f->head_dim ? f16_of_float(x[c]) : 0;
      }
      return;
    case NK_KV_E4M3:
    case NK_KV_E5M2:
      return kv_append_fp8(f, block, token, x);
    case NK_KV_CODEBOOK:
      return kv_append_codebook(f, block, token, x);
    case NK_KV_TOKEN_GROUPS:
      return kv_append_token_groups(f, block, token, x);
    default:
      for (int32_t g = 0; g < kv_groups(f); g++) {
        uint16_t *scale = kv_scales(f, block) + g * KV_TOKENS + token;
        int32_t first = g * f->group;
        if (f->kind == NK_KV_INT8) {
          append_int8_group(f, block, token, first, x + first, scale);
        } else {
          append_int4_group(f, block, token, first, x + first, scale);
        }
      }
  }
}

void nk_kv_append_generic(const nk_kv_format *f, void *block, int32_t slot, int32_t count,
                          const float *vectors, ptrdiff_t stride) {
  if (f->kind == NK_KV_CHANNEL_GROUPS) {
    for (int32_t i = 0; i < count; i += f->group) {
      kv_append_channel_groups(f, block, slot + i, vectors + i * stride, stride);
    }
    return;
  }
  for (int32_t i = 0; i < count; i++) append_token(f, block, slot + i, vectors + i * stride);
}

static float element(const nk_kv_format *f, const void *block, int32_t token, int32_t channel) {
  if (f->kind == NK_KV_F32) return ((const float *)block)[kv_float_index(f, token, channel)];
  if (f->kind == NK_KV_F16) {
    return float_of_f16(((const uint16_t *)block)[kv_float_index(f, token, channel)]);
  }
  if (!kv_is_integer(f)) return kv_code_element(f, block, token, channel);
  float scale = float_of_f16(kv_scales_of(f, block)[channel / f->group * KV_TOKENS + token]);
  const uint8_t *codes = block;
  if (f->kind == NK_KV_INT8) {
    return scale * (float)(codes[kv_int8_index(f, token, channel)] - KV_INT8_ZERO);
  }
  int shift;
  size_t byte = kv_int4_index(f, token, channel, &shift);
  return scale * (float)((codes[byte] >> shift & 15) - KV_INT4_ZERO);
}

void nk_kv_read_generic(const nk_kv_format *f, const void *block, int32_t slot, int32_t count,
                        float *out, ptrdiff_t stride) {
  for (int32_t i = 0; i < count; i++) {
    for (int32_t c = 0; c < f->head_dim; c++) out[i * stride + c] = element(f, block, slot + i, c);
  }
}

void kv_panel_generic(const nk_kv_format *f, const void *block, float *panel) {
  const int32_t padded = kv_padded_dim(f);
  for (int32_t c = 0; c < padded; c++) {
    for (int32_t t = 0; t < KV_TOKENS; t++) {
      size_t at = f->role == NK_KV_KEYS ? (size_t)(c * KV_TOKENS + t) : (size_t)(t * padded + c);
      panel[at] = c < f->head_dim ? element(f, block, t, c) : 0;
    }
  }
}

// Where an element of a key/value block lies.
//
// Float keys: [channel][64 tokens], so that one load gives a channel of 16 tokens.
// Float values: [token][padded channels].
//
// Codes are bytes in vectors of 64, so that one integer dot product takes four steps of the
// reduction for 16 outputs:
//   keys    vector (channel / 4, token / 16), byte 4 (token % 16) + channel % 4
//   values  vector (token / 4, channel / 16), byte 4 (channel % 16) + token % 4
//
// INT8 holds code + 128. INT4 packs two vectors in one, the even in the low nibbles: of keys the
// vectors of two neighbouring token / 16, of values those of two neighbouring token / 4.
//
// Scales follow the codes: [channel / group][64 tokens], f16.
#ifndef KV_LAYOUT_H
#define KV_LAYOUT_H

#include "nk_attention.h"

#define KV_TOKENS NK_KV_BLOCK_TOKENS

// Zero of the stored code: value = scale (code - zero).
enum { KV_INT8_ZERO = 128, KV_INT4_ZERO = 8 };

static inline int32_t kv_round_up(int32_t n, int32_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

static inline int kv_is_integer(const nk_kv_format *f) {
  return f->kind == NK_KV_INT8 || f->kind == NK_KV_INT4;
}

// Channels held per token: padded to whole vectors.
static inline int32_t kv_padded_dim(const nk_kv_format *f) {
  if (f->role == NK_KV_VALUES) return kv_round_up(f->head_dim, 16);
  return kv_is_integer(f) ? kv_round_up(f->head_dim, 4) : f->head_dim;
}

static inline int32_t kv_groups(const nk_kv_format *f) {
  return kv_is_integer(f) ? f->head_dim / f->group : 0;
}

static inline size_t kv_code_bytes(const nk_kv_format *f) {
  size_t elements = (size_t)kv_padded_dim(f) * KV_TOKENS;
  switch (f->kind) {
    case NK_KV_F32: return elements * 4;
    case NK_KV_F16: return elements * 2;
    case NK_KV_INT8: return elements;
    default: return elements / 2;
  }
}

// Index of an element of a float block.
static inline size_t kv_float_index(const nk_kv_format *f, int32_t token, int32_t channel) {
  if (f->role == NK_KV_KEYS) return (size_t)channel * KV_TOKENS + (size_t)token;
  return (size_t)token * (size_t)kv_padded_dim(f) + (size_t)channel;
}

// Byte of an INT8 code.
static inline size_t kv_int8_index(const nk_kv_format *f, int32_t token, int32_t channel) {
  int32_t vector, lane;
  if (f->role == NK_KV_KEYS) {
    vector = channel / 4 * 4 + token / 16;
    lane = token % 16 * 4 + channel % 4;
  } else {
    vector = token / 4 * (kv_padded_dim(f) / 16) + channel / 16;
    lane = channel % 16 * 4 + token % 4;
  }
  return (size_t)vector * 64 + (size_t)lane;
}

// Byte of an INT4 code; *shift is 0 for the low nibble and 4 for the high one.
static inline size_t kv_int4_index(const nk_kv_format *f, int32_t token, int32_t channel,
                                   int *shift) {
  int32_t vector, lane;
  if (f->role == NK_KV_KEYS) {
    vector = channel / 4 * 2 + token / 32;
    lane = token % 16 * 4 + channel % 4;
    *shift = token / 16 % 2 * 4;
  } else {
    vector = token / 8 * (kv_padded_dim(f) / 16) + channel / 16;
    lane = channel % 16 * 4 + token % 4;
    *shift = token / 4 % 2 * 4;
  }
  return (size_t)vector * 64 + (size_t)lane;
}

static inline uint16_t *kv_scales(const nk_kv_format *f, void *block) {
  return (uint16_t *)((uint8_t *)block + kv_code_bytes(f));
}

static inline const uint16_t *kv_scales_of(const nk_kv_format *f, const void *block) {
  return (const uint16_t *)((const uint8_t *)block + kv_code_bytes(f));
}

#endif

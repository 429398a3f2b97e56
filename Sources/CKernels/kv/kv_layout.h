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
// Codebook codes are in vectors of 64 lanes with the same lanes. Four vectors j = 0 ... 3 make a
// unit:
//   keys    unit channel / 4, j = token / 16
//   values  unit (token / 16, channel / 16), j = token / 4 % 4
// Codes of a part are cut into planes of 4, 2 and 1 bits (or 8), lowest bits first, each [unit]:
//   8 bits  four vectors          4 bits  two vectors, even j in the low nibbles
//   2 bits  one vector, j at bit 2 j      1 bit  four masks of 64 bits
// Parts follow each other.
//
// FP8 and the group kinds: keys [channel][64 tokens], values [token][padded channels]. Codes of 2 or
// 4 bits fold the tokens: keys of a channel token t % (16 | 32) at bit (2 | 4) * (t / (16 | 32));
// values token t in row t / (4 | 2) at bit (2 | 4) * (t % (4 | 2)).
//
// Scales follow the codes: INT8, INT4, CODEBOOK [channel / group or part][64 tokens], f16;
// TOKEN_GROUPS the same, then minima alike; CHANNEL_GROUPS [channel][64 / group], scales, then
// minima; FP8 [64 tokens] f32 unless there is one scale for all.
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

static inline int kv_is_fp8(const nk_kv_format *f) {
  return f->kind == NK_KV_E4M3 || f->kind == NK_KV_E5M2;
}

// Channels held per token: padded to whole vectors.
static inline int32_t kv_padded_dim(const nk_kv_format *f) {
  if (f->role == NK_KV_VALUES) return kv_round_up(f->head_dim, 16);
  return kv_is_integer(f) || f->kind == NK_KV_CODEBOOK ? kv_round_up(f->head_dim, 4) : f->head_dim;
}

// Ranges of channels of a token that have a scale of their own in [range][64 tokens].
static inline int32_t kv_groups(const nk_kv_format *f) {
  if (f->kind == NK_KV_CODEBOOK) return f->parts;
  return kv_is_integer(f) || f->kind == NK_KV_TOKEN_GROUPS ? f->head_dim / f->group : 0;
}

// First channel of range g; of g = kv_groups(f) the end of the padded channels.
static inline int32_t kv_group_first(const nk_kv_format *f, int32_t g) {
  if (g == kv_groups(f)) return kv_padded_dim(f);
  if (f->kind == NK_KV_CODEBOOK) return g > 0 ? f->part[0].channels : 0;
  return g * f->group;
}

// Channels of part p, padded.
static inline int32_t kv_part_padded(const nk_kv_format *f, int32_t p) {
  return kv_round_up(f->part[p].channels, f->role == NK_KV_VALUES ? 16 : 4);
}

// Bytes of the codes of part p.
static inline size_t kv_part_bytes(const nk_kv_format *f, int32_t p) {
  return (size_t)kv_part_padded(f, p) * KV_TOKENS / 8 * (size_t)f->part[p].bits;
}

static inline size_t kv_code_bytes(const nk_kv_format *f) {
  size_t elements = (size_t)kv_padded_dim(f) * KV_TOKENS, bytes = 0;
  switch (f->kind) {
    case NK_KV_F32: return elements * 4;
    case NK_KV_F16: return elements * 2;
    case NK_KV_INT8: case NK_KV_E4M3: case NK_KV_E5M2: return elements;
    case NK_KV_INT4: return elements / 2;
    case NK_KV_CODEBOOK:
      for (int32_t p = 0; p < f->parts; p++) bytes += kv_part_bytes(f, p);
      return bytes;
    default: return elements * (size_t)f->bits / 8;
  }
}

// Bytes of scales and minima.
static inline size_t kv_scale_bytes(const nk_kv_format *f) {
  switch (f->kind) {
    case NK_KV_CHANNEL_GROUPS: return (size_t)(f->head_dim * (KV_TOKENS / f->group)) * 4;
    case NK_KV_TOKEN_GROUPS: return (size_t)kv_groups(f) * KV_TOKENS * 4;
    case NK_KV_E4M3: case NK_KV_E5M2: return f->scale > 0 ? 0 : KV_TOKENS * sizeof(float);
    default: return (size_t)kv_groups(f) * KV_TOKENS * 2;
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

// Lane of a code in its vector, and the vector: unit and j.
typedef struct kv_place {
  size_t unit;
  int j;
  int lane;
} kv_place;

static inline kv_place kv_code_place(const nk_kv_format *f, int32_t padded, int32_t token,
                                     int32_t channel) {
  kv_place place;
  if (f->role == NK_KV_KEYS) {
    place.unit = (size_t)(channel / 4);
    place.j = token / 16;
    place.lane = token % 16 * 4 + channel % 4;
  } else {
    place.unit = (size_t)(token / 16 * (padded / 16) + channel / 16);
    place.j = token / 4 % 4;
    place.lane = channel % 16 * 4 + token % 4;
  }
  return place;
}

// Byte and bit of a code's plane of `width` bits; planes before it in the part are not counted.
static inline size_t kv_plane_byte(kv_place place, int width, int *shift) {
  const size_t vector = place.unit * 4 + (size_t)place.j;
  *shift = 0;
  switch (width) {
    case 8: return vector * 64 + (size_t)place.lane;
    case 4: *shift = place.j % 2 * 4; return vector / 2 * 64 + (size_t)place.lane;
    case 2: *shift = place.j * 2; return vector / 4 * 64 + (size_t)place.lane;
    default: *shift = place.lane % 8; return vector * 8 + (size_t)(place.lane / 8);
  }
}

// Byte and bit of a code of the group kinds.
static inline size_t kv_folded_byte(const nk_kv_format *f, int32_t token, int32_t channel,
                                    int *shift) {
  const int32_t fold = 8 / f->bits;
  if (f->role == NK_KV_KEYS) {
    const int32_t row = KV_TOKENS / fold;
    *shift = token / row * f->bits;
    return (size_t)(channel * row + token % row);
  }
  *shift = token % fold * f->bits;
  return (size_t)(token / fold * kv_padded_dim(f) + channel);
}

static inline uint16_t *kv_scales(const nk_kv_format *f, void *block) {
  return (uint16_t *)((uint8_t *)block + kv_code_bytes(f));
}

static inline const uint16_t *kv_scales_of(const nk_kv_format *f, const void *block) {
  return (const uint16_t *)((const uint8_t *)block + kv_code_bytes(f));
}

#endif

// FP8, codebook and group kinds of key/value blocks in plain C, one element at a time.
#include "kv_codes.h"

#include <math.h>

#include "half_float.h"

// Products and sums are rounded one by one, so that every version finds the same codes.
#pragma clang fp contract(off)

static float fp8_largest(const nk_kv_format *f) { return f->kind == NK_KV_E4M3 ? 448 : 57344; }

// The FP8 byte nearest to x, half to even, clamped to the largest finite number; NaN becomes 0.
static uint8_t fp8_code(const nk_kv_format *f, float x) {
  if (x != x) return 0;
  const int e4m3 = f->kind == NK_KV_E4M3;
  float magnitude = fminf(fabsf(x), fp8_largest(f));
  uint32_t exponent = bits_of_float(magnitude) & 0x7f800000u;
  const uint32_t smallest_normal = (uint32_t)(e4m3 ? 127 - 6 : 127 - 14) << 23;
  if (exponent < smallest_normal) exponent = smallest_normal;
  // A number so large compared with x that adding it leaves x rounded to the mantissa FP8 has.
  const float anchor = float_of_bits(exponent + ((uint32_t)(e4m3 ? 20 : 21) << 23));
  const float rounded = (magnitude + anchor) - anchor;
  const uint32_t bits = bits_of_float(rounded * (e4m3 ? 0x1p-120f : 0x1p-112f));
  return (uint8_t)(bits >> (e4m3 ? 20 : 21) | (signbit(x) ? 128u : 0u));
}

static float fp8_value(const nk_kv_format *f, uint8_t code) {
  const int e4m3 = f->kind == NK_KV_E4M3;
  const float value =
      float_of_bits((code & 127u) << (e4m3 ? 20 : 21)) * (e4m3 ? 0x1p120f : 0x1p112f);
  return code & 128 ? -value : value;
}

static size_t byte_index(const nk_kv_format *f, int32_t token, int32_t channel) {
  if (f->role == NK_KV_KEYS) return (size_t)(channel * KV_TOKENS + token);
  return (size_t)(token * kv_padded_dim(f) + channel);
}

static float *fp8_scales(const nk_kv_format *f, void *block) {
  return (float *)((uint8_t *)block + kv_code_bytes(f));
}

void kv_append_fp8(const nk_kv_format *f, void *block, int32_t token, const float *x) {
  float scale = f->scale;
  if (!(scale > 0)) {
    float largest = 0;
    for (int32_t c = 0; c < f->head_dim; c++) {
      if (fabsf(x[c]) > largest && fabsf(x[c]) < INFINITY) largest = fabsf(x[c]);
    }
    scale = largest / fp8_largest(f);
    if (!(scale >= 0x1p-120f)) scale = 0;
    fp8_scales(f, block)[token] = scale;
  }
  const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
  uint8_t *codes = block;
  for (int32_t c = 0; c < f->head_dim; c++) {
    codes[byte_index(f, token, c)] = fp8_code(f, x[c] * inverse);
  }
}

void nk_kv_encode(const nk_kv_part *part, int32_t keeps_norm, const float *vector, uint8_t *codes,
                  float *scale) {
  // Norms are summed in double so that every version agrees on them.
  double squares = 0;
  for (int32_t c = 0; c < part->channels; c++) squares += (double)vector[c] * vector[c];
  const float norm = (float)sqrt(squares);
  const int usable = norm > 0 && norm < INFINITY;
  const float inverse = usable ? 1.0f / norm : 0.0f;
  const int32_t levels = 1 << part->bits;
  double kept = 0;
  for (int32_t c = 0; c < part->channels; c++) {
    const float y = usable ? vector[c] * inverse : 0.0f;
    int32_t code = 0;
    for (int32_t l = 1; l < levels; l++) code += y > 0.5f * (part->levels[l - 1] + part->levels[l]);
    codes[c] = (uint8_t)code;
    kept += (double)part->levels[code] * part->levels[code];
  }
  *scale = !usable ? 0.0f : keeps_norm && kept > 0 ? (float)(norm / sqrt(kept)) : norm;
}

// The largest f16 is what longer vectors are cut to.
static uint16_t stored_scale(float scale) { return f16_of_float(scale > 65504 ? 65504 : scale); }

// Writes one code into the planes of its part.
static void put_code(const nk_kv_format *f, const nk_kv_part *part, int32_t padded,
                     uint8_t *planes, int32_t token, int32_t channel, uint32_t code) {
  const kv_place place = kv_code_place(f, padded, token, channel);
  for (int width = 8; width > 0; width /= 2) {
    if (!(part->bits & width)) continue;
    int shift;
    uint8_t *byte = planes + kv_plane_byte(place, width, &shift);
    const uint32_t mask = (1u << width) - 1;
    *byte = (uint8_t)((*byte & ~(mask << shift)) | (code & mask) << shift);
    code >>= width;
    planes += (size_t)padded * KV_TOKENS / 8 * (size_t)width;
  }
}

static uint32_t get_code(const nk_kv_format *f, const nk_kv_part *part, int32_t padded,
                         const uint8_t *planes, int32_t token, int32_t channel) {
  const kv_place place = kv_code_place(f, padded, token, channel);
  uint32_t code = 0;
  int at = 0;
  for (int width = 8; width > 0; width /= 2) {
    if (!(part->bits & width)) continue;
    int shift;
    const uint8_t byte = planes[kv_plane_byte(place, width, &shift)];
    code |= (byte >> shift & ((1u << width) - 1)) << at;
    at += width;
    planes += (size_t)padded * KV_TOKENS / 8 * (size_t)width;
  }
  return code;
}

void nk_kv_store(const nk_kv_format *f, void *block, int32_t slot, int32_t count,
                 const uint8_t *codes, const float *scales) {
  for (int32_t i = 0; i < count; i++) {
    uint8_t *planes = block;
    for (int32_t p = 0; p < f->parts; p++) {
      const int32_t padded = kv_part_padded(f, p);
      for (int32_t c = 0; c < f->part[p].channels; c++) {
        put_code(f, &f->part[p], padded, planes, slot + i, c, *codes++);
      }
      kv_scales(f, block)[p * KV_TOKENS + slot + i] = stored_scale(*scales++);
      planes += kv_part_bytes(f, p);
    }
  }
}

void kv_append_codebook(const nk_kv_format *f, void *block, int32_t token, const float *x) {
  uint8_t codes[NK_KV_MAX_HEAD_DIM];
  float scales[NK_KV_PARTS];
  int32_t first = 0;
  for (int32_t p = 0; p < f->parts; p++) {
    nk_kv_encode(&f->part[p], f->keeps_norm, x + first, codes + first, &scales[p]);
    first += f->part[p].channels;
  }
  nk_kv_store(f, block, token, 1, codes, scales);
}

void nk_kv_group_grid(int32_t bits, const float *x, ptrdiff_t stride, int32_t count, float *scale,
                      float *minimum) {
  float low = INFINITY, high = -INFINITY;
  for (int32_t i = 0; i < count; i++) {
    low = fminf(low, x[i * stride]);
    high = fmaxf(high, x[i * stride]);
  }
  const kv_grid grid = kv_grid_of(bits, low, high);
  *scale = grid.scale;
  *minimum = grid.low;
}

static void put_folded(const nk_kv_format *f, uint8_t *codes, int32_t token, int32_t channel,
                       kv_grid grid, float x) {
  const float most = (float)((1 << f->bits) - 1);
  float scaled = grid.scale > 0 ? (x - grid.low) / grid.scale : 0.0f;
  scaled = scaled > 0 ? fminf(scaled, most) : 0.0f;
  int shift;
  uint8_t *byte = codes + kv_folded_byte(f, token, channel, &shift);
  *byte = (uint8_t)((*byte & ~((int32_t)most << shift)) | (int32_t)rintf(scaled) << shift);
}

void kv_append_channel_groups(const nk_kv_format *f, void *block, int32_t token, const float *x,
                              ptrdiff_t stride) {
  const int32_t groups = KV_TOKENS / f->group;
  uint16_t *scales = kv_scales(f, block), *minima = scales + f->head_dim * groups;
  for (int32_t c = 0; c < f->head_dim; c++) {
    kv_grid grid;
    nk_kv_group_grid(f->bits, x + c, stride, f->group, &grid.scale, &grid.low);
    scales[c * groups + token / f->group] = f16_of_float(grid.scale);
    minima[c * groups + token / f->group] = f16_of_float(grid.low);
    for (int32_t t = 0; t < f->group; t++) {
      put_folded(f, block, token + t, c, grid, x[t * stride + c]);
    }
  }
}

void kv_append_token_groups(const nk_kv_format *f, void *block, int32_t token, const float *x) {
  uint16_t *scales = kv_scales(f, block), *minima = scales + kv_groups(f) * KV_TOKENS;
  for (int32_t first = 0; first < f->head_dim; first += f->group) {
    kv_grid grid;
    nk_kv_group_grid(f->bits, x + first, 1, f->group, &grid.scale, &grid.low);
    scales[first / f->group * KV_TOKENS + token] = f16_of_float(grid.scale);
    minima[first / f->group * KV_TOKENS + token] = f16_of_float(grid.low);
    for (int32_t c = first; c < first + f->group; c++) put_folded(f, block, token, c, grid, x[c]);
  }
}

static float codebook_element(const nk_kv_format *f, const uint8_t *block, int32_t token,
                              int32_t channel) {
  const uint8_t *planes = block;
  int32_t p = 0;
  while (p + 1 < f->parts && channel >= f->part[p].channels) {
    channel -= f->part[p].channels;
    planes += kv_part_bytes(f, p++);
  }
  const uint32_t code =
      get_code(f, &f->part[p], kv_part_padded(f, p), planes, token, channel);
  const float scale = float_of_f16(kv_scales_of(f, block)[p * KV_TOKENS + token]);
  // What a slot holds whose scale is 0 reads as zero.
  return scale * f->part[p].levels[code];
}

static float folded_element(const nk_kv_format *f, const void *block, int32_t token,
                            int32_t channel) {
  int shift;
  const uint8_t byte = ((const uint8_t *)block)[kv_folded_byte(f, token, channel, &shift)];
  const float code = (float)(byte >> shift & ((1 << f->bits) - 1));
  const uint16_t *scales = kv_scales_of(f, block);
  if (f->kind == NK_KV_CHANNEL_GROUPS) {
    const int32_t groups = KV_TOKENS / f->group, at = channel * groups + token / f->group;
    return code * float_of_f16(scales[at]) + float_of_f16(scales[f->head_dim * groups + at]);
  }
  const int32_t at = channel / f->group * KV_TOKENS + token;
  return code * float_of_f16(scales[at]) + float_of_f16(scales[kv_groups(f) * KV_TOKENS + at]);
}

float kv_code_element(const nk_kv_format *f, const void *block, int32_t token, int32_t channel) {
  switch (f->kind) {
    case NK_KV_CODEBOOK: return codebook_element(f, block, token, channel);
    case NK_KV_E4M3:
    case NK_KV_E5M2: {
      const float value =
          fp8_value(f, ((const uint8_t *)block)[byte_index(f, token, channel)]);
      return value * (f->scale > 0 ? f->scale : fp8_scales(f, (void *)block)[token]);
    }
    default: return folded_element(f, block, token, channel);
  }
}

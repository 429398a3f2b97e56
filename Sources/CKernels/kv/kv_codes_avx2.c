// Writing tokens of FP8, codebook and token-group blocks with AVX2: the same bytes as the generic
// version, whose arithmetic is followed step by step.
#include "kv_codes.h"

#if defined(__x86_64__)
#include <math.h>
#include <string.h>

#include "lanes_avx2.h"

#pragma clang attribute push(TARGET_AVX2, apply_to = function)
#pragma clang fp contract(off)

// Eight numbers of at most 8 bits as bytes.
ALWAYS_INLINE uint64_t bytes_of(__m256i lanes) {
  const __m128i words =
      _mm_packus_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  return (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
}

ALWAYS_INLINE __m256i fp8_codes(__m256 x, int e4m3) {
  const int shift = e4m3 ? 20 : 21;
  const __m256 magnitude = _mm256_min_ps(lanes_abs(x), _mm256_set1_ps(e4m3 ? 448 : 57344));
  __m256i exponent = _mm256_and_si256(_mm256_castps_si256(magnitude), _mm256_set1_epi32(0x7f800000));
  exponent = _mm256_max_epi32(exponent, _mm256_set1_epi32((e4m3 ? 127 - 6 : 127 - 14) << 23));
  const __m256 anchor =
      _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(shift << 23)));
  __m256 rounded = _mm256_sub_ps(_mm256_add_ps(magnitude, anchor), anchor);
  rounded = _mm256_mul_ps(rounded, _mm256_set1_ps(e4m3 ? 0x1p-120f : 0x1p-112f));
  const __m256i code = _mm256_srli_epi32(_mm256_castps_si256(rounded), shift);
  const __m256i sign = _mm256_slli_epi32(_mm256_srli_epi32(_mm256_castps_si256(x), 31), 7);
  const __m256i number = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_ORD_Q));
  return _mm256_and_si256(_mm256_or_si256(code, sign), number);
}

ALWAYS_INLINE void append_fp8(const nk_kv_format *f, uint8_t *block, int32_t token, const float *x,
                       int e4m3) {
  float scale = f->scale;
  if (!(scale > 0)) {
    __m256 most = _mm256_setzero_ps();
    for (int32_t c = 0; c < f->head_dim; c += 8) {
      const __m256 a = lanes_abs(_mm256_loadu_ps(x + c));
      const __m256 finite = _mm256_cmp_ps(a, _mm256_set1_ps(INFINITY), _CMP_LT_OQ);
      most = _mm256_max_ps(most, _mm256_and_ps(a, finite));
    }
    scale = lanes_largest(most) / (e4m3 ? 448 : 57344);
    if (!(scale >= 0x1p-120f)) scale = 0;
    memcpy(block + kv_code_bytes(f) + token * 4, &scale, 4);
  }
  const __m256 inverse = _mm256_set1_ps(scale > 0 ? 1.0f / scale : 0.0f);
  const int32_t padded = kv_padded_dim(f);
  for (int32_t c = 0; c < f->head_dim; c += 8) {
    uint64_t bytes = bytes_of(fp8_codes(_mm256_mul_ps(_mm256_loadu_ps(x + c), inverse), e4m3));
    if (f->role == NK_KV_VALUES) {
      memcpy(block + token * padded + c, &bytes, 8);
    } else {
      for (int32_t i = 0; i < 8; i++, bytes >>= 8) {
        block[(c + i) * KV_TOKENS + token] = (uint8_t)bytes;
      }
    }
  }
}

// The middles between neighbouring levels.
ALWAYS_INLINE void bounds_of(const nk_kv_part *part, float *bounds) {
  for (int32_t l = 1; l < 1 << part->bits; l++) {
    bounds[l - 1] = 0.5f * (part->levels[l - 1] + part->levels[l]);
  }
}

// How many bounds lie below: all are compared, or of many half each time.
ALWAYS_INLINE __m256i level_codes(const float *bounds, __m256 y, int32_t bits) {
  __m256i code = _mm256_setzero_si256();
  if (bits <= 4) {
    for (int32_t l = 0; l + 1 < 1 << bits; l++) {
      const __m256 above = _mm256_cmp_ps(y, _mm256_broadcast_ss(bounds + l), _CMP_GT_OQ);
      code = _mm256_sub_epi32(code, _mm256_castps_si256(above));
    }
    return code;
  }
  for (int32_t step = 1 << (bits - 1); step > 0; step /= 2) {
    const __m256i at = _mm256_add_epi32(code, _mm256_set1_epi32(step - 1));
    const __m256 above = _mm256_cmp_ps(y, _mm256_i32gather_ps(bounds, at, 4), _CMP_GT_OQ);
    const __m256i add = _mm256_and_si256(_mm256_castps_si256(above), _mm256_set1_epi32(step));
    code = _mm256_add_epi32(code, add);
  }
  return code;
}

// nk_kv_encode with the part's bounds at hand. channels: a multiple of 8. The sums run in the
// order of the generic version, so that not a bit of the scale differs.
static float encode(const nk_kv_part *part, const float *bounds, int32_t keeps_norm,
                    const float *vector, uint8_t *codes) {
  double squares = 0, kept = 0;
  for (int32_t c = 0; c < part->channels; c++) squares += (double)vector[c] * vector[c];
  const float norm = (float)sqrt(squares);
  const int usable = norm > 0 && norm < INFINITY;
  const __m256 inverse = _mm256_set1_ps(usable ? 1.0f / norm : 0.0f);
  for (int32_t c = 0; c < part->channels; c += 8) {
    const __m256 y =
        usable ? _mm256_mul_ps(_mm256_loadu_ps(vector + c), inverse) : _mm256_setzero_ps();
    const uint64_t bytes = bytes_of(level_codes(bounds, y, part->bits));
    memcpy(codes + c, &bytes, 8);
  }
  if (!usable) return 0;
  if (!keeps_norm) return norm;
  for (int32_t c = 0; c < part->channels; c++) {
    kept += (double)part->levels[codes[c]] * part->levels[codes[c]];
  }
  return kept > 0 ? (float)(norm / sqrt(kept)) : norm;
}

// Four codes of a token of keys: a dword of each plane, four bits of the plane of single bits.
ALWAYS_INLINE void put_keys(uint8_t *planes, size_t units, size_t unit, int32_t token, int bits,
                     uint32_t four) {
  const size_t j = (size_t)token / 16, lane = (size_t)token % 16 * 4;
  for (int width = 8; width > 1; width /= 2) {
    if (!(bits & width)) continue;
    const uint32_t mask = 0x01010101u * ((1u << width) - 1u);
    const size_t vectors = 4 * (size_t)width / 8;  // of a unit
    const int shift = (int)(j * (size_t)width % 8);
    uint8_t *at = planes + (unit * vectors + j * (size_t)width / 8) * 64 + lane;
    uint32_t old;
    memcpy(&old, at, 4);
    old = (old & ~(mask << shift)) | (four & mask) << shift;
    memcpy(at, &old, 4);
    four = width < 8 ? four >> width & 0x0f0f0f0fu : 0;
    planes += units * vectors * 64;
  }
  if (bits & 1) {
    uint8_t *at = planes + (unit * 4 + j) * 8 + lane / 8;
    // Bits 0, 8, 16 and 24 come together in bits 24 ... 27.
    const uint32_t nibble = (four & 0x01010101u) * 0x01020408u >> 24 & 15u;
    *at = (uint8_t)((*at & ~(15u << lane % 8)) | nibble << lane % 8);
  }
}

// 16 codes of a token of values: one byte (or part of one) in each of 16 dwords.
ALWAYS_INLINE void put_values(uint8_t *planes, size_t units, size_t unit, int32_t token, int bits,
                       const uint8_t *codes) {
  const size_t j = (size_t)token / 4 % 4;
  int below = 0;
  for (int width = 8; width > 1; width /= 2) {
    if (!(bits & width)) continue;
    const size_t vectors = 4 * (size_t)width / 8;
    uint8_t *at = planes + (unit * vectors + j * (size_t)width / 8) * 64;
    const __m128i by = _mm_cvtsi32_si128((int)(j * (size_t)width % 8) + token % 4 * 8);
    const __m256i field = _mm256_set1_epi32((1 << width) - 1);
    const __m256i mask = _mm256_sll_epi32(field, by);
    UNROLL for (int h = 0; h < 2; h++) {
      __m256i code = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(codes + 8 * h)));
      code = _mm256_and_si256(_mm256_srl_epi32(code, _mm_cvtsi32_si128(below)), field);
      __m256i *to = (__m256i *)(void *)(at + 32 * h);
      const __m256i rest = _mm256_andnot_si256(mask, _mm256_loadu_si256(to));
      _mm256_storeu_si256(to, _mm256_or_si256(rest, _mm256_sll_epi32(code, by)));
    }
    below += width;
    planes += units * vectors * 64;
  }
  if (bits & 1) {
    uint64_t old, set = 0;
    uint8_t *at = planes + (unit * 4 + j) * 8;
    for (int i = 0; i < 16; i++) set |= (uint64_t)(codes[i] >> below & 1) << (4 * i);
    memcpy(&old, at, 8);
    old = (old & ~(0x1111111111111111ull << token % 4)) | set << token % 4;
    memcpy(at, &old, 8);
  }
}

static void append_codebook(const nk_kv_format *f, uint8_t *block, int32_t token, const float *x,
                            float bounds[NK_KV_PARTS][256]) {
  uint8_t codes[NK_KV_MAX_HEAD_DIM];
  uint8_t *planes = block;
  for (int32_t p = 0; p < f->parts; p++) {
    const nk_kv_part *part = &f->part[p];
    const float scale = encode(part, bounds[p], f->keeps_norm, x, codes);
    kv_scales(f, block)[p * KV_TOKENS + token] = half_of_float_avx2(scale > 65504 ? 65504 : scale);
    const size_t units = (size_t)kv_part_padded(f, p) / 4;
    if (f->role == NK_KV_KEYS) {
      for (size_t unit = 0; unit < units; unit++) {
        uint32_t four;
        memcpy(&four, codes + unit * 4, 4);
        put_keys(planes, units, unit, token, part->bits, four);
      }
    } else {
      const size_t columns = units / 4, first = (size_t)token / 16 * columns;
      for (size_t c = 0; c < columns; c++) {
        put_values(planes, units, first + c, token, part->bits, codes + c * 16);
      }
    }
    planes += kv_part_bytes(f, p);
    x += part->channels;
  }
}

static void append_token_groups(const nk_kv_format *f, uint8_t *block, int32_t token,
                                const float *x) {
  const int32_t most = (1 << f->bits) - 1, fold = 8 / f->bits, shift = token % fold * f->bits;
  uint16_t *scales = kv_scales(f, block), *minima = scales + kv_groups(f) * KV_TOKENS;
  uint8_t *row = block + token / fold * kv_padded_dim(f);
  for (int32_t first = 0; first < f->head_dim; first += f->group) {
    // With NaN the second operand wins, so NaN is neither least nor largest.
    __m256 least = _mm256_set1_ps(INFINITY), largest = _mm256_set1_ps(-INFINITY);
    for (int32_t c = first; c < first + f->group; c += 8) {
      least = _mm256_min_ps(_mm256_loadu_ps(x + c), least);
      largest = _mm256_max_ps(_mm256_loadu_ps(x + c), largest);
    }
    const __m256 sign = _mm256_set1_ps(-0.0f);
    const kv_grid grid =
        kv_grid_of(f->bits, -lanes_largest(_mm256_xor_ps(least, sign)), lanes_largest(largest));
    scales[first / f->group * KV_TOKENS + token] = half_of_float_avx2(grid.scale);
    minima[first / f->group * KV_TOKENS + token] = half_of_float_avx2(grid.low);
    const __m256 low = _mm256_set1_ps(grid.low), step = _mm256_set1_ps(grid.scale);
    for (int32_t c = first; c < first + f->group; c += 8) {
      __m256 y = _mm256_setzero_ps();
      if (grid.scale > 0) y = _mm256_div_ps(_mm256_sub_ps(_mm256_loadu_ps(x + c), low), step);
      y = _mm256_min_ps(_mm256_max_ps(y, _mm256_setzero_ps()), _mm256_set1_ps((float)most));
      const uint64_t bytes = bytes_of(_mm256_cvtps_epi32(y));
      const uint64_t mask = 0x0101010101010101ull * (uint64_t)most << shift;
      uint64_t old;
      memcpy(&old, row + c, 8);
      old = (old & ~mask) | bytes << shift;
      memcpy(row + c, &old, 8);
    }
  }
}

int kv_append_codes_avx2(const nk_kv_format *f, void *block, int32_t slot, int32_t count,
                         const float *vectors, ptrdiff_t stride) {
  float bounds[NK_KV_PARTS][256];
  int whole = f->head_dim % 8 == 0;
  switch (f->kind) {
    case NK_KV_E4M3:
    case NK_KV_E5M2:
      break;
    case NK_KV_TOKEN_GROUPS:
      whole = f->group % 8 == 0;
      break;
    case NK_KV_CODEBOOK:
      for (int32_t p = 0; p < f->parts; p++) {
        whole = whole && f->part[p].channels % (f->role == NK_KV_VALUES ? 16 : 8) == 0;
        if (whole) bounds_of(&f->part[p], bounds[p]);
      }
      break;
    default:
      whole = 0;
  }
  for (int32_t i = 0; whole && i < count; i++) {
    const float *x = vectors + i * stride;
    switch (f->kind) {
      case NK_KV_E4M3: append_fp8(f, block, slot + i, x, 1); break;
      case NK_KV_E5M2: append_fp8(f, block, slot + i, x, 0); break;
      case NK_KV_CODEBOOK: append_codebook(f, block, slot + i, x, bounds); break;
      default: append_token_groups(f, block, slot + i, x);
    }
  }
  return whole;
}

#pragma clang attribute pop
#endif

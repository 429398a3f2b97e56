// Codebook blocks for AVX-512 VNNI attention: packed codes of at most 4 bits become bytes of levels
// in the layout of INT8, once for all rows of a tile, in scratch that stays in the L1 cache.
//
// A level is stored as round(127 level / largest) + 128, largest being that of the part's levels;
// the unit, largest / 127, is multiplied into the scales.
#include "attention_avx512.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(TARGET_AVX512, apply_to = function)

void attention_prepare_levels_avx512(const attention_tile *tile) {
  const nk_kv_format *formats[2] = {&tile->args->keys, &tile->args->values};
  for (int32_t role = 0; role < 2; role++) {
    const nk_kv_format *f = formats[role];
    for (int32_t p = 0; attention_level_codes(f) && p < f->parts; p++) {
      const __mmask16 used = (__mmask16)((1u << (1 << f->part[p].bits)) - 1u);
      const __m512 level = _mm512_maskz_loadu_ps(used, f->part[p].levels);
      const float unit = _mm512_reduce_max_ps(_mm512_abs_ps(level)) / 127.0f;
      const __m512 inverse = _mm512_set1_ps(unit > 1e-35f ? 1.0f / unit : 0.0f);
      const __m512i code = _mm512_cvtps_epi32(_mm512_mul_ps(level, inverse));
      const int32_t at = role * NK_KV_PARTS + p;
      _mm_store_si128((void *)(tile->level_codes + at * 16),
                      _mm512_cvtepi32_epi8(_mm512_add_epi32(code, _mm512_set1_epi32(128))));
      tile->level_units[at] = unit;
    }
  }
}

// Levels by a nibble: of 4 bits as they are; of 2 bits by the nibble's low or high two bits; the
// second pair holds the levels whose bit 2 is set.
typedef struct level_tables {
  __m512i of[4];
} level_tables;

ALWAYS_INLINE level_tables tables_of(const uint8_t *levels, int bits) {
  const __m512i all = _mm512_broadcast_i32x4(_mm_load_si128((const void *)levels));
  level_tables tables = {{all, all, all, all}};
  if (bits == 4) return tables;
  if (bits == 1) {
    tables.of[0] = _mm512_set1_epi8((char)levels[0]);
    tables.of[1] = _mm512_set1_epi8((char)levels[1]);
    return tables;
  }
  const __m128i low = _mm_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
  const __m128i high = _mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const __m512i four = _mm512_set1_epi8(4);
  const __m512i by_low = _mm512_broadcast_i32x4(low), by_high = _mm512_broadcast_i32x4(high);
  tables.of[0] = _mm512_shuffle_epi8(all, by_low);
  tables.of[1] = _mm512_shuffle_epi8(all, by_high);
  tables.of[2] = _mm512_shuffle_epi8(all, _mm512_or_si512(by_low, four));
  tables.of[3] = _mm512_shuffle_epi8(all, _mm512_or_si512(by_high, four));
  return tables;
}

// The four vectors of a unit. `first` holds the plane of 4 or 2 bits, `masks` that of single bits.
ALWAYS_INLINE void unpack_unit(const uint8_t *first, const uint8_t *masks, size_t unit, int bits,
                        const level_tables *tables, __m512i out[4]) {
  const __m512i nibble = _mm512_set1_epi8(15);
  const __mmask64 *bit = (const __mmask64 *)(const void *)(masks + unit * 32);
  if (bits == 1) {
    UNROLL for (int j = 0; j < 4; j++) {
      out[j] = _mm512_mask_blend_epi8(bit[j], tables->of[0], tables->of[1]);
    }
    return;
  }
  UNROLL for (int half = 0; half < 2; half++) {
    if (bits == 4) {
      const __m512i pair = _mm512_loadu_si512(first + unit * 128 + 64 * half);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi16(pair, 4), nibble);
      out[2 * half] = _mm512_shuffle_epi8(tables->of[0], _mm512_and_si512(pair, nibble));
      out[2 * half + 1] = _mm512_shuffle_epi8(tables->of[0], high);
    } else {
      __m512i pair = _mm512_loadu_si512(first + unit * 64);
      pair = _mm512_and_si512(half ? _mm512_srli_epi16(pair, 4) : pair, nibble);
      UNROLL for (int i = 0; i < 2; i++) {
        __m512i level = _mm512_shuffle_epi8(tables->of[i], pair);
        if (bits == 3) {
          level = _mm512_mask_shuffle_epi8(level, bit[2 * half + i], tables->of[2 + i], pair);
        }
        out[2 * half + i] = level;
      }
    }
  }
}

// One part of `padded` channels; vectors of 16 tokens (keys) or of 4 tokens (values, `row` bytes
// from four tokens to the next) go to `to`.
ALWAYS_INLINE void unpack_part(const uint8_t *planes, const uint8_t *levels, int32_t padded, int bits,
                        int keys, uint8_t *to, size_t row) {
  const level_tables tables = tables_of(levels, bits);
  const uint8_t *masks = planes + (bits == 3 ? (size_t)padded * 16 : 0);
  // Units [outer][inner]: of keys one run of channels, of values four of 16 tokens.
  const size_t outer = keys ? 1 : 4, inner = (size_t)padded / 4 / outer;
  const size_t step = keys ? 64 : row;
  for (size_t o = 0; o < outer; o++) {
    for (size_t i = 0; i < inner; i++) {
      __m512i level[4];
      unpack_unit(planes, masks, o * inner + i, bits, &tables, level);
      uint8_t *at = to + o * 4 * row + i * (keys ? 256 : 64);
      UNROLL for (int j = 0; j < 4; j++) {
        _mm512_store_si512((void *)(at + (size_t)j * step), level[j]);
      }
    }
  }
}

const uint8_t *attention_unpack_levels_avx512(const attention_tile *tile, const nk_kv_format *f,
                                              const void *block, void *to) {
  const uint8_t *planes = block;
  const int keys = f->role == NK_KV_KEYS;
  const size_t row = (size_t)tile->value_dim * 4;
  for (int32_t p = 0; p < f->parts; p++) {
    const uint8_t *levels = tile->level_codes + ((keys ? 0 : NK_KV_PARTS) + p) * 16;
    const int32_t padded = kv_part_padded(f, p);
    // Of keys a channel takes 64 bytes; of values 16 channels of 4 tokens do.
    uint8_t *at = (uint8_t *)to + kv_group_first(f, p) * (keys ? 64 : 4);
    switch (f->part[p].bits << 1 | keys) {
#define CASE(bits)                                                                    \
  case bits << 1: unpack_part(planes, levels, padded, bits, 0, at, row); break;       \
  case bits << 1 | 1: unpack_part(planes, levels, padded, bits, 1, at, row); break;
      CASE(1) CASE(2) CASE(3) CASE(4)
#undef CASE
    }
    planes += kv_part_bytes(f, p);
  }
  return to;
}

#pragma clang attribute pop
#endif

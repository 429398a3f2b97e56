// Writing and reading key/value blocks with AVX2: eight channels at a time, the same bytes as the
// generic version.
//
// The AVX-512 names are here too: the work is bound by its scattered stores and loads, wider
// vectors change nothing.
#include "kv_codes.h"
#include "kv_panel.h"

#if defined(__x86_64__)
#include <string.h>

#include "lanes_avx2.h"

#pragma clang attribute push(TARGET_AVX2, apply_to = function)
#pragma clang fp contract(off)

ALWAYS_INLINE float float_of(uint16_t h) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(h))); }

// Whether eight neighbouring channels always share a scale.
ALWAYS_INLINE int whole_vectors(const nk_kv_format *f) { return f->group % 8 == 0; }

// Rounds half away from zero; NaN becomes 0.
ALWAYS_INLINE __m256i int8_codes(__m256 x, float inverse) {
  __m256 r = _mm256_mul_ps(x, _mm256_set1_ps(inverse));
  r = _mm256_and_ps(r, _mm256_cmp_ps(r, r, _CMP_ORD_Q));
  r = _mm256_max_ps(_mm256_min_ps(r, _mm256_set1_ps(127.0f)), _mm256_set1_ps(-127.0f));
  __m256 whole = _mm256_round_ps(r, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  __m256 away = _mm256_cmp_ps(lanes_abs(_mm256_sub_ps(r, whole)), _mm256_set1_ps(0.5f), _CMP_GE_OQ);
  __m256 one = _mm256_or_ps(_mm256_and_ps(r, _mm256_set1_ps(-0.0f)), _mm256_set1_ps(1.0f));
  whole = _mm256_add_ps(whole, _mm256_and_ps(away, one));
  return _mm256_add_epi32(_mm256_cvttps_epi32(whole), _mm256_set1_epi32(KV_INT8_ZERO));
}

ALWAYS_INLINE __m256i int4_codes(__m256 x, float inverse) {
  __m256 product = _mm256_mul_ps(x, _mm256_set1_ps(inverse));
  __m256 r = _mm256_add_ps(product, _mm256_set1_ps(8.5f));
  r = _mm256_min_ps(_mm256_max_ps(r, _mm256_setzero_ps()), _mm256_set1_ps(15.0f));
  return _mm256_cvttps_epi32(r);
}

// First byte, lane mask and shift of eight channels of a token. Of keys they are two groups of four
// bytes, `step` apart; of values one byte (or nibble) in each of eight 32-bit lanes.
typedef struct place {
  size_t at;
  size_t step;
  int shift;
} place;

ALWAYS_INLINE place place_of(const nk_kv_format *f, int32_t token, int32_t channel) {
  place p = {0, 0, 0};
  if (f->kind == NK_KV_INT8) {
    p.at = kv_int8_index(f, token, channel);
    p.step = 256;
  } else {
    p.at = kv_int4_index(f, token, channel, &p.shift);
    p.step = 128;
  }
  if (f->role == NK_KV_VALUES) {
    p.at &= ~(size_t)3;
    p.shift += token % 4 * 8;
  }
  return p;
}

ALWAYS_INLINE void put_codes(const nk_kv_format *f, uint8_t *codes, place p, __m256i code) {
  const int32_t field = f->kind == NK_KV_INT8 ? 0xff : 0x0f;
  if (f->role == NK_KV_VALUES) {
    __m256i *to = (__m256i *)(codes + p.at);
    const __m128i by = _mm_cvtsi32_si128(p.shift);
    __m256i mask = _mm256_sll_epi32(_mm256_set1_epi32(field), by);
    __m256i rest = _mm256_andnot_si256(mask, _mm256_loadu_si256(to));
    _mm256_storeu_si256(to, _mm256_or_si256(rest, _mm256_sll_epi32(code, by)));
    return;
  }
  __m256i words = _mm256_packus_epi32(code, code);
  __m256i bytes = _mm256_packus_epi16(words, words);
  uint32_t four[2] = {(uint32_t)_mm256_extract_epi32(bytes, 0),
                      (uint32_t)_mm256_extract_epi32(bytes, 4)};
  const uint32_t keep = f->kind == NK_KV_INT8 ? 0 : ~(0x0f0f0f0fu << p.shift);
  for (int i = 0; i < 2; i++) {
    uint32_t old;
    uint8_t *to = codes + p.at + (size_t)i * p.step;
    memcpy(&old, to, 4);
    old = (old & keep) | four[i] << p.shift;
    memcpy(to, &old, 4);
  }
}

ALWAYS_INLINE __m256i get_codes(const nk_kv_format *f, const uint8_t *codes, place p) {
  const __m256i field = _mm256_set1_epi32(f->kind == NK_KV_INT8 ? 0xff : 0x0f);
  const __m128i by = _mm_cvtsi32_si128(p.shift);
  if (f->role == NK_KV_VALUES) {
    __m256i lanes = _mm256_loadu_si256((const void *)(codes + p.at));
    return _mm256_and_si256(_mm256_srl_epi32(lanes, by), field);
  }
  int32_t first, second;
  memcpy(&first, codes + p.at, 4);
  memcpy(&second, codes + p.at + p.step, 4);
  __m256i lanes = _mm256_cvtepu8_epi32(_mm_insert_epi32(_mm_cvtsi32_si128(first), second, 1));
  return _mm256_and_si256(_mm256_srl_epi32(lanes, by), field);
}

ALWAYS_INLINE void append_group(const nk_kv_format *f, uint8_t *codes, int32_t token, int32_t first,
                         const float *x, uint16_t *scale) {
  __m256 most = _mm256_setzero_ps();
  // With NaN the second operand wins, so NaN never becomes the largest.
  for (int32_t c = 0; c < f->group; c += 8) {
    most = _mm256_max_ps(lanes_abs(_mm256_loadu_ps(x + c)), most);
  }
  const float magnitude = lanes_largest(most);
  if (f->kind == NK_KV_INT8) {
    const float d = magnitude / 127.0f;
    const float inverse = d > 0 ? 1.0f / d : 0.0f;
    *scale = half_of_float_avx2(d);
    for (int32_t c = 0; c < f->group; c += 8) {
      put_codes(f, codes, place_of(f, token, first + c),
                int8_codes(_mm256_loadu_ps(x + c), inverse));
    }
    return;
  }
  float extreme = 0;
  for (int32_t c = 0; c < f->group && magnitude > 0; c += 8) {
    __m256 equal = _mm256_cmp_ps(lanes_abs(_mm256_loadu_ps(x + c)), _mm256_set1_ps(magnitude),
                                 _CMP_EQ_OQ);
    const uint32_t found = (uint32_t)_mm256_movemask_ps(equal);
    if (found) {
      extreme = x[c + __builtin_ctz(found)];
      break;
    }
  }
  const float d = extreme / -8.0f;
  const float inverse = d != 0 ? 1.0f / d : 0.0f;
  *scale = half_of_float_avx2(d);
  for (int32_t c = 0; c < f->group; c += 8) {
    put_codes(f, codes, place_of(f, token, first + c), int4_codes(_mm256_loadu_ps(x + c), inverse));
  }
}

static void append_half(const nk_kv_format *f, uint16_t *block, int32_t token, const float *x) {
  for (int32_t c = 0; c < f->head_dim; c += 8) {
    __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(x + c), _MM_FROUND_TO_NEAREST_INT);
    uint16_t *to = block + kv_float_index(f, token, c);
    if (f->role == NK_KV_VALUES) {
      _mm_storeu_si128((void *)to, half);
    } else {
      uint16_t each[8];
      _mm_storeu_si128((void *)each, half);
      for (int i = 0; i < 8; i++) to[i * KV_TOKENS] = each[i];
    }
  }
}

void nk_kv_append_avx2(const nk_kv_format *f, void *block, int32_t slot, int32_t count,
                       const float *vectors, ptrdiff_t stride) {
  // Values of other lengths have padding to clear, which the generic version does.
  if (f->kind == NK_KV_F16 && f->head_dim % 16 == 0) {
    for (int32_t i = 0; i < count; i++) append_half(f, block, slot + i, vectors + i * stride);
    return;
  }
  if (kv_append_codes_avx2(f, block, slot, count, vectors, stride)) return;
  if (!kv_is_integer(f) || !whole_vectors(f)) {
    nk_kv_append_generic(f, block, slot, count, vectors, stride);
    return;
  }
  for (int32_t i = 0; i < count; i++) {
    for (int32_t g = 0; g < kv_groups(f); g++) {
      uint16_t *scale = kv_scales(f, block) + g * KV_TOKENS + slot + i;
      const int32_t first = g * f->group;
      append_group(f, block, slot + i, first, vectors + i * stride + first, scale);
    }
  }
}

void nk_kv_read_avx2(const nk_kv_format *f, const void *block, int32_t slot, int32_t count,
                     float *out, ptrdiff_t stride) {
  if (!kv_is_integer(f) || !whole_vectors(f)) {
    nk_kv_read_generic(f, block, slot, count, out, stride);
    return;
  }
  const __m256i zero = _mm256_set1_epi32(f->kind == NK_KV_INT8 ? KV_INT8_ZERO : KV_INT4_ZERO);
  for (int32_t i = 0; i < count; i++) {
    const uint16_t *scales = kv_scales_of(f, block) + slot + i;
    for (int32_t c = 0; c < f->head_dim; c += 8) {
      __m256 scale = _mm256_set1_ps(float_of(scales[c / f->group * KV_TOKENS]));
      __m256i code = get_codes(f, block, place_of(f, slot + i, c));
      __m256 x = _mm256_cvtepi32_ps(_mm256_sub_epi32(code, zero));
      _mm256_storeu_ps(out + i * stride + c, _mm256_mul_ps(x, scale));
    }
  }
}

void nk_kv_append_avx512(const nk_kv_format *f, void *block, int32_t slot, int32_t count,
                         const float *vectors, ptrdiff_t stride) {
  nk_kv_append_avx2(f, block, slot, count, vectors, stride);
}

void nk_kv_read_avx512(const nk_kv_format *f, const void *block, int32_t slot, int32_t count,
                       float *out, ptrdiff_t stride) {
  nk_kv_read_avx2(f, block, slot, count, out, stride);
}

#pragma clang attribute pop
#endif

// Dequantizing whole blocks into float32 panels with AVX2, for blocks that integer kernels do not
// cover.
#include "kv_panel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "kernel_build.h"
#include "kv_fp8.h"

#pragma clang attribute push(TARGET_AVX2, apply_to = function)


// 32 stored bytes of vector `at` of codes: 8 lanes of four bytes, INT4 nibbles taken apart.
ALWAYS_INLINE __m256i load_codes(const uint8_t *codes, size_t at, int shift, int wide) {
  __m256i raw = _mm256_loadu_si256((const void *)(codes + at));
  if (wide) return raw;
  return _mm256_and_si256(_mm256_srl_epi16(raw, _mm_cvtsi32_si128(shift)), _mm256_set1_epi8(15));
}

// The j-th byte of each lane as a number, less the zero point.
ALWAYS_INLINE __m256 lane_byte(__m256i lanes, int j, __m256i zero) {
  __m256i code = _mm256_and_si256(_mm256_srli_epi32(lanes, 8 * j), _mm256_set1_epi32(255));
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(code, zero));
}

static void values_panel(const nk_kv_format *f, const void *block, float *panel, int wide) {
  const __m256i zero = _mm256_set1_epi32(wide ? KV_INT8_ZERO : KV_INT4_ZERO);
  const int32_t padded = kv_padded_dim(f);
  const uint16_t *scales = kv_scales_of(f, block);
  for (int32_t t = 0; t < KV_TOKENS; t += 4) {
    for (int32_t c = 0; c < padded; c += 8) {
      const uint16_t *group = scales + (c < f->head_dim ? c / f->group : 0) * KV_TOKENS;
      __m128 scale = _mm_cvtph_ps(_mm_loadl_epi64((const void *)(group + t)));
      int shift = 0;
      size_t at = wide ? kv_int8_index(f, t, c) : kv_int4_index(f, t, c, &shift);
      __m256i lanes = load_codes(block, at, shift, wide);
      for (int j = 0; j < 4; j++) {
        _mm256_storeu_ps(panel + (t + j) * padded + c,
                         _mm256_mul_ps(lane_byte(lanes, j, zero), _mm256_set1_ps(scale[j])));
      }
    }
  }
}

ALWAYS_INLINE void put_halves(float *to, __m256i halves, __m256 low, __m256 high) {
  const __m128i first = _mm256_castsi256_si128(halves);
  _mm256_storeu_ps(to, _mm256_mul_ps(_mm256_cvtph_ps(first), low));
  const __m128i second = _mm256_extracti128_si256(halves, 1);
  _mm256_storeu_ps(to + 8, _mm256_mul_ps(_mm256_cvtph_ps(second), high));
}

ALWAYS_INLINE void fp8_panel(const nk_kv_format *f, const uint8_t *block, float *panel, int e4m3) {
  const float half_unit = e4m3 ? KV_E4M3_HALF : 1.0f;
  const float *scales = (const float *)(const void *)(block + kv_code_bytes(f));
  const int32_t padded = kv_padded_dim(f);
  __m256 scale = _mm256_set1_ps(f->scale * half_unit), second = scale;
  for (int32_t i = 0; i < padded * KV_TOKENS; i += 16) {
    if (!(f->scale > 0)) {
      if (f->role == NK_KV_KEYS) {
        const float *from = scales + i % KV_TOKENS;
        scale = _mm256_mul_ps(_mm256_loadu_ps(from), _mm256_set1_ps(half_unit));
        second = _mm256_mul_ps(_mm256_loadu_ps(from + 8), _mm256_set1_ps(half_unit));
      } else if (i % padded == 0) {
        scale = second = _mm256_set1_ps(scales[i / padded] * half_unit);
      }
    }
    const __m128i bytes = _mm_loadu_si128((const void *)(block + i));
    put_halves(panel + i, kv_halves_of_fp8_avx2(bytes, e4m3), scale, second);
  }
}

// Eight neighbouring bytes of folded codes, those at bit `shift`.
ALWAYS_INLINE __m256 folded(const uint8_t *at, int shift, int32_t field) {
  const __m256i lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)at));
  const __m256i code = _mm256_srl_epi32(lanes, _mm_cvtsi32_si128(shift));
  return _mm256_cvtepi32_ps(_mm256_and_si256(code, _mm256_set1_epi32(field)));
}

ALWAYS_INLINE __m256 half_everywhere(const uint16_t *at) {
  return _mm256_cvtph_ps(_mm_set1_epi16((short)*at));
}

static void channel_groups_panel(const nk_kv_format *f, const uint8_t *block, float *panel) {
  const int32_t row = KV_TOKENS * f->bits / 8, groups = KV_TOKENS / f->group;
  const uint16_t *scales = kv_scales_of(f, block), *minima = scales + f->head_dim * groups;
  for (int32_t c = 0; c < f->head_dim; c++) {
    for (int32_t g = 0; g < groups; g++) {
      const __m256 scale = half_everywhere(scales + c * groups + g);
      const __m256 low = half_everywhere(minima + c * groups + g);
      for (int32_t t = g * f->group; t < (g + 1) * f->group; t += 8) {
        const __m256 code =
            folded(block + c * row + t % row, t / row * f->bits, (1 << f->bits) - 1);
        _mm256_storeu_ps(panel + c * KV_TOKENS + t, _mm256_fmadd_ps(code, scale, low));
      }
    }
  }
}

static void token_groups_panel(const nk_kv_format *f, const uint8_t *block, float *panel) {
  const int32_t padded = kv_padded_dim(f), fold = 8 / f->bits;
  const uint16_t *scales = kv_scales_of(f, block), *minima = scales + kv_groups(f) * KV_TOKENS;
  for (int32_t t = 0; t < KV_TOKENS; t++) {
    const uint8_t *row = block + t / fold * padded;
    for (int32_t first = 0; first < f->head_dim; first += f->group) {
      const __m256 scale = half_everywhere(scales + first / f->group * KV_TOKENS + t);
      const __m256 low = half_everywhere(minima + first / f->group * KV_TOKENS + t);
      for (int32_t c = first; c < first + f->group; c += 8) {
        const __m256 code = folded(row + c, t % fold * f->bits, (1 << f->bits) - 1);
        _mm256_storeu_ps(panel + t * padded + c, _mm256_fmadd_ps(code, scale, low));
      }
    }
    for (int32_t c = f->head_dim; c < padded; c++) panel[t * padded + c] = 0;
  }
}

// Groups of other sizes, and keys of INT8 and INT4 whose groups are no multiple of four channels,
// are rare enough for the generic version.
void kv_panel_avx2(const nk_kv_format *f, const void *block, float *panel) {
  const int vectors = f->group % 8 == 0;
  switch (f->kind) {
    case NK_KV_F16: {
      const uint16_t *from = block;
      for (int32_t i = 0; i < kv_padded_dim(f) * KV_TOKENS; i += 8) {
        _mm256_storeu_ps(panel + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(from + i))));
      }
      return;
    }
    case NK_KV_E4M3: return fp8_panel(f, block, panel, 1);
    case NK_KV_E5M2: return fp8_panel(f, block, panel, 0);
    case NK_KV_CODEBOOK: return kv_panel_codebook_avx2(f, block, panel);
    case NK_KV_CHANNEL_GROUPS:
      if (vectors) return channel_groups_panel(f, block, panel);
      break;
    case NK_KV_TOKEN_GROUPS:
      if (vectors) return token_groups_panel(f, block, panel);
      break;
    default:
      if (vectors && f->role == NK_KV_VALUES) {
        return values_panel(f, block, panel, f->kind == NK_KV_INT8);
      }
  }
  kv_panel_generic(f, block, panel);
}

#pragma clang attribute pop
#endif

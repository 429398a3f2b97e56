// What the AVX-512 kernels of block types share: codes, scales and minima of 16 rows.
#ifndef BLOCK_AVX512_H
#define BLOCK_AVX512_H

#include "block_layout.h"
#include "linear_avx512.h"

// What codes mean: in bfloat16 for vpermw, which looks at 5 index bits (vpermi2w at 6), or as bytes for vpshufb.
typedef struct block_tables {
  __m512i low, high;
} block_tables;

// In bfloat16. Of Q8_0 the low halves of codes, and the high ones with the zero taken off.
INLINE_AVX512 block_tables bf16_tables(nk_weight_kind kind) {
  uint16_t low[32], high[32];
  const uint8_t *levels = block_levels(kind);
  const int zero = block_zero(kind), is_bytes = kind == NK_WEIGHT_Q8_0;
  for (int i = 0; i < 32; i++) {
    const int code = high_bits(kind) > 0 ? i : i & 15;
    const int level = (levels != NULL ? levels[code] : code) - (is_bytes ? 0 : zero);
    low[i] = flushed_bf16((float)level);
    high[i] = flushed_bf16((float)((is_bytes ? 16 * code : 32 + i) - zero));
  }
  return (block_tables){_mm512_loadu_si512(low), _mm512_loadu_si512(high)};
}

// Levels as bytes, with block_zero() added.
INLINE_AVX512 block_tables byte_tables(nk_weight_kind kind) {
  const uint8_t *levels = block_levels(kind);
  block_tables tables = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  if (levels != NULL) {
    tables.low = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)levels));
  }
  return tables;
}

// Packed codes of 32 columns.
typedef struct packed_codes {
  __m512i low[4], high[2];
} packed_codes;

INLINE_AVX512 packed_codes load_codes(nk_weight_kind kind, const uint8_t *values) {
  packed_codes codes;
#pragma clang loop unroll(full)
  for (int c = 0; c < 4; c++) codes.low[c] = _mm512_loadu_si512(values + c * CHUNK);
#pragma clang loop unroll(full)
  for (int c = 0; c < high_bits(kind); c++) {
    codes.high[c] = _mm512_loadu_si512(values + LOW_BYTES + c * CHUNK);
  }
  return codes;
}

// The high bits of a quad of columns moved to bit 4, from `from` further up in 16-bit words.
INLINE_AVX512 __m512i high_at_4(nk_weight_kind kind, const packed_codes *codes, int quad,
                                int from) {
  const int is_one = high_bits(kind) == 1;
  const __m512i v = codes->high[is_one ? 0 : quad / 4];
  const int shift = from + (is_one ? quad : quad % 4 * 2) - 4;
  return shift >= 0 ? _mm512_srli_epi16(v, (unsigned)shift) : _mm512_slli_epi16(v, (unsigned)-shift);
}

// Pair i of columns, (4q, 4q + 2) or (4q + 1, 4q + 3) for i = 2q or 2q + 1, as bfloat16. Not for Q8_0.
INLINE_AVX512 __m512i bf16_pair(nk_weight_kind kind, const packed_codes *codes, int i,
                                block_tables tables) {
  const int quad = i / 2, odd = i % 2 * 8;
  __m512i index = _mm512_srli_epi16(codes->low[quad / 2], (unsigned)(odd + quad % 2 * 4));
  if (high_bits(kind) > 0) {
    const __m512i high = high_at_4(kind, codes, quad, odd);
    index = _mm512_ternarylogic_epi32(_mm512_set1_epi16(15), index, high, 0xca);  // 15 ? index : high
  }
  if (high_bits(kind) == 2) return _mm512_permutex2var_epi16(tables.low, index, tables.high);
  return _mm512_permutexvar_epi16(index, tables.low);
}

// Codes of a quad of columns as unsigned bytes.
INLINE_AVX512 __m512i byte_quad(nk_weight_kind kind, const packed_codes *codes, int quad,
                                block_tables tables) {
  const __m512i low = _mm512_srli_epi16(codes->low[quad / 2], (unsigned)(quad % 2 * 4));
  const __m512i code = _mm512_and_si512(low, _mm512_set1_epi8(15));
  if (block_levels(kind) != NULL) return _mm512_shuffle_epi8(tables.low, code);
  if (high_bits(kind) == 0) return code;
  const __m512i mask = _mm512_set1_epi8(high_bits(kind) == 1 ? 0x10 : 0x30);
  return _mm512_ternarylogic_epi32(code, high_at_4(kind, codes, quad, 0), mask, 0xf8);  // a | b & c
}

INLINE_AVX512 __m512 sixteen_halves(const uint8_t *halves) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)halves));
}

// The 6-bit scales of block `b` of a Q4_K or Q5_K span, or its mins.
INLINE_AVX512 __m512i sixteen_six_bits(const block_span *span, size_t b, int is_min) {
  const __m128i low = _mm_loadu_si128((const __m128i *)(span->header + 64) + b);
  const __m128i both = _mm_loadu_si128((const __m128i *)(span->header + 192) + b / 2);
  const __m128i high = b % 2 == 0 ? both : _mm_srli_epi16(both, 4);
  const __m128i top = is_min ? _mm_slli_epi16(high, 2) : _mm_slli_epi16(high, 4);
  const __m128i bottom = is_min ? _mm_srli_epi16(low, 4) : low;
  const __m128i bits = _mm_or_si128(_mm_and_si128(bottom, _mm_set1_epi8(15)),
                                    _mm_and_si128(top, _mm_set1_epi8(0x30)));
  return _mm512_cvtepu8_epi32(bits);
}

// super_scale_at() in vectors; for the K types.
INLINE_AVX512 __m512 super_scales(nk_weight_kind kind, const block_span *span, size_t b) {
  return sixteen_halves(span->header + (kind == NK_WEIGHT_Q6_K ? b / SUPER_BLOCKS * 32 : 0));
}

// What the mins of a Q4_K or Q5_K span are multiplied by, to be added.
INLINE_AVX512 __m512 super_minima(const block_span *span) {
  return _mm512_sub_ps(_mm512_setzero_ps(), sixteen_halves(span->header + 32));
}

// scale_code_at() in vectors.
INLINE_AVX512 __m512i scale_codes(nk_weight_kind kind, const block_span *span, size_t b,
                                  size_t half) {
  if (kind != NK_WEIGHT_Q6_K) return sixteen_six_bits(span, b, 0);
  const __m128i *scales = (const __m128i *)(span->header + span->count / SUPER_BLOCKS * 32);
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(scales + 2 * b + half));
}

// block_scale_at() in vectors.
INLINE_AVX512 __m512 block_scales(nk_weight_kind kind, const block_span *span, size_t b,
                                  size_t half) {
  switch (kind) {
    case NK_WEIGHT_MXFP4: {
      const __m128i bytes = _mm_loadu_si128((const __m128i *)span->header + b);
      const __m512i code = _mm512_cvtepu8_epi32(bytes), one = _mm512_set1_epi32(1);
      const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(code, one), 23);
      const __mmask16 is_tiny = _mm512_cmple_epu32_mask(code, one);
      return _mm512_castsi512_ps(
          _mm512_mask_sllv_epi32(normal, is_tiny, _mm512_set1_epi32(0x00200000), code));
    }
    case NK_WEIGHT_Q4_K:
    case NK_WEIGHT_Q5_K:
    case NK_WEIGHT_Q6_K:
      return _mm512_mul_ps(super_scales(kind, span, b),
                           _mm512_cvtepi32_ps(scale_codes(kind, span, b, half)));
    default: return sixteen_halves(span->header + b * 32);
  }
}

// What is added to the weights of block `b` of a span; for types with minima.
INLINE_AVX512 __m512 block_minima(nk_weight_kind kind, const block_span *span, size_t b) {
  if (kind == NK_WEIGHT_Q4_1 || kind == NK_WEIGHT_Q5_1) {
    return sixteen_halves(span->header + 32 * (span->count + b));
  }
  return _mm512_mul_ps(super_minima(span), _mm512_cvtepi32_ps(sixteen_six_bits(span, b, 1)));
}

// Asks for all of a span's header before its values are read, so that memory is read in the order it lies in: measured, lines
// of the header fetched between those of values halve the speed where the header has more than a few. Asking ahead of what
// is read costs speed as well: the processor does it better.
INLINE_AVX512 void ask_for_header(nk_weight_kind kind, const block_span *span) {
#pragma clang loop unroll(full)
  for (size_t at = 0; at < block_header_bytes(kind, span_blocks(kind)); at += CHUNK) {
    _mm_prefetch((const char *)span->header + at, _MM_HINT_T0);
  }
}

// Some tokens, from one on, times one panel; `out` is where its rows go, for the first of the tokens.
typedef struct few_tokens_job {
  const block_layout *layout;
  block_tables tables;
  const uint8_t *panel;
  __mmask16 rows;
  const nk_activations *x;
  size_t first;
  float *out;
  size_t ld_out;
} few_tokens_job;

// How many of `left` tokens are multiplied at once: functions are made for these numbers, and what a token gives does not
// depend on its neighbours.
INLINE_AVX512 size_t at_once(size_t left) { return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

#endif

// What the AVX-512 linear kernels share: target, vector types of a tile, scales, unpacking.
#ifndef LINEAR_AVX512_H
#define LINEAR_AVX512_H

#include <immintrin.h>

#include "kernel_build.h"
#include "linear_layout.h"

#define INLINE_AVX512 ALWAYS_INLINE TARGET_AVX512

// Four bytes of activations, for all lanes: 1, 2 or 4 columns of F32, BF16 or INT8.
INLINE_AVX512 __m512i broadcast_step(const uint8_t *values) {
  int32_t step;
  memcpy(&step, values, sizeof step);
  return _mm512_set1_epi32(step);
}

// sum + two products of words in each lane: vpdpwssd, which the compiler would break up into two instructions.
INLINE_AVX512 __m512i multiply_words(__m512i sum, __m512i weights, __m512i activations) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(weights), "v"(activations));
  return sum;
}

// sum + weights * activations over the columns of a step, in each of 16 rows. Sums are
// float32 or, for INT8 activations, int32.
INLINE_AVX512 __m512i multiply_step(nk_activation_kind kind, __m512i sum, __m512i weights,
                                    __m512i activations) {
  switch (kind) {
    case NK_ACTIVATION_INT8:
    case NK_ACTIVATION_INT8_BLOCKS: return _mm512_dpbusd_epi32(sum, weights, activations);
    case NK_ACTIVATION_INT16_BLOCKS: return multiply_words(sum, weights, activations);
    case NK_ACTIVATION_BF16:
      return _mm512_castps_si512(_mm512_dpbf16_ps(
          _mm512_castsi512_ps(sum), (__m512bh)weights, (__m512bh)activations));
    default:
      return _mm512_castps_si512(_mm512_fmadd_ps(_mm512_castsi512_ps(weights),
                                                 _mm512_castsi512_ps(activations),
                                                 _mm512_castsi512_ps(sum)));
  }
}

// Asks for what one token's product reads next: the hardware alone does not keep memory busy while codes are unpacked.
// Measured with 1 to 8 KB: 4 KB is best, a page ahead of where the hardware looks.
INLINE_AVX512 void prefetch_stream(nk_weight_kind kind, const uint8_t *w) {
  enum { AHEAD = 4096 };
#pragma clang loop unroll(full)
  for (size_t at = 0; at < column_block_bytes(kind); at += CHUNK) {
    _mm_prefetch((const char *)w + AHEAD + at, _MM_HINT_T0);
  }
}

// Few tokens: they are multiplied by each panel as it is unpacked, up to eight at once, and nothing is kept of it.
enum { FEW_TOKENS = 8 };

// Up to how many tokens that is faster than tiles: where nothing is unpacked, it is for one alone. (Two would gain 7 %, and
// sequences decoded in pairs would then differ in their last bits from those of larger batches.)
INLINE_AVX512 size_t few_tokens(nk_weight_kind kind, nk_activation_kind activation) {
  const int is_packed = kind == NK_WEIGHT_BF16 ||
                        (kind == NK_WEIGHT_INT8 && activation == NK_ACTIVATION_INT8);
  return is_packed ? 1 : FEW_TOKENS;
}

// Calls a function of (kind, tokens, ...) with the number of tokens as a constant.
#define CALL_FEW(count, function, kind, ...)       \
  switch (count) {                                 \
    case 0: break;                                 \
    case 1: function(kind, 1, __VA_ARGS__); break; \
    case 2: function(kind, 2, __VA_ARGS__); break; \
    case 3: function(kind, 3, __VA_ARGS__); break; \
    case 4: function(kind, 4, __VA_ARGS__); break; \
    case 5: function(kind, 5, __VA_ARGS__); break; \
    case 6: function(kind, 6, __VA_ARGS__); break; \
    case 7: function(kind, 7, __VA_ARGS__); break; \
    default: function(kind, 8, __VA_ARGS__);       \
  }

INLINE_AVX512 __mmask16 row_mask(size_t rows) { return (__mmask16)((1u << rows) - 1); }

// Scales of 16 rows from a segment's header; 1 for weights without scales.
INLINE_AVX512 __m512 segment_scales(const uint8_t *header, size_t slot,
                                    const linear_layout *layout) {
  if (layout->bits == 0) return _mm512_set1_ps(1);
  if (layout->bits == 8) return _mm512_loadu_ps(header + slot * 64);
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)header + slot));
}

// Whole zero points; where they are real, the middle code.
INLINE_AVX512 __m512i segment_zeros(const uint8_t *header, size_t slot,
                                    const nk_linear_weight *weight,
                                    const linear_layout *layout) {
  if (weight->zero_points != NK_ZERO_POINTS_INTEGER) {
    return _mm512_set1_epi32(layout->symmetric_zero);
  }
  return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)zeros_at(header, layout, slot)));
}

// Zero points as floats, counted from the middle code.
INLINE_AVX512 __m512 segment_offsets(const uint8_t *header, size_t slot,
                                     const nk_linear_weight *weight,
                                     const linear_layout *layout) {
  if (weight->zero_points == NK_ZERO_POINTS_REAL) {
    const __m256i *zeros = (const __m256i *)zeros_at(header, layout, slot);
    const __m512 centre = _mm512_set1_ps((float)layout->symmetric_zero);
    return _mm512_sub_ps(_mm512_cvtph_ps(_mm256_loadu_si256(zeros)), centre);
  }
  const __m512i centre = _mm512_set1_epi32(layout->symmetric_zero);
  const __m512i zeros = segment_zeros(header, slot, weight, layout);
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(zeros, centre));
}

INLINE_AVX512 int32_t int8_sum(const int32_t *running, size_t begin, size_t end) {
  return running[end / NK_COLUMN_BLOCK] - running[begin / NK_COLUMN_BLOCK];
}

// INT3 codes of a pair of columns as the low bits of words; bits above are not cleared.
INLINE_AVX512 __m512i int3_pair(const __m512i packed[3], int pair) {
  if (pair < 15) return _mm512_srli_epi16(packed[pair / 5], (unsigned)(pair % 5 * 3));
  const __m512i bit0 = _mm512_srli_epi16(packed[0], 15);
  const __m512i bit1 = _mm512_slli_epi16(_mm512_srli_epi16(packed[1], 15), 1);
  const __m512i bit2 = _mm512_slli_epi16(_mm512_srli_epi16(packed[2], 15), 2);
  return _mm512_ternarylogic_epi32(bit0, bit1, bit2, 0xfe);  // or
}

// INT4, INT3 or INT2 codes of 32 columns as bytes: one vector for each 4 columns.
INLINE_AVX512 void unpack_to_bytes(nk_weight_kind kind, const uint8_t *packed,
                                   __m512i codes[8]) {
  if (kind == NK_WEIGHT_INT3) {
    __m512i words[3];
    for (int c = 0; c < 3; c++) words[c] = _mm512_loadu_si512(packed + c * CHUNK);
    const __m512i low = _mm512_set1_epi16(7), both = _mm512_set1_epi16(0x0707);
#pragma clang loop unroll(full)
    for (int quad = 0; quad < 8; quad++) {
      const __m512i even = int3_pair(words, 2 * quad);
      const __m512i odd = _mm512_slli_epi16(int3_pair(words, 2 * quad + 1), 8);
      const __m512i joined = _mm512_ternarylogic_epi32(low, even, odd, 0xca);  // low ? even : odd
      codes[quad] = _mm512_and_si512(joined, both);
    }
    return;
  }
  const int bits = kind == NK_WEIGHT_INT4 ? 4 : 2;
  const __m512i mask = _mm512_set1_epi8((char)((1 << bits) - 1));
#pragma clang loop unroll(full)
  for (int quad = 0; quad < 8; quad++) {
    const int per_chunk = 8 / bits;
    const __m512i v = _mm512_loadu_si512(packed + quad / per_chunk * CHUNK);
    const unsigned shift = (unsigned)(quad % per_chunk * bits);
    codes[quad] = _mm512_and_si512(_mm512_srli_epi16(v, shift), mask);
  }
}

// What codes mean in bfloat16, for vpermw: it looks at 5 index bits, so repeating the table
// makes the bits above a code harmless and no mask is needed.
INLINE_AVX512 __m512i code_table(const nk_linear_weight *weight, const linear_layout *layout) {
  uint16_t table[32];
  const int bits = layout->bits < 4 ? layout->bits : 4;
  for (int i = 0; i < 32; i++) {
    const int code = i & ((1 << bits) - 1);
    const float value =
        weight->codebook ? weight->codebook[code] : (float)(code - layout->symmetric_zero);
    table[i] = flushed_bf16(value);
  }
  return _mm512_loadu_si512(table);
}

// INT4, INT3 or INT2 codes of 32 columns as bfloat16: one vector for each pair of columns,
// (4i, 4i+2) then (4i+1, 4i+3).
INLINE_AVX512 void unpack_to_bf16(nk_weight_kind kind, const uint8_t *packed, __m512i table,
                                  __m512i pairs[16]) {
  if (kind == NK_WEIGHT_INT3) {
    __m512i words[3];
    for (int c = 0; c < 3; c++) words[c] = _mm512_loadu_si512(packed + c * CHUNK);
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
      pairs[i] = _mm512_permutexvar_epi16(int3_pair(words, i), table);
    }
    return;
  }
  const int bits = kind == NK_WEIGHT_INT4 ? 4 : 2, per_chunk = 8 / bits;
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) {
    const int quad = i / 2;
    const __m512i v = _mm512_loadu_si512(packed + quad / per_chunk * CHUNK);
    const unsigned shift = (unsigned)(i % 2 * 8 + quad % per_chunk * bits);
    pairs[i] = _mm512_permutexvar_epi16(_mm512_srli_epi16(v, shift), table);
  }
}

// The bfloat16 of (code - 128) for the codes in bytes `byte` and `byte + 2` of every row.
INLINE_AVX512 __m512i int8_pair_to_bf16(__m512i codes, unsigned byte) {
  const __m512i mask = _mm512_set1_epi32(255), magic = _mm512_set1_epi32(0x4b000000);
  // 2^23 | code is the float 2^23 + code, so one subtraction converts, exactly.
  const __m512 bias = _mm512_set1_ps(0x1p23f + 128);
  const __m512i low = _mm512_srli_epi32(codes, 8 * byte);
  const __m512i high = _mm512_srli_epi32(codes, 8 * byte + 16);
  const __m512 a = _mm512_castsi512_ps(_mm512_ternarylogic_epi32(low, mask, magic, 0xea));
  const __m512 b = _mm512_castsi512_ps(_mm512_ternarylogic_epi32(high, mask, magic, 0xea));
  const __m512i even = _mm512_castps_si512(_mm512_sub_ps(a, bias));
  const __m512i odd = _mm512_castps_si512(_mm512_sub_ps(b, bias));
  return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(even, 16), odd);
}

// 8-bit floats in the low bytes of 32 words as bfloat16, exactly; bits above are not looked at.
INLINE_AVX512 __m512i float8_to_bf16(nk_weight_kind kind, __m512i words) {
  const int is_e4m3 = kind == NK_WEIGHT_E4M3;
  const __m512i magnitude = _mm512_and_si512(words, _mm512_set1_epi16(0x7f));
  // A normal number needs only another bias: 127 - 7, or 127 - 15.
  const __m512i normal = _mm512_add_epi16(_mm512_slli_epi16(magnitude, is_e4m3 ? 4 : 5),
                                          _mm512_set1_epi16((is_e4m3 ? 120 : 112) << 7));
  // Subnormals are so few that a table has them: m / 512, or m / 65536.
  const __m512i few = is_e4m3 ? _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c603c40,
                                                 0x3c203c00, 0x3bc03b80, 0x3b000000)
                              : _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                                 0x38403800, 0x37800000);
  const __mmask32 is_subnormal =
      _mm512_cmplt_epu16_mask(magnitude, _mm512_set1_epi16(is_e4m3 ? 8 : 4));
  const __m512i value = _mm512_mask_permutexvar_epi16(normal, is_subnormal, magnitude, few);
  const __m512i sign = _mm512_slli_epi16(words, 8);
  return _mm512_ternarylogic_epi32(value, sign, _mm512_set1_epi16((short)0x8000), 0xf8);
}

#endif

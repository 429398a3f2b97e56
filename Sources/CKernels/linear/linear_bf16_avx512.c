// BF16 weights, or codes of 2 to 8 bits, times BF16 activations with AVX-512 BF16.
//
// Codes become bfloat16 exactly (vpermw from a table of 16 or fewer values), are multiplied
// by vdpbf16ps, and scales apply to the float32 sums of a segment.
#if defined(__x86_64__)

#include "linear_tile_avx512.h"

DEFINE_TILES(NK_ACTIVATION_BF16, 1, 64)
DEFINE_TILES(NK_ACTIVATION_BF16, 4, 64)
DEFINE_TILES(NK_ACTIVATION_BF16, 4, 256)

static const tile_set tiles = {tiles_1_64, tiles_4_64, tiles_4_256};

// Independent sums of a token that hide the latency of vdpbf16ps, in as many registers as there are.
INLINE_AVX512 int chains_of(int tokens) { return tokens == 1 ? 8 : tokens <= 4 ? 4 : 2; }

typedef struct code_tables {
  __m512i codes;     // value of a code; of the low nibble of INT8
  __m512i high;      // value of the high nibble of INT8
} code_tables;

INLINE_AVX512 code_tables tables_for(nk_weight_kind kind, const nk_linear_weight *weight,
                                     const linear_layout *layout) {
  code_tables tables = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  if (kind == NK_WEIGHT_BF16 || is_float8(kind)) return tables;
  if (kind != NK_WEIGHT_INT8) {
    tables.codes = code_table(weight, layout);
    return tables;
  }
  uint16_t low[32], high[32];
  for (int i = 0; i < 32; i++) {
    low[i] = flushed_bf16((float)(i & 15));
    high[i] = flushed_bf16((float)(16 * (i & 15) - 128));
  }
  tables.codes = _mm512_loadu_si512(low);
  tables.high = _mm512_loadu_si512(high);
  return tables;
}

INLINE_AVX512 __m512 multiply_pair(__m512 sum, __m512i weights, const uint8_t *a) {
  return _mm512_dpbf16_ps(sum, (__m512bh)weights, (__m512bh)broadcast_step(a));
}

// Adds 32 columns of one panel times some tokens, `stride` bytes apart, to their sums: what is unpacked serves all of them.
INLINE_AVX512 void multiply_columns(nk_weight_kind kind, const int tokens, const uint8_t *w,
                                    const uint8_t *a, size_t stride, code_tables tables,
                                    __m512 sum[FEW_TOKENS][8]) {
  const int chains = chains_of(tokens);
  prefetch_stream(kind, w);
  if (kind == NK_WEIGHT_INT8) {
    // code - 128 = low nibble + (16 * high nibble - 128), two exact products.
#pragma clang loop unroll(full)
    for (int c = 0; c < 8; c++) {
      const __m512i v = _mm512_loadu_si512(w + c * CHUNK);
#pragma clang loop unroll(full)
      for (int pair = 0; pair < 2; pair++) {
        const __m512i low = _mm512_permutexvar_epi16(
            _mm512_srli_epi16(v, (unsigned)(8 * pair)), tables.codes);
        const __m512i high = _mm512_permutexvar_epi16(
            _mm512_srli_epi16(v, (unsigned)(8 * pair + 4)), tables.high);
        const int i = c % 2 * 4 + 2 * pair;
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
          const uint8_t *at = a + t * stride + 4 * (2 * c + pair);
          sum[t][i % chains] = multiply_pair(sum[t][i % chains], low, at);
          sum[t][(i + 1) % chains] = multiply_pair(sum[t][(i + 1) % chains], high, at);
        }
      }
    }
    return;
  }
  __m512i pairs[16];
  if (is_float8(kind)) {
#pragma clang loop unroll(full)
    for (int c = 0; c < 8; c++) {
      const __m512i v = _mm512_loadu_si512(w + c * CHUNK);
      pairs[2 * c] = float8_to_bf16(kind, v);
      pairs[2 * c + 1] = float8_to_bf16(kind, _mm512_srli_epi16(v, 8));
    }
  } else if (kind == NK_WEIGHT_BF16) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) pairs[i] = _mm512_loadu_si512(w + i * CHUNK);
  } else {
    unpack_to_bf16(kind, w, tables.codes, pairs);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) {
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      sum[t][i % chains] = multiply_pair(sum[t][i % chains], pairs[i], a + t * stride + 4 * i);
    }
  }
}

// All of a few tokens times one panel, straight from the packed bytes: one sequential stream.
INLINE_AVX512 void multiply_few(nk_weight_kind kind, const int tokens,
                                const nk_linear_weight *weight, const linear_layout *layout,
                                code_tables tables, size_t panel, const nk_activations *x,
                                float *out, size_t ld_out) {
  const int chains = chains_of(tokens);
  const uint8_t *a = x->values;
  const float *token_sums = x->sums;
  const size_t block = block_columns(kind, NK_ACTIVATION_BF16);
  __m512 value[FEW_TOKENS];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) value[t] = _mm512_setzero_ps();
  segment_cursor at = first_segment(layout, panel_at(weight, layout, panel), block);
  for (; at.begin < at.end; next_segment(&at, layout, block)) {
    const uint8_t *w = at.values;
    __m512 sum[FEW_TOKENS][8];
#pragma clang loop unroll(full)
    for (int i = 0; i < tokens * chains; i++) sum[i / chains][i % chains] = _mm512_setzero_ps();
    for (size_t k = at.begin; k < at.end; k += NK_COLUMN_BLOCK, a += 64) {
      multiply_columns(kind, tokens, w, a, x->stride, tables, sum);
      w += column_block_bytes(kind);
    }
    const __m512 scales = segment_scales(at.header, at.slot, layout);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
#pragma clang loop unroll(full)
      for (int half = chains / 2; half > 0; half /= 2) {
#pragma clang loop unroll(full)
        for (int i = 0; i < half; i++) sum[t][i] = _mm512_add_ps(sum[t][i], sum[t][i + half]);
      }
      if (weight->zero_points != NK_ZERO_POINTS_FIXED) {
        const float *sums = token_sums + (size_t)t * x->sum_stride;
        const __m512 token_sum = _mm512_set1_ps(sum_of_blocks(sums, at.begin, at.end));
        const __m512 offsets = segment_offsets(at.header, at.slot, weight, layout);
        sum[t][0] = _mm512_fnmadd_ps(token_sum, offsets, sum[t][0]);
      }
      value[t] = _mm512_fmadd_ps(sum[t][0], scales, value[t]);
    }
  }
  const __mmask16 rows = row_mask(rows_in_panel(weight, panel));
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) _mm512_mask_storeu_ps(out + t * ld_out, rows, value[t]);
}

INLINE_AVX512 void linear(nk_weight_kind kind, const nk_linear_weight *weight,
                          size_t panel_begin, size_t panel_end, const nk_activations *x,
                          float *out, size_t ld_out, void *scratch) {
  if (x->tokens > few_tokens(kind, NK_ACTIVATION_BF16)) {
    multiply_tokens(NK_ACTIVATION_BF16, kind, &tiles, weight, panel_begin, panel_end, x, out,
                    ld_out, scratch);
    return;
  }
  const linear_layout layout = layout_of(weight);
  const code_tables tables = tables_for(kind, weight, &layout);
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    float *to = out + panel * NK_PANEL_ROWS;
    CALL_FEW(x->tokens, multiply_few, kind, weight, &layout, tables, panel, x, to, ld_out);
  }
}

#define DEFINE_LINEAR(name, kind)                                                            \
  TARGET_AVX512 void nk_linear_##name##_bf16_avx512(                                         \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                  \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                   \
    linear(kind, weight, panel_begin, panel_end, x, out, ld_out, scratch);                   \
  }

DEFINE_LINEAR(bf16, NK_WEIGHT_BF16)
DEFINE_LINEAR(int8, NK_WEIGHT_INT8)
DEFINE_LINEAR(int4, NK_WEIGHT_INT4)
DEFINE_LINEAR(int3, NK_WEIGHT_INT3)
DEFINE_LINEAR(int2, NK_WEIGHT_INT2)
DEFINE_LINEAR(e4m3, NK_WEIGHT_E4M3)
DEFINE_LINEAR(e5m2, NK_WEIGHT_E5M2)

#endif

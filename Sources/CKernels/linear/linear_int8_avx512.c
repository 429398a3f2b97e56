// INT8 weights, or codes of 2 to 4 bits, times INT8 activations with AVX-512 VNNI.
//
// vpdpbusd multiplies unsigned by signed bytes, so weights stay unsigned codes and their
// zero point is taken off with the activations' sums.
#if defined(__x86_64__)

#include "linear_tile_avx512.h"

DEFINE_TILES(NK_ACTIVATION_INT8, 1, 64)
DEFINE_TILES(NK_ACTIVATION_INT8, 4, 64)
DEFINE_TILES(NK_ACTIVATION_INT8, 4, 256)

static const tile_set tiles = {tiles_1_64, tiles_4_64, tiles_4_256};

// Independent sums of a token that hide the latency of vpdpbusd, in as many registers as there are.
INLINE_AVX512 int chains_of(int tokens) { return tokens <= 4 ? 4 : 2; }

// The dot products of a segment of one panel with some tokens, `stride` bytes apart: what is unpacked serves all of them.
INLINE_AVX512 void multiply_segment(nk_weight_kind kind, const int tokens, const uint8_t *w,
                                    const uint8_t *a, size_t stride, size_t columns,
                                    __m512i dot[FEW_TOKENS]) {
  const int chains = chains_of(tokens);
  __m512i sum[FEW_TOKENS][4];
#pragma clang loop unroll(full)
  for (int i = 0; i < tokens * chains; i++) sum[i / chains][i % chains] = _mm512_setzero_si512();
  for (size_t k = 0; k < columns; k += NK_COLUMN_BLOCK, w += column_block_bytes(kind)) {
    __m512i codes[8];
    prefetch_stream(kind, w);
    if (kind == NK_WEIGHT_INT8) {
#pragma clang loop unroll(full)
      for (int i = 0; i < 8; i++) codes[i] = _mm512_loadu_si512(w + i * CHUNK);
    } else {
      unpack_to_bytes(kind, w, codes);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; t++) {
        const __m512i activations = broadcast_step(a + t * stride + k + 4 * i);
        sum[t][i % chains] = _mm512_dpbusd_epi32(sum[t][i % chains], codes[i], activations);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    dot[t] = _mm512_add_epi32(sum[t][0], sum[t][1]);
    if (chains == 4) {
      dot[t] = _mm512_add_epi32(dot[t], _mm512_add_epi32(sum[t][2], sum[t][3]));
    }
  }
}

// All of a few tokens times one panel, straight from the packed bytes: one sequential stream.
INLINE_AVX512 void multiply_few(nk_weight_kind kind, const int tokens,
                                const nk_linear_weight *weight, const linear_layout *layout,
                                size_t panel, const nk_activations *x, float *out, size_t ld_out) {
  const uint8_t *values = x->values;
  const int32_t *running = x->running;
  const size_t block = block_columns(kind, NK_ACTIVATION_INT8);
  __m512 value[FEW_TOKENS];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) value[t] = _mm512_setzero_ps();
  segment_cursor at = first_segment(layout, panel_at(weight, layout, panel), block);
  for (; at.begin < at.end; next_segment(&at, layout, block)) {
    __m512i dot[FEW_TOKENS];
    multiply_segment(kind, tokens, at.values, values + at.begin, x->stride, at.end - at.begin, dot);
    const __m512i zeros = segment_zeros(at.header, at.slot, weight, layout);
    const __m512 scales = segment_scales(at.header, at.slot, layout);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const int32_t *token_sums = running + (size_t)t * x->sum_stride;
      const __m512i sum = _mm512_set1_epi32(int8_sum(token_sums, at.begin, at.end));
      const __m512i shift = _mm512_mullo_epi32(zeros, sum);
      __m512 centred_dot = _mm512_cvtepi32_ps(_mm512_sub_epi32(dot[t], shift));
      if (weight->zero_points == NK_ZERO_POINTS_REAL) {
        const __m512 offsets = segment_offsets(at.header, at.slot, weight, layout);
        centred_dot = _mm512_fnmadd_ps(offsets, _mm512_cvtepi32_ps(sum), centred_dot);
      }
      value[t] = _mm512_fmadd_ps(centred_dot, scales, value[t]);
    }
  }
  const __mmask16 rows = row_mask(rows_in_panel(weight, panel));
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    const __m512 scaled = _mm512_mul_ps(value[t], _mm512_set1_ps(x->scales[t]));
    _mm512_mask_storeu_ps(out + t * ld_out, rows, scaled);
  }
}

INLINE_AVX512 void linear(nk_weight_kind kind, const nk_linear_weight *weight,
                          size_t panel_begin, size_t panel_end, const nk_activations *x,
                          float *out, size_t ld_out, void *scratch) {
  if (x->tokens > few_tokens(kind, NK_ACTIVATION_INT8)) {
    multiply_tokens(NK_ACTIVATION_INT8, kind, &tiles, weight, panel_begin, panel_end, x, out,
                    ld_out, scratch);
    return;
  }
  const linear_layout layout = layout_of(weight);
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    float *to = out + panel * NK_PANEL_ROWS;
    CALL_FEW(x->tokens, multiply_few, kind, weight, &layout, panel, x, to, ld_out);
  }
}

#define DEFINE_LINEAR(name, kind)                                                            \
  TARGET_AVX512 void nk_linear_##name##_int8_avx512(                                         \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                  \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                   \
    linear(kind, weight, panel_begin, panel_end, x, out, ld_out, scratch);                   \
  }

DEFINE_LINEAR(int8, NK_WEIGHT_INT8)
DEFINE_LINEAR(int4, NK_WEIGHT_INT4)
DEFINE_LINEAR(int3, NK_WEIGHT_INT3)
DEFINE_LINEAR(int2, NK_WEIGHT_INT2)

#endif

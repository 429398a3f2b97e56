// Blocks of GGUF files times INT8 or INT16 activations in blocks of 32 with AVX-512 VNNI.
//
// vpdpbusd multiplies unsigned by signed bytes, so codes stay unsigned and their zero is taken off with the activations'
// sums, in integers; what is left is merged in float32 in one order. Of K types the sums are multiplied by the whole-number
// scales in integers too, which hold 16 * 32 * 32639 * 128 (Q6_K) and 32 * 31 * 32639 * 63 (Q5_K), and the scales above
// them apply once in STRETCH_BLOCKS.
#if defined(__x86_64__)

#include "block_tile_avx512.h"
#include "block_kernels.h"

// What some tokens have in a block of 32 columns, the first one's first.
typedef struct block_inputs {
  const uint8_t *values;
  size_t stride;
  const int32_t *halves;
  const float *scales, *sums;
  size_t sum_stride;
} block_inputs;

// Adds the products of some quads of columns to the sums of some tokens; `a` is the first one's first quad.
INLINE_AVX512 void add_quads(const int tokens, const int quads, const __m512i weights[8],
                             const uint8_t *a, size_t stride, __m512i dot[FEW_TOKENS]) {
#pragma clang loop unroll(full)
  for (int i = 0; i < quads; i++) {
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const __m512i x = broadcast_step(a + (size_t)t * stride + 4 * i);
      dot[t] = _mm512_dpbusd_epi32(dot[t], weights[i], x);
    }
  }
}

// Adds block `b` of a span times some tokens to their results, of K types to those of a stretch.
INLINE_AVX512 void add_block(nk_activation_kind activation, nk_weight_kind kind, const int tokens,
                             const block_span *span, size_t b, block_tables tables,
                             const block_inputs *x, __m512 value[FEW_TOKENS]) {
  const uint8_t *values = block_values(kind, span, b);
  const packed_codes codes = load_codes(kind, values);
  const int parts = (int)(NK_COLUMN_BLOCK / scale_columns(kind)), quads = 8 / parts;
  const int is_int16 = activation == NK_ACTIVATION_INT16_BLOCKS;
#pragma clang loop unroll(full)
  for (int part = 0; part < parts; part++) {
    // Sums begin with what the zero of the codes comes to, of INT16 inputs the low ones.
    __m512i dot[FEW_TOKENS], low[FEW_TOKENS];
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      __m512i start = _mm512_setzero_si512();
      if (block_zero(kind) != 0) {
        const int32_t *halves = x->halves + 2 * (size_t)t * x->sum_stride;
        const int32_t sum = parts == 2 ? halves[part] : halves[0] + halves[1];
        start = _mm512_set1_epi32(-block_zero(kind) * sum);
      }
      low[t] = start;
      dot[t] = is_int16 ? _mm512_setzero_si512() : start;
    }
    __m512i weights[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < quads; i++) {
      const int quad = part * quads + i;
      weights[i] = kind == NK_WEIGHT_Q8_0 ? _mm512_loadu_si512(values + quad * CHUNK)
                                          : byte_quad(kind, &codes, quad, tables);
    }
    add_quads(tokens, quads, weights, x->values + 4 * part * quads, x->stride, dot);
    if (is_int16) {
      // Those were the high parts; the low ones are summed apart, which hides more of the latency.
      add_quads(tokens, quads, weights, x->values + NK_COLUMN_BLOCK + 4 * part * quads, x->stride,
                low);
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; t++) {
        dot[t] = _mm512_add_epi32(_mm512_slli_epi32(dot[t], 8), low[t]);
      }
    }
    const __m512i code = is_super_kind(kind) ? scale_codes(kind, span, b, (size_t)part)
                                             : _mm512_setzero_si512();
    const __m512 scale = is_super_kind(kind) ? _mm512_setzero_ps()
                                             : block_scales(kind, span, b, (size_t)part);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const __m512 token_scale = _mm512_set1_ps(x->scales[(size_t)t * x->sum_stride]);
      if (is_super_kind(kind)) {
        const __m512 sum = _mm512_cvtepi32_ps(_mm512_mullo_epi32(dot[t], code));
        value[t] = _mm512_fmadd_ps(sum, token_scale, value[t]);
      } else {
        const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(dot[t]), token_scale);
        value[t] = _mm512_fmadd_ps(scaled, scale, value[t]);
      }
    }
  }
  if (!has_minima(kind) || is_super_kind(kind)) return;
  const __m512 minima = block_minima(kind, span, b);
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    const __m512 sum = _mm512_set1_ps(x->sums[(size_t)t * x->sum_stride]);
    value[t] = _mm512_fmadd_ps(sum, minima, value[t]);
  }
}

// Merges what a stretch of a K type gave from block `b` on, in units of the scale above it; `x` is that of block `b`.
INLINE_AVX512 void merge_stretch(nk_weight_kind kind, const int tokens, const block_span *span,
                                 size_t b, const block_inputs *x, const __m512 stretch[FEW_TOKENS],
                                 __m512 value[FEW_TOKENS]) {
  const __m512 super = super_scales(kind, span, b);
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) value[t] = _mm512_fmadd_ps(super, stretch[t], value[t]);
  if (!has_minima(kind)) return;
  __m512 minima[FEW_TOKENS];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) minima[t] = _mm512_setzero_ps();
#pragma clang loop unroll(full)
  for (size_t i = 0; i < STRETCH_BLOCKS; i++) {
    const __m512 codes = _mm512_cvtepi32_ps(sixteen_six_bits(span, b + i, 1));
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const __m512 sum = _mm512_set1_ps(x->sums[(size_t)t * x->sum_stride + i]);
      minima[t] = _mm512_fmadd_ps(sum, codes, minima[t]);
    }
  }
  const __m512 scale = super_minima(span);
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) value[t] = _mm512_fmadd_ps(scale, minima[t], value[t]);
}

// Straight from the packed bytes: one sequential stream.
INLINE_AVX512 void multiply_few(nk_activation_kind activation, nk_weight_kind kind,
                                const int tokens, const few_tokens_job *job) {
  const nk_activations *x = job->x;
  const size_t at = job->first * x->sum_stride;
  block_inputs inputs = {.values = (const uint8_t *)x->values + job->first * x->stride,
                         .stride = x->stride,
                         .halves = x->halves + 2 * at,
                         .scales = x->scales + at,
                         .sums = has_minima(kind) ? x->sums + at : NULL,
                         .sum_stride = x->sum_stride};
  __m512 value[FEW_TOKENS];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) value[t] = _mm512_setzero_ps();
  for (size_t first = 0; first < job->layout->blocks; first += span_blocks(kind)) {
    const block_span span = span_at(kind, job->layout, job->panel, first);
    ask_for_header(kind, &span);
    for (size_t begin = 0; begin < span.count; begin += STRETCH_BLOCKS) {
      const block_inputs at_begin = inputs;
      const size_t end = smaller(begin + STRETCH_BLOCKS, span.count);
      __m512 stretch[FEW_TOKENS];
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; t++) stretch[t] = _mm512_setzero_ps();
#pragma clang loop unroll_count(2)
      for (size_t b = begin; b < end; b++) {
        add_block(activation, kind, tokens, &span, b, job->tables, &inputs,
                  is_super_kind(kind) ? stretch : value);
        inputs.values += input_bytes(activation);
        inputs.halves += 2;
        inputs.scales++;
        if (has_minima(kind)) inputs.sums++;
      }
      if (is_super_kind(kind)) {
        merge_stretch(kind, tokens, &span, begin, &at_begin, stretch, value);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    _mm512_mask_storeu_ps(job->out + t * job->ld_out, job->rows, value[t]);
  }
}

INLINE_AVX512 void linear(nk_activation_kind activation, nk_weight_kind kind,
                          const nk_linear_weight *weight, size_t panel_begin, size_t panel_end, const nk_activations *x,
                          float *out, size_t ld_out, void *scratch) {
  const block_tables tables = byte_tables(kind);
  if (x->tokens > FEW_TOKENS) {
    multiply_block_tokens(activation, kind, tables, weight, panel_begin,
                          panel_end, x, out, ld_out, scratch);
    return;
  }
  const block_layout layout = block_layout_of(kind, weight->cols);
  few_tokens_job job = {.layout = &layout, .tables = tables, .x = x, .ld_out = ld_out};
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    job.panel = (const uint8_t *)weight->packed + panel * layout.panel_bytes;
    job.rows = row_mask(rows_in_panel(weight, panel));
    for (job.first = 0; job.first < x->tokens; job.first += at_once(x->tokens - job.first)) {
      job.out = out + job.first * ld_out + panel * NK_PANEL_ROWS;
      switch (at_once(x->tokens - job.first)) {
        case 8: multiply_few(activation, kind, 8, &job); break;
        case 4: multiply_few(activation, kind, 4, &job); break;
        case 2: multiply_few(activation, kind, 2, &job); break;
        default: multiply_few(activation, kind, 1, &job);
      }
    }
  }
}

#define DEFINE_LINEAR(name, inputs, activation, kind)                                        \
  TARGET_AVX512 void nk_linear_##name##_##inputs##_avx512(                                   \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                  \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                   \
    linear(activation, kind, weight, panel_begin, panel_end, x, out, ld_out, scratch);       \
  }
#define DEFINE_BOTH(name, kind)                                   \
  DEFINE_LINEAR(name, int8g32, NK_ACTIVATION_INT8_BLOCKS, kind)   \
  DEFINE_LINEAR(name, int16g32, NK_ACTIVATION_INT16_BLOCKS, kind)

FOR_BLOCK_TYPES(DEFINE_BOTH)

#endif

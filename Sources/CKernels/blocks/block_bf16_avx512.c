// Blocks of GGUF files times BF16 activations with AVX-512 BF16.
//
// Codes become bfloat16 exactly (vpermw and vpermi2w from a table), are multiplied by vdpbf16ps, and scales apply to the
// float32 sums of what shares them.
#if defined(__x86_64__)

#include "block_tile_avx512.h"
#include "block_kernels.h"

INLINE_AVX512 __m512 multiply_pair(__m512 sum, __m512i weights, const uint8_t *a) {
  return _mm512_dpbf16_ps(sum, (__m512bh)weights, (__m512bh)broadcast_step(a));
}

// Independent sums of a token that hide the latency of vdpbf16ps.
enum { CHAINS = 2 };

// Adds the products of a pair of columns to a chain of the sums of some tokens; `a` is the first one's pair.
INLINE_AVX512 void add_pair(const int tokens, int chain, __m512i weights, const uint8_t *a,
                            size_t stride, __m512 sum[FEW_TOKENS][CHAINS]) {
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    sum[t][chain] = multiply_pair(sum[t][chain], weights, a + t * stride);
  }
}

// Adds columns of a Q8_0 block: code - 128 = low half + (16 * high half - 128), two exact products.
INLINE_AVX512 void add_bytes(const int tokens, const uint8_t *values, block_tables tables,
                             const uint8_t *a, size_t stride, __m512 sum[FEW_TOKENS][CHAINS]) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) {
    const __m512i v = _mm512_loadu_si512(values + i / 2 * CHUNK);
    const unsigned odd = (unsigned)(i % 2 * 8);
    const __m512i low = _mm512_permutexvar_epi16(_mm512_srli_epi16(v, odd), tables.low);
    const __m512i high = _mm512_permutexvar_epi16(_mm512_srli_epi16(v, odd + 4), tables.high);
    add_pair(tokens, 0, low, a + 4 * i, stride, sum);
    add_pair(tokens, 1, high, a + 4 * i, stride, sum);
  }
}

// Adds block `b` of a span times some tokens to their results; `a` is the first one's column 0 of the block.
INLINE_AVX512 void add_block(nk_weight_kind kind, const int tokens, const block_span *span,
                             size_t b, block_tables tables, const uint8_t *a, size_t stride,
                             const float *sums, size_t sum_stride, __m512 value[FEW_TOKENS]) {
  const uint8_t *values = block_values(kind, span, b);
  const packed_codes codes = load_codes(kind, values);
  const int parts = (int)(NK_COLUMN_BLOCK / scale_columns(kind)), pairs = 16 / parts;
#pragma clang loop unroll(full)
  for (int part = 0; part < parts; part++) {
    __m512 sum[FEW_TOKENS][CHAINS];
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) sum[t][0] = sum[t][1] = _mm512_setzero_ps();
    if (kind == NK_WEIGHT_Q8_0) {
      add_bytes(tokens, values, tables, a, stride, sum);
    } else {
#pragma clang loop unroll(full)
      for (int i = part * pairs; i < (part + 1) * pairs; i++) {
        add_pair(tokens, i % CHAINS, bf16_pair(kind, &codes, i, tables), a + 4 * i, stride, sum);
      }
    }
    const __m512 scale = block_scales(kind, span, b, (size_t)part);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      value[t] = _mm512_fmadd_ps(_mm512_add_ps(sum[t][0], sum[t][1]), scale, value[t]);
    }
  }
  if (!has_minima(kind)) return;
  const __m512 minima = block_minima(kind, span, b);
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    value[t] = _mm512_fmadd_ps(_mm512_set1_ps(sums[t * sum_stride]), minima, value[t]);
  }
}

// Straight from the packed bytes: one sequential stream.
INLINE_AVX512 void multiply_few(nk_weight_kind kind, const int tokens, const few_tokens_job *job) {
  const nk_activations *x = job->x;
  const uint8_t *a = (const uint8_t *)x->values + job->first * x->stride;
  const float *sums = has_minima(kind) ? x->sums + job->first * x->sum_stride : NULL;
  __m512 value[FEW_TOKENS];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) value[t] = _mm512_setzero_ps();
  for (size_t first = 0; first < job->layout->blocks; first += span_blocks(kind)) {
    const block_span span = span_at(kind, job->layout, job->panel, first);
    ask_for_header(kind, &span);
    for (size_t b = 0; b < span.count; b++, a += 2 * NK_COLUMN_BLOCK) {
      add_block(kind, tokens, &span, b, job->tables, a, x->stride, sums, x->sum_stride, value);
      if (has_minima(kind)) sums++;
    }
  }
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    _mm512_mask_storeu_ps(job->out + t * job->ld_out, job->rows, value[t]);
  }
}

INLINE_AVX512 void linear(nk_weight_kind kind, const nk_linear_weight *weight,
                          size_t panel_begin, size_t panel_end, const nk_activations *x,
                          float *out, size_t ld_out, void *scratch) {
  const block_tables tables = bf16_tables(kind);
  if (x->tokens > FEW_TOKENS) {
    multiply_block_tokens(NK_ACTIVATION_BF16, kind, tables, weight, panel_begin, panel_end,
                          x, out, ld_out, scratch);
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
        case 8: multiply_few(kind, 8, &job); break;
        case 4: multiply_few(kind, 4, &job); break;
        case 2: multiply_few(kind, 2, &job); break;
        default: multiply_few(kind, 1, &job);
      }
    }
  }
}

#define DEFINE_LINEAR(name, kind)                                                            \
  TARGET_AVX512 void nk_linear_##name##_bf16_avx512(                                         \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                  \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                   \
    linear(kind, weight, panel_begin, panel_end, x, out, ld_out, scratch);                   \
  }

FOR_BLOCK_TYPES(DEFINE_LINEAR)

#endif

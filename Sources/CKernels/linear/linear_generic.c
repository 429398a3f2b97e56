// Linear kernels in portable C: the reference that SIMD kernels are tested against.
//
// One body serves all weight kinds. A segment of a row is unpacked, multiplied with every
// token, and merged into the output with its scale, in the order the other providers keep.
#include <math.h>

#include "linear_layout.h"

static const uint8_t *token_values(const nk_activations *x, size_t token) {
  return (const uint8_t *)x->values + token * x->stride;
}

// Column `col` of BF16 activations, which are stored in the order 0, 2, 1, 3.
static float bf16_activation(const nk_activations *x, size_t token, size_t col) {
  uint16_t value;
  const size_t index = col / 4 * 4 + col % 2 * 2 + col % 4 / 2;
  memcpy(&value, token_values(x, token) + 2 * index, sizeof value);
  return float_of_bf16(value);
}

static float f32_activation(const nk_activations *x, size_t token, size_t col) {
  float value;
  memcpy(&value, token_values(x, token) + 4 * col, sizeof value);
  return value;
}

// Sum over a segment of weights (centred on the symmetric zero point) times activations.
static float float_dot(const float *weights, const nk_activations *x, size_t token, size_t begin,
                       size_t end) {
  float dot = 0;
  if (x->kind == NK_ACTIVATION_F32) {
    for (size_t k = begin; k < end; k++) dot += weights[k - begin] * f32_activation(x, token, k);
  } else {
    for (size_t k = begin; k < end; k++) dot += weights[k - begin] * bf16_activation(x, token, k);
  }
  return dot;
}

static void row_with_float_activations(const nk_linear_weight *weight, size_t row,
                                       const nk_activations *x, float *out, size_t ld_out,
                                       float *unpacked) {
  const linear_layout layout = layout_of(weight);
  const uint8_t *panel = panel_at(weight, &layout, row / NK_PANEL_ROWS);
  const size_t lane = row % NK_PANEL_ROWS, block = block_columns(weight->kind, x->kind);
  const int centre = weight->codebook ? 0 : layout.symmetric_zero;
  for (size_t t = 0; t < x->tokens; t++) out[t * ld_out + row] = 0;
  segment_cursor at = first_segment(&layout, panel, block);
  for (; at.begin < at.end; next_segment(&at, &layout, block)) {
    const float scale = layout.bits > 0 ? scale_at(at.header, &layout, at.slot, lane) : 1;
    for (size_t k = 0; k < at.end - at.begin; k++) {
      unpacked[k] = value_at(weight, at.values, lane, k) - (float)centre;
    }
    for (size_t t = 0; t < x->tokens; t++) {
      float dot = float_dot(unpacked, x, t, at.begin, at.end);
      if (weight->zero_points != NK_ZERO_POINTS_FIXED) {
        const float offset = zero_at(weight, at.header, &layout, at.slot, lane) - (float)centre;
        dot -= offset * sum_of_blocks(x->sums + t * x->sum_stride, at.begin, at.end);
      }
      out[t * ld_out + row] += scale * dot;
    }
  }
}

static void row_with_int8_activations(const nk_linear_weight *weight, size_t row,
                                      const nk_activations *x, float *out, size_t ld_out,
                                      uint8_t *unpacked) {
  const linear_layout layout = layout_of(weight);
  const uint8_t *panel = panel_at(weight, &layout, row / NK_PANEL_ROWS);
  const size_t lane = row % NK_PANEL_ROWS, block = block_columns(weight->kind, x->kind);
  for (size_t t = 0; t < x->tokens; t++) out[t * ld_out + row] = 0;
  segment_cursor at = first_segment(&layout, panel, block);
  for (; at.begin < at.end; next_segment(&at, &layout, block)) {
    const float scale = scale_at(at.header, &layout, at.slot, lane);
    const float zero = zero_at(weight, at.header, &layout, at.slot, lane);
    // A real zero point is taken off in two steps: the middle code exactly, the rest as a float.
    const int is_real = weight->zero_points == NK_ZERO_POINTS_REAL;
    const int32_t whole_zero = is_real ? layout.symmetric_zero : (int32_t)zero;
    const size_t columns = at.end - at.begin;
    for (size_t k = 0; k < columns; k++) {
      unpacked[k] = (uint8_t)code_at(weight->kind, at.values, lane, k);
    }
    for (size_t t = 0; t < x->tokens; t++) {
      const int8_t *values = (const int8_t *)token_values(x, t) + at.begin;
      const int32_t *running = x->running + t * x->sum_stride;
      int32_t dot = 0;
      for (size_t k = 0; k < columns; k++) dot += unpacked[k] * values[k];
      const int32_t sum =
          running[at.end / NK_COLUMN_BLOCK] - running[at.begin / NK_COLUMN_BLOCK];
      // Fused, as in the other providers: the bits must agree.
      float centred = (float)(dot - whole_zero * sum);
      if (is_real) centred = fmaf((float)whole_zero - zero, (float)sum, centred);
      out[t * ld_out + row] = fmaf(centred, scale, out[t * ld_out + row]);
    }
  }
  for (size_t t = 0; t < x->tokens; t++) out[t * ld_out + row] *= x->scales[t];
}

static size_t last_row(const nk_linear_weight *weight, size_t panel_end) {
  const size_t row = panel_end * NK_PANEL_ROWS;
  return row < weight->rows ? row : weight->rows;
}

static void linear_with_float_activations(const nk_linear_weight *weight, size_t panel_begin,
                                          size_t panel_end, const nk_activations *x, float *out,
                                          size_t ld_out, void *scratch) {
  const size_t end = last_row(weight, panel_end);
  for (size_t row = panel_begin * NK_PANEL_ROWS; row < end; row++) {
    row_with_float_activations(weight, row, x, out, ld_out, aligned_scratch(scratch));
  }
}

static void linear_with_int8_activations(const nk_linear_weight *weight, size_t panel_begin,
                                         size_t panel_end, const nk_activations *x, float *out,
                                         size_t ld_out, void *scratch) {
  const size_t end = last_row(weight, panel_end);
  for (size_t row = panel_begin * NK_PANEL_ROWS; row < end; row++) {
    row_with_int8_activations(weight, row, x, out, ld_out, aligned_scratch(scratch));
  }
}

#define DEFINE(weights, activations, provider, body)                                            \
  void nk_linear_##weights##_##activations##_##provider(                                        \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                     \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                      \
    body(weight, panel_begin, panel_end, x, out, ld_out, scratch);                              \
  }

#if defined(__x86_64__)
#define DEFINE_GENERIC(weights, activations, body) DEFINE(weights, activations, generic, body)
#else
// Elsewhere the SIMD names exist too, so that a kernel table needs no conditions.
#define DEFINE_GENERIC(weights, activations, body)    \
  DEFINE(weights, activations, generic, body)         \
  DEFINE(weights, activations, avx2, body)            \
  DEFINE(weights, activations, avx512, body)
#endif

DEFINE_GENERIC(f32, f32, linear_with_float_activations)
DEFINE_GENERIC(bf16, bf16, linear_with_float_activations)
DEFINE_GENERIC(int8, bf16, linear_with_float_activations)
DEFINE_GENERIC(int4, bf16, linear_with_float_activations)
DEFINE_GENERIC(int3, bf16, linear_with_float_activations)
DEFINE_GENERIC(int2, bf16, linear_with_float_activations)
DEFINE_GENERIC(e4m3, bf16, linear_with_float_activations)
DEFINE_GENERIC(e5m2, bf16, linear_with_float_activations)
DEFINE_GENERIC(int8, int8, linear_with_int8_activations)
DEFINE_GENERIC(int4, int8, linear_with_int8_activations)
DEFINE_GENERIC(int3, int8, linear_with_int8_activations)
DEFINE_GENERIC(int2, int8, linear_with_int8_activations)

// Norms, rotary embedding, activations and transforms in plain C: the readable truth for the SIMD
// versions.
#include <math.h>

#include "half_float.h"
#include "nk_elementwise.h"

static void norm_row(const float *x, const float *weight, float epsilon, float *out,
                     size_t columns) {
  double squares = 0;
  for (size_t c = 0; c < columns; c++) squares += (double)x[c] * x[c];
  const float factor = (float)(1.0 / sqrt(squares / (double)columns + (double)epsilon));
  for (size_t c = 0; c < columns; c++) out[c] = x[c] * factor * (weight ? weight[c] : 1.0f);
}

void nk_rms_norm_generic(const float *x, ptrdiff_t x_stride, const float *weight, float epsilon,
                         float *out, ptrdiff_t out_stride, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, x += x_stride, out += out_stride) {
    norm_row(x, weight, epsilon, out, columns);
  }
}

void nk_add_rms_norm_generic(float *residual, ptrdiff_t residual_stride, const float *delta,
                             ptrdiff_t delta_stride, const float *weight, float epsilon, float *out,
                             ptrdiff_t out_stride, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < columns; c++) residual[c] += delta[c];
    norm_row(residual, weight, epsilon, out, columns);
    residual += residual_stride;
    delta += delta_stride;
    out += out_stride;
  }
}

void nk_head_rms_norm_generic(float *x, ptrdiff_t token_stride, ptrdiff_t head_stride,
                              size_t tokens, size_t heads, size_t head_dim, const float *weight,
                              float epsilon) {
  for (size_t t = 0; t < tokens; t++) {
    for (size_t h = 0; h < heads; h++) {
      float *row = x + (ptrdiff_t)t * token_stride + (ptrdiff_t)h * head_stride;
      norm_row(row, weight, epsilon, row, head_dim);
    }
  }
}

void nk_rope_generic(float *x, ptrdiff_t token_stride, ptrdiff_t head_stride, size_t tokens,
                     size_t heads, size_t rotary_dim, const float *cosine, const float *sine,
                     size_t position) {
  const size_t half = rotary_dim / 2;
  for (size_t t = 0; t < tokens; t++) {
    const float *c = cosine + (position + t) * half, *s = sine + (position + t) * half;
    for (size_t h = 0; h < heads; h++) {
      float *first = x + (ptrdiff_t)t * token_stride + (ptrdiff_t)h * head_stride;
      float *second = first + half;
      for (size_t i = 0; i < half; i++) {
        const float a = first[i], b = second[i];
        first[i] = a * c[i] - b * s[i];
        second[i] = b * c[i] + a * s[i];
      }
    }
  }
}

void nk_swiglu_generic(const float *gate, ptrdiff_t gate_stride, const float *up,
                       ptrdiff_t up_stride, float *out, ptrdiff_t out_stride, size_t rows,
                       size_t columns) {
  for (size_t r = 0; r < rows; r++, gate += gate_stride, up += up_stride, out += out_stride) {
    for (size_t c = 0; c < columns; c++) out[c] = gate[c] / (1.0f + expf(-gate[c])) * up[c];
  }
}

void nk_add_generic(const float *a, const float *b, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}

void nk_f32_to_bf16_generic(const float *x, uint16_t *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = bf16_of_float(x[i]);
}


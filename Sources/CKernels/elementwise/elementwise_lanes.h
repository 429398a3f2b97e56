// The SIMD versions of elementwise functions, written once in terms of lanes.
//
// Included by one source file per instruction set, after its lanes header and with VERSION(name)
// defined.
#ifndef ELEMENTWISE_LANES_H
#define ELEMENTWISE_LANES_H

#include <math.h>
#include <string.h>

#include "nk_elementwise.h"

// e^x; 0 below -87.3, about 2e38 above 88.3, NaN of NaN. Relative error below 3e-7.
LANES_INLINE lanes exponential(lanes x) {
  const lanes round = lanes_set(0x1.8p23f);
  const lanes_mask normal = lanes_not_below(x, lanes_set(-87.33f));
  // With NaN the second operand wins.
  x = lanes_max(lanes_set(-88.0f), lanes_min(lanes_set(88.37f), x));
  lanes shifted = lanes_fma(x, lanes_set(1.44269504f), round);
  lanes n = lanes_sub(shifted, round);
  lanes r = lanes_fma(n, lanes_set(-0x1.62e4p-1f), x);
  r = lanes_fma(n, lanes_set(-0x1.7f7d1cp-20f), r);
  lanes p = lanes_set(1.0f / 720.0f);
  p = lanes_fma(p, r, lanes_set(1.0f / 120.0f));
  p = lanes_fma(p, r, lanes_set(1.0f / 24.0f));
  p = lanes_fma(p, r, lanes_set(1.0f / 6.0f));
  p = lanes_fma(p, r, lanes_set(0.5f));
  p = lanes_fma(p, r, lanes_set(1.0f));
  p = lanes_fma(p, r, lanes_set(1.0f));
  return lanes_keep(normal, lanes_scale_exponent(p, shifted));
}

// ---- Norms ----

LANES_INLINE void scale_row(const float *x, const float *weight, float factor, float *out,
                            size_t columns) {
  const lanes f = lanes_set(factor);
  size_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    lanes y = lanes_mul(lanes_load(x + c), f);
    lanes_store(out + c, weight ? lanes_mul(y, lanes_load(weight + c)) : y);
  }
  if (c < columns) {
    const size_t n = columns - c;
    lanes y = lanes_mul(lanes_load_part(x + c, n), f);
    lanes_store_part(out + c, weight ? lanes_mul(y, lanes_load_part(weight + c, n)) : y, n);
  }
}

LANES_INLINE float norm_factor(lanes a, lanes b, size_t columns, float epsilon) {
  const double squares = lanes_sum(lanes_add(a, b));
  return (float)(1.0 / sqrt(squares / (double)columns + (double)epsilon));
}

LANES_INLINE void norm_row(const float *x, const float *weight, float epsilon, float *out,
                           size_t columns) {
  lanes a = lanes_set(0), b = a;
  size_t c = 0;
  for (; c + 2 * LANES <= columns; c += 2 * LANES) {
    lanes first = lanes_load(x + c), second = lanes_load(x + c + LANES);
    a = lanes_fma(first, first, a);
    b = lanes_fma(second, second, b);
  }
  for (; c < columns; c += LANES) {
    lanes y = columns - c < LANES ? lanes_load_part(x + c, columns - c) : lanes_load(x + c);
    a = lanes_fma(y, y, a);
  }
  scale_row(x, weight, norm_factor(a, b, columns, epsilon), out, columns);
}

LANES_TARGET
void VERSION(nk_rms_norm)(const float *x, ptrdiff_t x_stride, const float *weight, float epsilon,
                          float *out, ptrdiff_t out_stride, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, x += x_stride, out += out_stride) {
    norm_row(x, weight, epsilon, out, columns);
  }
}

LANES_TARGET
void VERSION(nk_add_rms_norm)(float *residual, ptrdiff_t residual_stride, const float *delta,
                              ptrdiff_t delta_stride, const float *weight, float epsilon,
                              float *out, ptrdiff_t out_stride, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    lanes a = lanes_set(0), b = a;
    size_t c = 0;
    for (; c + 2 * LANES <= columns; c += 2 * LANES) {
      lanes first = lanes_add(lanes_load(residual + c), lanes_load(delta + c));
      lanes second = lanes_add(lanes_load(residual + c + LANES), lanes_load(delta + c + LANES));
      lanes_store(residual + c, first);
      lanes_store(residual + c + LANES, second);
      a = lanes_fma(first, first, a);
      b = lanes_fma(second, second, b);
    }
    for (; c < columns; c += LANES) {
      const size_t n = columns - c < LANES ? columns - c : LANES;
      lanes y;
      if (n < LANES) {
        y = lanes_add(lanes_load_part(residual + c, n), lanes_load_part(delta + c, n));
        lanes_store_part(residual + c, y, n);
      } else {
        y = lanes_add(lanes_load(residual + c), lanes_load(delta + c));
        lanes_store(residual + c, y);
      }
      a = lanes_fma(y, y, a);
    }
    scale_row(residual, weight, norm_factor(a, b, columns, epsilon), out, columns);
    residual += residual_stride;
    delta += delta_stride;
    out += out_stride;
  }
}

LANES_TARGET
void VERSION(nk_head_rms_norm)(float *x, ptrdiff_t token_stride, ptrdiff_t head_stride,
                               size_t tokens, size_t heads, size_t head_dim, const float *weight,
                               float epsilon) {
  for (size_t t = 0; t < tokens; t++) {
    for (size_t h = 0; h < heads; h++) {
      float *row = x + (ptrdiff_t)t * token_stride + (ptrdiff_t)h * head_stride;
      norm_row(row, weight, epsilon, row, head_dim);
    }
  }
}

// ---- Position ----

LANES_TARGET
void VERSION(nk_rope)(float *x, ptrdiff_t token_stride, ptrdiff_t head_stride, size_t tokens,
                      size_t heads, size_t rotary_dim, const float *cosine, const float *sine,
                      size_t position) {
  const size_t half = rotary_dim / 2;
  for (size_t t = 0; t < tokens; t++) {
    const float *c = cosine + (position + t) * half, *s = sine + (position + t) * half;
    for (size_t h = 0; h < heads; h++) {
      float *first = x + (ptrdiff_t)t * token_stride + (ptrdiff_t)h * head_stride;
      float *second = first + half;
      for (size_t i = 0; i < half; i += LANES) {
        const size_t n = half - i;
        const int part = n < LANES;
        lanes a = part ? lanes_load_part(first + i, n) : lanes_load(first + i);
        lanes b = part ? lanes_load_part(second + i, n) : lanes_load(second + i);
        lanes cos = part ? lanes_load_part(c + i, n) : lanes_load(c + i);
        lanes sin = part ? lanes_load_part(s + i, n) : lanes_load(s + i);
        lanes left = lanes_sub(lanes_mul(a, cos), lanes_mul(b, sin));
        lanes right = lanes_fma(b, cos, lanes_mul(a, sin));
        if (part) {
          lanes_store_part(first + i, left, n);
          lanes_store_part(second + i, right, n);
        } else {
          lanes_store(first + i, left);
          lanes_store(second + i, right);
        }
      }
    }
  }
}

// ---- Activations and arithmetic ----

// out[i] = the expression in x = p[i] and y = q[i], whole vectors and the rest.
#define EACH(p, q, out, count, expression)                                     \
  do {                                                                         \
    size_t i_ = 0;                                                             \
    for (; i_ + LANES <= (count); i_ += LANES) {                               \
      lanes x = lanes_load((p) + i_), y = lanes_load((q) + i_);                \
      (void)y;                                                                 \
      lanes_store((out) + i_, (expression));                                   \
    }                                                                          \
    if (i_ < (count)) {                                                        \
      const size_t n_ = (count) - i_;                                          \
      lanes x = lanes_load_part((p) + i_, n_), y = lanes_load_part((q) + i_, n_); \
      (void)y;                                                                 \
      lanes_store_part((out) + i_, (expression), n_);                          \
    }                                                                          \
  } while (0)

LANES_INLINE lanes silu(lanes x) {
  const lanes one = lanes_set(1.0f);
  return lanes_div(x, lanes_add(one, exponential(lanes_sub(lanes_set(0), x))));
}

LANES_TARGET
void VERSION(nk_swiglu)(const float *gate, ptrdiff_t gate_stride, const float *up,
                        ptrdiff_t up_stride, float *out, ptrdiff_t out_stride, size_t rows,
                        size_t columns) {
  for (size_t r = 0; r < rows; r++, gate += gate_stride, up += up_stride, out += out_stride) {
    EACH(gate, up, out, columns, lanes_mul(silu(x), y));
  }
}

LANES_TARGET
void VERSION(nk_add)(const float *a, const float *b, float *out, size_t count) {
  EACH(a, b, out, count, lanes_add(x, y));
}

// ---- Conversions ----

LANES_TARGET
void VERSION(nk_f32_to_bf16)(const float *x, uint16_t *out, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) lanes_store_bf16(out + i, lanes_load(x + i));
  if (i < count) {
    uint16_t rest[LANES];
    lanes_store_bf16(rest, lanes_load_part(x + i, count - i));
    memcpy(out + i, rest, (count - i) * sizeof *out);
  }
}

#undef EACH

#endif

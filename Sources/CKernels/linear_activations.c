// Conversion of float32 inputs into what linears read: portable C.
#include <float.h>
#include <math.h>

#include "linear_layout.h"

static void fill_f32(const nk_activations *to, const float *x, size_t token) {
  const size_t padded = round_up(to->cols, NK_COLUMN_BLOCK);
  float *values = (float *)((uint8_t *)to->values + token * to->stride);
  memcpy(values, x, to->cols * sizeof *x);
  for (size_t k = to->cols; k < padded; k++) values[k] = 0;
}

static void fill_bf16(const nk_activations *to, const float *x, size_t token) {
  const size_t padded = round_up(to->cols, NK_COLUMN_BLOCK);
  uint16_t *values = (uint16_t *)((uint8_t *)to->values + token * to->stride);
  float *sums = to->sums + token * to->sum_stride;
  for (size_t block = 0; block < padded / NK_COLUMN_BLOCK; block++) {
    float sum = 0;
    for (size_t k = block * NK_COLUMN_BLOCK; k < (block + 1) * NK_COLUMN_BLOCK; k++) {
      const uint16_t value = k < to->cols ? float_to_bf16(x[k]) : 0;
      values[k / 4 * 4 + k % 2 * 2 + k % 4 / 2] = value;
      sum += bf16_to_float(value);
    }
    sums[block] = sum;
  }
}

static float finite_or_zero(float x) {
  if (isnan(x)) return 0;
  return x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x;
}

static void fill_int8(const nk_activations *to, const float *x, size_t token) {
  const size_t padded = round_up(to->cols, NK_COLUMN_BLOCK);
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int32_t *running = to->running + token * to->sum_stride;
  float largest = 0;
  for (size_t k = 0; k < to->cols; k++) {
    const float magnitude = fabsf(finite_or_zero(x[k]));
    if (magnitude > largest) largest = magnitude;
  }
  const float inverse = int8_inverse_scale(largest);
  to->scales[token] = inverse > 0 ? largest / 127 : 0;
  int32_t sum = 0;
  running[0] = 0;
  for (size_t k = 0; k < padded; k++) {
    const float scaled = k < to->cols ? finite_or_zero(x[k]) * inverse : 0;
    const int q = (int)rintf(scaled);
    values[k] = (int8_t)(q > 127 ? 127 : q < -127 ? -127 : q);
    sum += values[k];
    if (k % NK_COLUMN_BLOCK == NK_COLUMN_BLOCK - 1) running[k / NK_COLUMN_BLOCK + 1] = sum;
  }
}

void nk_activations_fill_generic(const nk_activations *activations, const float *x, size_t ld_x,
                                 size_t token_begin, size_t token_end) {
  for (size_t token = token_begin; token < token_end; token++) {
    const float *row = x + token * ld_x;
    switch (activations->kind) {
      case NK_ACTIVATION_F32: fill_f32(activations, row, token); break;
      case NK_ACTIVATION_BF16: fill_bf16(activations, row, token); break;
      case NK_ACTIVATION_INT8: fill_int8(activations, row, token); break;
    }
  }
}

#if !defined(__x86_64__)
void nk_activations_fill_avx2(const nk_activations *activations, const float *x, size_t ld_x,
                              size_t token_begin, size_t token_end) {
  nk_activations_fill_generic(activations, x, ld_x, token_begin, token_end);
}

void nk_activations_fill_avx512(const nk_activations *activations, const float *x, size_t ld_x,
                                size_t token_begin, size_t token_end) {
  nk_activations_fill_generic(activations, x, ld_x, token_begin, token_end);
}
#endif

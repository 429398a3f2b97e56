// Conversion of float32 inputs into what linears read: portable C.
#include "linear_coding.h"

static void fill_f32(const nk_activations *to, const float *x, size_t token) {
  const size_t padded = round_up(to->cols, NK_COLUMN_BLOCK);
  float *values = (float *)((uint8_t *)to->values + token * to->stride);
  memcpy(values, x, to->cols * sizeof *x);
  for (size_t k = to->cols; k < padded; k++) values[k] = 0;
}

// Writes 32 columns that are bfloat16 numbers already, and their sum.
static void store_bf16_block(const nk_activations *to, size_t token, size_t block,
                             const float x[NK_COLUMN_BLOCK]) {
  uint16_t *values = (uint16_t *)((uint8_t *)to->values + token * to->stride);
  float sum = 0;
  for (size_t i = 0; i < NK_COLUMN_BLOCK; i++) {
    const size_t k = block * NK_COLUMN_BLOCK + i;
    values[k / 4 * 4 + k % 2 * 2 + k % 4 / 2] = (uint16_t)(bits_of_float(x[i]) >> 16);
    sum += x[i];
  }
  if (to->sums != NULL) to->sums[token * to->sum_stride + block] = sum;
}

static void fill_bf16(const nk_activations *to, const float *x, size_t token) {
  float rounded[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i++) {
      rounded[i] = k + i < to->cols ? float_of_bf16(flushed_bf16(x[k + i])) : 0;
    }
    store_bf16_block(to, token, k / NK_COLUMN_BLOCK, rounded);
  }
  to->scales[token] = 1;
  to->clipped[token] = 0;
}

static void fill_float8(const nk_activations *to, const float *x, size_t token) {
  const float8_format format = float8_format_of(to->float8);
  float largest = 0;
  for (size_t k = 0; k < to->cols; k++) {
    const float magnitude = fabsf(finite_value(x[k]));
    if (magnitude > largest) largest = magnitude;
  }
  const float8_coding coding = float8_coding_of(to, largest);
  uint32_t clipped = 0;
  float rounded[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i++) {
      const int is_there = k + i < to->cols && coding.scale > 0;
      const float value = is_there ? finite_value(x[k + i]) / coding.scale : 0;
      rounded[i] = rounded_to_float8(format, value, &clipped);
    }
    store_bf16_block(to, token, k / NK_COLUMN_BLOCK, rounded);
  }
  to->scales[token] = coding.scale;
  to->clipped[token] = coding.is_given ? clipped : 0;
}

// The range of the values that count for the scale of a token, and of 0.
static void token_range(const nk_activations *to, const float *x, float *lowest, float *highest) {
  *lowest = *highest = 0;
  for (size_t k = 0; k < to->cols; k++) {
    const float value = finite_value(x[k]);
    if (to->columns != NULL) {
      if (to->limit > 0 ? !(fabsf(value) < to->limit) : to->columns[k] == 0) continue;
    }
    if (value < *lowest) *lowest = value;
    if (value > *highest) *highest = value;
  }
}

static void fill_int8(const nk_activations *to, const float *x, size_t token) {
  const size_t padded = round_up(to->cols, NK_COLUMN_BLOCK);
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int32_t *running = to->running + token * to->sum_stride;
  float lowest, highest;
  token_range(to, x, &lowest, &highest);
  const int8_coding coding = int8_coding_of(to, lowest, highest);
  to->scales[token] = coding.scale;
  to->zeros[token] = coding.zero;
  uint32_t clipped = 0;
  int32_t sum = 0;
  running[0] = 0;
  for (size_t k = 0; k < padded; k++) {
    const int takes_part = k < to->cols && (to->columns == NULL || to->columns[k] != 0);
    values[k] = takes_part ? (int8_t)int8_code(coding, x[k], &clipped) : 0;
    sum += values[k];
    if (k % NK_COLUMN_BLOCK == NK_COLUMN_BLOCK - 1) running[k / NK_COLUMN_BLOCK + 1] = sum;
  }
  to->clipped[token] = to->given_scale > 0 ? clipped : 0;
}

static void fill_int8_blocks(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    float largest = 0;
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i++) {
      const float magnitude = fabsf(finite_value(from[i]));
      if (magnitude > largest) largest = magnitude;
    }
    const float inverse = int8_inverse_scale(largest);
    const int8_coding coding = {.inverse = inverse, .least = -127, .most = 127};
    uint32_t clipped = 0;
    int32_t sums[2] = {0, 0};
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i++) {
      values[k + i] = (int8_t)int8_code(coding, from[i], &clipped);
      sums[i / 16] += values[k + i];
    }
    store_block_sums(to, token, k / NK_COLUMN_BLOCK, inverse > 0 ? largest / 127 : 0, sums[0],
                     sums[1]);
  }
}

static void fill_int16_blocks(const nk_activations *to, const float *x, size_t token) {
  int8_t *values = (int8_t *)to->values + token * to->stride;
  int16_t *words = int16_words(to, token);
  float tail[NK_COLUMN_BLOCK];
  for (size_t k = 0; k < to->cols; k += NK_COLUMN_BLOCK, values += 2 * NK_COLUMN_BLOCK) {
    const float *from = columns_at(x, k, to->cols, tail);
    float largest = 0;
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i++) {
      const float magnitude = fabsf(finite_value(from[i]));
      if (magnitude > largest) largest = magnitude;
    }
    const float inverse = int16_inverse_scale(largest);
    int32_t sums[2] = {0, 0};
    for (size_t i = 0; i < NK_COLUMN_BLOCK; i++) {
      int32_t code = (int32_t)rintf(finite_value(from[i]) * inverse);
      code = code > INT16_CODES ? INT16_CODES : code < -INT16_CODES ? -INT16_CODES : code;
      const int8_t low = (int8_t)(uint8_t)code;
      values[NK_COLUMN_BLOCK + i] = low;
      values[i] = (int8_t)((code - low) / 256);
      words[k + i / 4 * 4 + i % 2 * 2 + i % 4 / 2] = (int16_t)code;
      sums[i / 16] += code;
    }
    store_block_sums(to, token, k / NK_COLUMN_BLOCK, inverse > 0 ? largest / INT16_CODES : 0,
                     sums[0], sums[1]);
  }
}

#define VERSION(name) name##_generic
#define TARGET
#include "linear_fill.h"

void nk_activations_give(nk_activations *activations, float lowest, float highest) {
  lowest = finite_value(lowest);
  highest = finite_value(highest);
  activations->given_scale = 0;
  activations->given_zero = 0;
  if (activations->kind == NK_ACTIVATION_INT8) {
    const int8_coding coding = int8_coding_of(activations, lowest, highest);
    activations->given_scale = coding.scale;
    activations->given_zero = coding.zero;
  } else if (activations->float8 != NK_FLOAT8_NONE) {
    const float largest = highest > -lowest ? highest : -lowest;
    activations->given_scale = float8_coding_of(activations, largest).scale;
  } else {
    return;
  }
  // A range of zeros: everything is nothing, and not each token's own.
  if (activations->given_scale == 0) activations->given_scale = 0x1p-126f;
}

void nk_activations_gather(const nk_activations *activations, const float *x, size_t ld_x,
                           const uint32_t *columns, size_t token_begin, size_t token_end) {
  const size_t padded = round_up(activations->cols, NK_COLUMN_BLOCK);
  for (size_t token = token_begin; token < token_end; token++) {
    const float *row = x + token * ld_x;
    float *values = (float *)((uint8_t *)activations->values + token * activations->stride);
    for (size_t j = 0; j < activations->cols; j++) values[j] = row[columns[j]];
    for (size_t j = activations->cols; j < padded; j++) values[j] = 0;
  }
}

void nk_column_maxima_generic(const float *x, size_t ld_x, size_t tokens, size_t col_begin,
                              size_t col_end, float *maxima) {
  for (size_t k = col_begin; k < col_end; k++) maxima[k] = 0;
  for (size_t token = 0; token < tokens; token++) {
    const float *row = x + token * ld_x;
    for (size_t k = col_begin; k < col_end; k++) {
      const float magnitude = fabsf(row[k]);
      maxima[k] = magnitude > maxima[k] ? magnitude : maxima[k];
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

#define DEFINE_ELSEWHERE(provider)                                                             \
  void nk_column_maxima_##provider(const float *x, size_t ld_x, size_t tokens,                 \
                                   size_t col_begin, size_t col_end, float *maxima) {          \
    nk_column_maxima_generic(x, ld_x, tokens, col_begin, col_end, maxima);                     \
  }                                                                                            \
  void nk_token_ranges_##provider(const float *x, size_t ld_x, size_t cols,                    \
                                  size_t token_begin, size_t token_end, float *lowest,         \
                                  float *highest) {                                            \
    nk_token_ranges_generic(x, ld_x, cols, token_begin, token_end, lowest, highest);           \
  }

DEFINE_ELSEWHERE(avx2)
DEFINE_ELSEWHERE(avx512)
#endif

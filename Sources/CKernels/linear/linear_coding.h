// How activations are coded beyond the plain forms: shared, bit for bit, by all providers.
#ifndef LINEAR_CODING_H
#define LINEAR_CODING_H

#include <float.h>
#include <math.h>

#include "linear_layout.h"

// Whether INT8 codes are other than the plain ones: symmetric, every column, a scale found for each token.
static inline int is_plain_int8(const nk_activations *x) {
  return !x->is_asymmetric && x->given_scale == 0 && x->columns == NULL;
}

static inline float finite_value(float x) {
  if (isnan(x)) return 0;
  return x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : x;
}

// 1 / scale, or 0 where that is not finite.
static inline float inverse_of(float scale) { return scale >= 0x1p-120f ? 1 / scale : 0; }

// code = clamp(round to even(x * inverse) + zero)
typedef struct int8_coding {
  float scale, inverse;
  int32_t zero, least, most;
} int8_coding;

// Codes of a token whose values lie between `lowest` and `highest`.
static inline int8_coding int8_coding_of(const nk_activations *x, float lowest, float highest) {
  int8_coding coding = {.least = x->is_asymmetric ? -128 : -127, .most = 127};
  if (x->given_scale > 0) {
    coding.inverse = inverse_of(x->given_scale);
    coding.scale = coding.inverse > 0 ? x->given_scale : 0;
    coding.zero = x->is_asymmetric ? x->given_zero : 0;
    return coding;
  }
  if (!x->is_asymmetric) {
    const float largest = highest > -lowest ? highest : -lowest;
    coding.inverse = int8_inverse_scale(largest);
    coding.scale = coding.inverse > 0 ? largest / 127 : 0;
    return coding;
  }
  if (lowest > 0) lowest = 0;
  if (highest < 0) highest = 0;
  const float scale = highest / 255 - lowest / 255;
  coding.inverse = inverse_of(scale);
  if (coding.inverse == 0) return coding;
  coding.scale = scale;
  const float zero = rintf(-128 - lowest * coding.inverse);
  coding.zero = (int32_t)(zero < -128 ? -128 : zero > 127 ? 127 : zero);
  return coding;
}

// Far beyond every code, and still a whole number of 32 bits.
#define BEYOND_CODES 1024.0f

static inline int32_t int8_code(int8_coding coding, float x, uint32_t *clipped) {
  float scaled = finite_value(x) * coding.inverse;
  scaled = scaled > BEYOND_CODES ? BEYOND_CODES : scaled < -BEYOND_CODES ? -BEYOND_CODES : scaled;
  const int32_t code = (int32_t)rintf(scaled) + coding.zero;
  if (code >= coding.least && code <= coding.most) return code;
  ++*clipped;
  return code > coding.most ? coding.most : coding.least;
}

// The largest code of 16 bits whose parts are signed bytes.
enum { INT16_CODES = 127 * 256 + 127 };

// INT16_CODES / largest, or 0 where that is not finite (all zero, or nearly so).
static inline float int16_inverse_scale(float largest) {
  return largest >= 0x1p-112f ? INT16_CODES / largest : 0;
}

// Where a token's INT16 codes lie as words.
static inline int16_t *int16_words(const nk_activations *to, size_t token) {
  const size_t parts = 2 * round_up(to->cols, NK_COLUMN_BLOCK);
  return (int16_t *)((uint8_t *)to->values + token * to->stride + parts);
}

// Writes what is known of 32 columns of blocks once they are coded: their scale, and sums of the codes of each half.
static inline void store_block_sums(const nk_activations *to, size_t token, size_t block,
                                    float scale, int32_t low, int32_t high) {
  to->scales[token * to->sum_stride + block] = scale;
  to->halves[2 * (token * to->sum_stride + block)] = low;
  to->halves[2 * (token * to->sum_stride + block) + 1] = high;
  if (to->sums != NULL) to->sums[token * to->sum_stride + block] = scale * (float)(low + high);
}

// An 8-bit float: its largest number, its smallest normal one, and what added to and taken off a number's power of two
// leaves it rounded to the format's mantissa.
typedef struct float8_format {
  float largest;
  uint32_t smallest_normal;  // bits
  uint32_t anchor;           // to add to the exponent, in place
} float8_format;

static inline float8_format float8_format_of(nk_float8 type) {
  if (type == NK_FLOAT8_E4M3) return (float8_format){448, (127 - 6) << 23, 20 << 23};
  return (float8_format){57344, (127 - 14) << 23, 21 << 23};
}

typedef struct float8_coding {
  float scale;      // 0 for a token of zeros, or nearly so
  int is_given;
} float8_coding;

static inline float8_coding float8_coding_of(const nk_activations *x, float largest) {
  if (x->given_scale > 0) return (float8_coding){x->given_scale, 1};
  const float scale = largest / float8_format_of(x->float8).largest;
  return (float8_coding){scale >= 0x1p-120f ? scale : 0, 0};
}

// A finite number rounded half to even to an 8-bit float, clamped to its largest number.
static inline float rounded_to_float8(float8_format format, float x, uint32_t *clipped) {
  float magnitude = fabsf(x);
  if (magnitude > format.largest) {
    magnitude = format.largest;
    ++*clipped;
  }
  uint32_t exponent = bits_of_float(magnitude) & 0x7f800000;
  if (exponent < format.smallest_normal) exponent = format.smallest_normal;
  const float anchor = float_of_bits(exponent + format.anchor);
  const float rounded = (magnitude + anchor) - anchor;
  return signbit(x) ? -rounded : rounded;
}

// 32 columns of a token; the last ones are copied to `tail` and padded with zeros.
ALWAYS_INLINE const float *columns_at(const float *x, size_t k, size_t cols,
                                      float tail[NK_COLUMN_BLOCK]) {
  if (k + NK_COLUMN_BLOCK <= cols) return x + k;
  memset(tail, 0, NK_COLUMN_BLOCK * sizeof *tail);
  memcpy(tail, x + k, (cols - k) * sizeof *tail);
  return tail;
}

#endif

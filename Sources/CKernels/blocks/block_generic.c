// Kernels of block types in portable C: the reference that SIMD kernels are tested against.
//
// One body serves all types. A block of a row is unpacked, multiplied with every token, and merged into the output with
// its scales, in the order the other providers keep.
#include <math.h>

#include "block_kernels.h"
#include "block_layout.h"

// A row's 32 columns, unpacked.
typedef struct row_block {
  size_t index;           // of the block in the row
  int codes[NK_COLUMN_BLOCK];  // with the zero taken off
  float scales[2];        // of each half
  float minimum;
} row_block;

static row_block unpacked(nk_weight_kind kind, const block_span *span, size_t b, size_t lane) {
  row_block block = {.index = span->first + b};
  for (size_t k = 0; k < NK_COLUMN_BLOCK; k++) {
    block.codes[k] = block_code_at(kind, block_values(kind, span, b), lane, k) - block_zero(kind);
  }
  for (size_t half = 0; half < 2; half++) {
    block.scales[half] = block_scale_at(kind, span, b, half, lane);
  }
  block.minimum = block_minimum_at(kind, span, b, lane);
  return block;
}

// Column `col` of BF16 activations, which are stored in the order 0, 2, 1, 3.
static float bf16_activation(const nk_activations *x, size_t token, size_t col) {
  uint16_t value;
  const size_t index = col / 4 * 4 + col % 2 * 2 + col % 4 / 2;
  memcpy(&value, (const uint8_t *)x->values + token * x->stride + 2 * index, sizeof value);
  return float_of_bf16(value);
}

// What a token had before, with a block added.
static float with_bf16(nk_weight_kind kind, const row_block *block, const nk_activations *x,
                       size_t token, float value) {
  const size_t columns = scale_columns(kind);
  for (size_t k = 0; k < NK_COLUMN_BLOCK; k += columns) {
    float dot = 0;
    for (size_t i = k; i < k + columns; i++) {
      const float a = bf16_activation(x, token, block->index * NK_COLUMN_BLOCK + i);
      dot += (float)block->codes[i] * a;
    }
    value += block->scales[k / HALF_COLUMNS] * dot;
  }
  if (!has_minima(kind)) return value;
  return value + block->minimum * x->sums[token * x->sum_stride + block->index];
}

// Column `i` of a block of a token's codes, of 8 bits or in two parts.
static int32_t code_of(const nk_activations *x, const int8_t *values, size_t i) {
  if (x->kind == NK_ACTIVATION_INT8_BLOCKS) return values[i];
  return values[i] * 256 + values[NK_COLUMN_BLOCK + i];
}

static float with_integers(nk_weight_kind kind, const row_block *block, const nk_activations *x,
                           size_t token, float value) {
  const size_t columns = scale_columns(kind), at = token * x->sum_stride + block->index;
  const int8_t *values =
      (const int8_t *)x->values + token * x->stride + block->index * input_bytes(x->kind);
  for (size_t k = 0; k < NK_COLUMN_BLOCK; k += columns) {
    int32_t dot = 0;
    for (size_t i = k; i < k + columns; i++) {
      dot += block->codes[i] * code_of(x, values, i);
    }
    // Fused, as in the other providers: the bits must agree.
    value = fmaf((float)dot * x->scales[at], block->scales[k / HALF_COLUMNS], value);
  }
  return has_minima(kind) ? fmaf(x->sums[at], block->minimum, value) : value;
}

static void linear(nk_weight_kind kind, const nk_linear_weight *weight, size_t panel_begin,
                   size_t panel_end, const nk_activations *x, float *out, size_t ld_out) {
  const block_layout layout = block_layout_of(kind, weight->cols);
  const size_t end = smaller(panel_end * NK_PANEL_ROWS, weight->rows);
  for (size_t row = panel_begin * NK_PANEL_ROWS; row < end; row++) {
    const size_t lane = row % NK_PANEL_ROWS;
    const uint8_t *panel =
        (const uint8_t *)weight->packed + row / NK_PANEL_ROWS * layout.panel_bytes;
    for (size_t t = 0; t < x->tokens; t++) out[t * ld_out + row] = 0;
    for (size_t first = 0; first < layout.blocks; first += span_blocks(kind)) {
      const block_span span = span_at(kind, &layout, panel, first);
      for (size_t b = 0; b < span.count; b++) {
        const row_block block = unpacked(kind, &span, b, lane);
        for (size_t t = 0; t < x->tokens; t++) {
          float *to = out + t * ld_out + row;
          *to = x->kind == NK_ACTIVATION_BF16 ? with_bf16(kind, &block, x, t, *to)
                                              : with_integers(kind, &block, x, t, *to);
        }
      }
    }
  }
}

#define DEFINE(type, kind, activations)                                                         \
  void nk_linear_##type##_##activations##_generic(                                              \
      const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,                     \
      const nk_activations *x, float *out, size_t ld_out, void *scratch) {                      \
    (void)scratch;                                                                              \
    linear(kind, weight, panel_begin, panel_end, x, out, ld_out);                               \
  }

#define DEFINE_ALL(type, kind) DEFINE(type, kind, bf16) DEFINE(type, kind, int8g32) DEFINE(type, kind, int16g32)

FOR_BLOCK_TYPES(DEFINE_ALL)

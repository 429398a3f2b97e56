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
  int scale_codes[2], minimum_code;  // of K types, for the scales above them
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
  if (!is_super_kind(kind)) return block;
  for (size_t half = 0; half < 2; half++) {
    block.scale_codes[half] = scale_code_at(kind, span, b, half, lane);
  }
  if (has_minima(kind)) block.minimum_code = six_bits(span, b, lane, 1);
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

// The sum of columns [begin, end) of a block's codes times a token's.
static int32_t dot_of(const row_block *block, const nk_activations *x, size_t token, size_t begin,
                      size_t end) {
  const int8_t *values =
      (const int8_t *)x->values + token * x->stride + block->index * input_bytes(x->kind);
  int32_t dot = 0;
  for (size_t i = begin; i < end; i++) dot += block->codes[i] * code_of(x, values, i);
  return dot;
}

// What a token had before, with a block added; not for K types. Fused, as in the other providers: the bits must agree.
static float with_integers(nk_weight_kind kind, const row_block *block, const nk_activations *x,
                           size_t token, float value) {
  const size_t at = token * x->sum_stride + block->index;
  const int32_t dot = dot_of(block, x, token, 0, NK_COLUMN_BLOCK);
  value = fmaf((float)dot * x->scales[at], block->scales[0], value);
  return has_minima(kind) ? fmaf(x->sums[at], block->minimum, value) : value;
}

// What a token had before, with a stretch of a K type added, whose sums are kept in units of `super` and `minimum`: the scale
// above them and what their minima are multiplied by.
static float with_stretch(nk_weight_kind kind, const row_block blocks[STRETCH_BLOCKS],
                          const nk_activations *x, size_t token, float super, float minimum,
                          float value) {
  const size_t columns = scale_columns(kind);
  float sum = 0, minima = 0;
  for (size_t b = 0; b < STRETCH_BLOCKS; b++) {
    const size_t at = token * x->sum_stride + blocks[b].index;
    for (size_t k = 0; k < NK_COLUMN_BLOCK; k += columns) {
      const int32_t dot = dot_of(&blocks[b], x, token, k, k + columns);
      sum = fmaf((float)(dot * blocks[b].scale_codes[k / HALF_COLUMNS]), x->scales[at], sum);
    }
    if (has_minima(kind)) minima = fmaf(x->sums[at], (float)blocks[b].minimum_code, minima);
  }
  value = fmaf(super, sum, value);
  return has_minima(kind) ? fmaf(minimum, minima, value) : value;
}

// Adds a span of a row of a K type to all tokens; `out` is where the row's results lie.
static void add_stretches(nk_weight_kind kind, const block_span *span, size_t lane,
                          const nk_activations *x, float *out, size_t ld_out) {
  for (size_t begin = 0; begin < span->count; begin += STRETCH_BLOCKS) {
    row_block blocks[STRETCH_BLOCKS];
    for (size_t b = 0; b < STRETCH_BLOCKS; b++) blocks[b] = unpacked(kind, span, begin + b, lane);
    const float super = super_scale_at(kind, span, begin, lane);
    const float minimum = has_minima(kind) ? -half_at(span->header, NK_PANEL_ROWS + lane) : 0;
    for (size_t t = 0; t < x->tokens; t++) {
      out[t * ld_out] = with_stretch(kind, blocks, x, t, super, minimum, out[t * ld_out]);
    }
  }
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
      if (is_super_kind(kind) && x->kind != NK_ACTIVATION_BF16) {
        add_stretches(kind, &span, lane, x, out + row, ld_out);
        continue;
      }
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

// How a packed weight matrix lies in memory, shared by packing and every linear kernel.
//
// A panel holds 16 rows as a sequence of spans: one for weights without scales, else one for
// every 8 groups of columns (4 for INT8). A span begins with the scales of its groups,
// [group][16 rows], and their zero points unless fixed (a byte each, or float16 when real),
// both padded to 64 bytes; the values follow. So all bytes of a panel are read in the order
// they lie in: measured, a second stream of scales halves the bandwidth of a matrix-vector
// product.
// Values, in 64-byte chunks [16 rows][4 bytes], r the row:
//   F32    chunk [column][r]
//   BF16   chunk [column/2][r][2]: columns 4i...4i+3 in the order 0, 2, 1, 3
//   INT8   chunk [column/4][r][4]: byte j is column 4c + j; E4M3 and E5M2 alike
//   INT4   chunk [column/8][r][4]: byte j holds columns 8c + j (low) and 8c + 4 + j (high)
//   INT2   chunk [column/16][r][4]: bits 2t of byte j hold column 16c + 4t + j
//   INT3   [column/32] of three chunks of 16-bit words. Pair p < 15 of columns has its codes at
//          bits 3 * (p % 5) of chunk p / 5; the last one has a bit in bit 15 of each chunk
// The two 16-bit words of a row's 4 bytes hold a pair of columns, (4i, 4i+2) or (4i+1, 4i+3) for
// pairs 2i and 2i + 1. That is the order BF16 activations are stored in, while INT8
// activations keep the natural order.
#ifndef LINEAR_LAYOUT_H
#define LINEAR_LAYOUT_H

#include <string.h>

#include "half_float.h"
#include "kernel_build.h"
#include "nk_linear.h"

enum {
  CHUNK = 64,  // bytes of 16 rows x 4
  TILE_ROWS = NK_PANEL_ROWS * NK_TILE_PANELS,
  UNPACKED_BYTES = 128 * 1024,  // of codes unpacked for many tokens: an eighth of L2 and more
  SCRATCH_BYTES = 176 * 1024,   // of any kernel, before alignment
};

typedef struct linear_layout {
  size_t padded_cols;   // cols rounded up to 32
  size_t group;         // columns of a group, at most padded_cols
  size_t groups;        // 0 without scales
  size_t span_groups;   // groups in a span
  size_t span_bytes;    // of a whole span
  size_t header_bytes;  // scales and zero points of a span
  size_t scale_bytes;   // 16 scales: 64 or 32
  size_t zeros_offset;  // in a span's header
  size_t zero_bytes;    // 16 zero points: 0, 16 or 32
  size_t block_bytes;   // values of 16 rows x 32 columns
  size_t panel_bytes;
  int bits;             // of a code; 0 for F32 and BF16
  int symmetric_zero;   // 2^(bits - 1); 0 for 8-bit floats
} linear_layout;

static inline int code_bits(nk_weight_kind kind) {
  switch (kind) {
    case NK_WEIGHT_INT8:
    case NK_WEIGHT_E4M3:
    case NK_WEIGHT_E5M2: return 8;
    case NK_WEIGHT_INT4: return 4;
    case NK_WEIGHT_INT3: return 3;
    case NK_WEIGHT_INT2: return 2;
    default: return 0;
  }
}

static inline int is_float8(nk_weight_kind kind) {
  return kind == NK_WEIGHT_E4M3 || kind == NK_WEIGHT_E5M2;
}

static inline size_t zero_point_bytes(nk_zero_points zero_points) {
  switch (zero_points) {
    case NK_ZERO_POINTS_INTEGER: return 1;
    case NK_ZERO_POINTS_REAL: return 2;
    default: return 0;
  }
}

// Bytes of the values of 16 rows x 32 columns.
static inline size_t column_block_bytes(nk_weight_kind kind) {
  switch (kind) {
    case NK_WEIGHT_F32: return 2048;
    case NK_WEIGHT_BF16: return 1024;
    default: return 64 * (size_t)code_bits(kind);
  }
}

static inline size_t round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Whether activations have a scale for every block of columns.
static inline int is_in_blocks(nk_activation_kind kind) {
  return kind == NK_ACTIVATION_INT8_BLOCKS || kind == NK_ACTIVATION_INT16_BLOCKS;
}

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// The layout of a description that nk_linear_panel_bytes() accepts.
static inline linear_layout layout_of(const nk_linear_weight *weight) {
  linear_layout layout = {0};
  layout.padded_cols = round_up(weight->cols, NK_COLUMN_BLOCK);
  layout.block_bytes = column_block_bytes(weight->kind);
  layout.bits = code_bits(weight->kind);
  layout.group = layout.padded_cols;
  layout.span_groups = 1;
  if (layout.bits > 0) {
    layout.symmetric_zero = is_float8(weight->kind) ? 0 : 1 << (layout.bits - 1);
    if (weight->group > 0 && weight->group < weight->cols) layout.group = weight->group;
    if (weight->cols > 0) layout.groups = (weight->cols - 1) / layout.group + 1;
    layout.span_groups = smaller(layout.bits == 8 ? 4 : 8, layout.groups > 0 ? layout.groups : 1);
    layout.scale_bytes = NK_PANEL_ROWS * (layout.bits == 8 ? 4 : 2);
    layout.zeros_offset = round_up(layout.span_groups * layout.scale_bytes, CHUNK);
    layout.zero_bytes = NK_PANEL_ROWS * zero_point_bytes(weight->zero_points);
    layout.header_bytes =
        layout.zeros_offset + round_up(layout.span_groups * layout.zero_bytes, CHUNK);
  }
  const size_t span_blocks = layout.span_groups * layout.group / NK_COLUMN_BLOCK;
  const size_t blocks = layout.padded_cols / NK_COLUMN_BLOCK;
  layout.span_bytes = layout.header_bytes + span_blocks * layout.block_bytes;
  const size_t spans = span_blocks > 0 ? (blocks + span_blocks - 1) / span_blocks : 0;
  layout.panel_bytes = spans * layout.header_bytes + blocks * layout.block_bytes;
  return layout;
}

static inline const uint8_t *panel_at(const nk_linear_weight *weight, const linear_layout *layout,
                                      size_t panel) {
  return (const uint8_t *)weight->packed + panel * layout->panel_bytes;
}

// Rows of `panel` that exist, 1...16.
static inline size_t rows_in_panel(const nk_linear_weight *weight, size_t panel) {
  return smaller(weight->rows - panel * NK_PANEL_ROWS, NK_PANEL_ROWS);
}

// Columns after which a segment ends at the latest: few enough that the unpacked values of a
// tile stay in L1 (or, where nothing is unpacked, the packed ones in L2). Blocks start anew
// with every span. 255 * 127 * 8192 is far from an int32 overflow.
static inline size_t block_columns(nk_weight_kind kind, nk_activation_kind activation) {
  switch (activation) {
    case NK_ACTIVATION_F32: return 1024;
    case NK_ACTIVATION_BF16: return kind == NK_WEIGHT_BF16 ? 2048 : 128;
    default: return kind == NK_WEIGHT_INT8 ? 8192 : 256;
  }
}

// Most segments that are unpacked at a time: groups of 32 columns, a byte each for 64 rows.
enum { MAX_BLOCK_SEGMENTS = UNPACKED_BYTES / (64 * NK_COLUMN_BLOCK) };

// Walks a panel by segments: what is summed before a scale applies, that is a group, cut at
// the ends of blocks. All kernels cut alike, so that INT8 sums round alike.
typedef struct segment_cursor {
  size_t begin, end;      // columns; empty once the panel is done
  size_t group_end, block_end;
  size_t slot;            // of the group in its span
  const uint8_t *header;  // of the span
  const uint8_t *values;  // at column `begin`
} segment_cursor;

static inline segment_cursor first_segment(const linear_layout *layout, const uint8_t *panel,
                                           size_t block) {
  segment_cursor at = {.header = panel, .values = panel + layout->header_bytes};
  at.group_end = smaller(layout->group, layout->padded_cols);
  at.block_end = block;
  at.end = smaller(at.group_end, at.block_end);
  return at;
}

static inline void next_segment(segment_cursor *at, const linear_layout *layout, size_t block) {
  at->values += (at->end - at->begin) / NK_COLUMN_BLOCK * layout->block_bytes;
  at->begin = at->end;
  if (at->begin == layout->padded_cols) return;
  if (at->begin == at->block_end) at->block_end += block;
  if (at->begin == at->group_end) {
    at->group_end = smaller(at->group_end + layout->group, layout->padded_cols);
    if (++at->slot == layout->span_groups) {
      at->slot = 0;
      at->header = at->values;
      at->values += layout->header_bytes;
      at->block_end = at->begin + block;
    }
  }
  at->end = smaller(at->group_end, at->block_end);
}

// Whether a block ends with this segment.
static inline int ends_block(const segment_cursor *at, const linear_layout *layout) {
  return at->end == at->block_end || at->end == layout->padded_cols ||
         (at->end == at->group_end && at->slot + 1 == layout->span_groups);
}

// bfloat16 rounded to nearest even; subnormals become zero, as the CPU's own conversion does.
static inline uint16_t flushed_bf16(float value) {
  const uint32_t bits = bits_of_float(value), magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (uint16_t)((bits >> 16) | 0x40);
  if (magnitude < 0x00800000) return (uint16_t)((bits >> 16) & 0x8000);
  return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// The sum of activations over whole blocks of columns; sums: of each block.
ALWAYS_INLINE float sum_of_blocks(const float *sums, size_t begin, size_t end) {
  float sum = 0;
  for (size_t b = begin / NK_COLUMN_BLOCK; b < end / NK_COLUMN_BLOCK; b++) sum += sums[b];
  return sum;
}

// 127 / largest, or 0 where that is not finite (all zero, or nearly so).
static inline float int8_inverse_scale(float largest) {
  // 127 / 0x1p-120 is about 2^127; everything below would overflow or be close to it.
  return largest >= 0x1p-120f ? 127 / largest : 0;
}

// Scale of row `row` of the group in `slot` of a span.
static inline float scale_at(const uint8_t *header, const linear_layout *layout, size_t slot,
                             size_t row) {
  const uint8_t *scales = header + slot * layout->scale_bytes;
  if (layout->bits == 8) {
    float scale;
    memcpy(&scale, scales + 4 * row, sizeof scale);
    return scale;
  }
  uint16_t half;
  memcpy(&half, scales + 2 * row, sizeof half);
  return float_of_f16(half);
}

// Zero points of the group in `slot` of a span.
static inline const uint8_t *zeros_at(const uint8_t *header, const linear_layout *layout,
                                      size_t slot) {
  return header + layout->zeros_offset + slot * layout->zero_bytes;
}

// Zero point of row `row` of the group in `slot` of a span.
static inline float zero_at(const nk_linear_weight *weight, const uint8_t *header,
                            const linear_layout *layout, size_t slot, size_t row) {
  const uint8_t *zeros = zeros_at(header, layout, slot);
  switch (weight->zero_points) {
    case NK_ZERO_POINTS_INTEGER: return zeros[row];
    case NK_ZERO_POINTS_REAL: {
      uint16_t half;
      memcpy(&half, zeros + 2 * row, sizeof half);
      return float_of_f16(half);
    }
    default: return (float)layout->symmetric_zero;
  }
}

static inline int word_at(const uint8_t *bytes) {
  uint16_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

// Code of an integer weight; `values` is where column 0 of `col`'s numbering lies.
static inline int code_at(nk_weight_kind kind, const uint8_t *values, size_t row, size_t col) {
  const uint8_t *block =
      values + col / NK_COLUMN_BLOCK * column_block_bytes(kind) + 4 * row + col % 4;
  const size_t quad = col % NK_COLUMN_BLOCK / 4;
  switch (kind) {
    case NK_WEIGHT_INT8:
    case NK_WEIGHT_E4M3:
    case NK_WEIGHT_E5M2: return block[quad * CHUNK];
    case NK_WEIGHT_INT4: return (block[quad / 2 * CHUNK] >> (quad % 2 * 4)) & 15;
    case NK_WEIGHT_INT3: {
      const uint8_t *words = block - col % 4 + col % 4 / 2 * 2;
      const size_t pair = 2 * quad + col % 2;
      if (pair < 15) return (word_at(words + pair / 5 * CHUNK) >> (pair % 5 * 3)) & 7;
      return word_at(words) >> 15 | word_at(words + CHUNK) >> 15 << 1 |
             word_at(words + 2 * CHUNK) >> 15 << 2;
    }
    default: return (block[quad / 4 * CHUNK] >> (quad % 4 * 2)) & 3;
  }
}

// The number an 8-bit float stands for; there is none for codes of infinities and not-a-numbers.
static inline float float8_to_float(nk_weight_kind kind, uint8_t code) {
  // Shifted into place the exponent is too small by what the product restores, for subnormals as well.
  const uint32_t magnitude = (code & 127u) << (kind == NK_WEIGHT_E4M3 ? 20 : 21);
  const float value = float_of_bits(magnitude) * (kind == NK_WEIGHT_E4M3 ? 0x1p120f : 0x1p112f);
  return code & 128 ? -value : value;
}

// A weight before its scale and zero point: the value itself, the code, or what the codebook
// has for the code.
static inline float value_at(const nk_linear_weight *weight, const uint8_t *values, size_t row,
                             size_t col) {
  if (weight->kind == NK_WEIGHT_F32) {
    float value;
    memcpy(&value, values + (col * NK_PANEL_ROWS + row) * 4, sizeof value);
    return value;
  }
  if (weight->kind == NK_WEIGHT_BF16) {
    uint16_t value;
    const size_t pair = col / 4 * 2 + col % 2, half = col % 4 / 2;
    memcpy(&value, values + pair * CHUNK + 4 * row + 2 * half, sizeof value);
    return float_of_bf16(value);
  }
  const int code = code_at(weight->kind, values, row, col);
  if (is_float8(weight->kind)) return float8_to_float(weight->kind, (uint8_t)code);
  return weight->codebook ? float_of_bf16(flushed_bf16(weight->codebook[code])) : (float)code;
}

// The start of scratch, aligned for vectors.
static inline void *aligned_scratch(void *scratch) {
  return (void *)(((uintptr_t)scratch + NK_ALIGNMENT - 1) / NK_ALIGNMENT * NK_ALIGNMENT);
}

#endif

// How the blocks of a GGUF file lie once they are packed, shared by packing and every kernel.
//
// A panel holds 16 rows as a sequence of spans of 256 columns (512 for Q6_K, so that all begin at cache lines); the last
// one may be shorter. A span begins with its header, the values follow, 32 columns after 32 columns.
//
// Header, r the row, b the block of 32 columns, n blocks in the span:
//   Q8_0, Q4_0, Q5_0, IQ4_NL   float16 d[n][r]
//   Q4_1, Q5_1                 float16 d[n][r], m[n][r]
//   MXFP4                      bytes e[n][r]
//   Q4_K, Q5_K                 float16 d[r], dmin[r]; bytes low[8][r], high[4][r]: scale = low & 15 | (h & 3) << 4 and
//                              min = low >> 4 | h >> 2 << 4, where h is the low half of high[b/2] for even b, else the high one
//   Q6_K                       float16 d[n/8][r], signed bytes scale[2n][r], one for 16 columns
// Values of 32 columns, in chunks [r][4 bytes]:
//   Q8_0      chunk [column/4]: byte j is column 4c + j, the code + 128
//   others    chunk [column/8]: byte j holds columns 8c + j (low half) and 8c + 4 + j (high half): the low 4 bits of codes
//   Q5        then one chunk: bit i of byte j is the fifth bit of column 4i + j
//   Q6        then two: bits 2q of byte j of chunk c are the high bits of column 16c + 4q + j
#ifndef BLOCK_LAYOUT_H
#define BLOCK_LAYOUT_H

#include "linear_layout.h"
#include "nk_blocks.h"

enum {
  LOW_BYTES = 256,      // of the low halves of codes of 16 rows x 32 columns
  HALF_COLUMNS = 16,    // that share a scale of Q6_K
  SUPER_BLOCKS = 8,     // blocks of 32 columns under one scale of the K types
  STRETCH_BLOCKS = 4,   // blocks of a K type whose sums are merged before the scale above them applies
};

ALWAYS_INLINE int is_block_kind(nk_weight_kind kind) {
  return kind >= NK_WEIGHT_Q8_0 && kind <= NK_WEIGHT_MXFP4;
}

ALWAYS_INLINE int is_super_kind(nk_weight_kind kind) {
  return kind == NK_WEIGHT_Q4_K || kind == NK_WEIGHT_Q5_K || kind == NK_WEIGHT_Q6_K;
}

ALWAYS_INLINE int has_minima(nk_weight_kind kind) {
  return kind == NK_WEIGHT_Q4_1 || kind == NK_WEIGHT_Q5_1 || kind == NK_WEIGHT_Q4_K ||
         kind == NK_WEIGHT_Q5_K;
}

// Bits of a code beyond its low half; Q8_0 has none.
ALWAYS_INLINE int high_bits(nk_weight_kind kind) {
  switch (kind) {
    case NK_WEIGHT_Q5_0:
    case NK_WEIGHT_Q5_1:
    case NK_WEIGHT_Q5_K: return 1;
    case NK_WEIGHT_Q6_K: return 2;
    default: return 0;
  }
}

// Bytes of the values of 16 rows x 32 columns.
ALWAYS_INLINE size_t value_bytes(nk_weight_kind kind) {
  return kind == NK_WEIGHT_Q8_0 ? 512 : LOW_BYTES + CHUNK * (size_t)high_bits(kind);
}

// Blocks of 32 columns in a whole span.
ALWAYS_INLINE size_t span_blocks(nk_weight_kind kind) {
  return kind == NK_WEIGHT_Q6_K ? 2 * SUPER_BLOCKS : SUPER_BLOCKS;
}

// Bytes before the values of a span of `count` blocks.
ALWAYS_INLINE size_t block_header_bytes(nk_weight_kind kind, size_t count) {
  switch (kind) {
    case NK_WEIGHT_Q4_1:
    case NK_WEIGHT_Q5_1: return 64 * count;
    case NK_WEIGHT_MXFP4: return 16 * count;
    case NK_WEIGHT_Q6_K: return count / SUPER_BLOCKS * 32 + count * 32;
    default: return 32 * count;  // of Q4_K and Q5_K 2 * 32 + 12 * 16 for 8
  }
}

// Columns that share a scale.
ALWAYS_INLINE size_t scale_columns(nk_weight_kind kind) {
  return kind == NK_WEIGHT_Q6_K ? HALF_COLUMNS : NK_COLUMN_BLOCK;
}

// What is taken off an unsigned code, or off a level made unsigned.
ALWAYS_INLINE int block_zero(nk_weight_kind kind) {
  switch (kind) {
    case NK_WEIGHT_Q4_0: return 8;
    case NK_WEIGHT_Q5_0: return 16;
    case NK_WEIGHT_Q6_K: return 32;
    case NK_WEIGHT_Q8_0:
    case NK_WEIGHT_IQ4_NL:
    case NK_WEIGHT_MXFP4: return 128;
    default: return 0;
  }
}

// The levels that codes choose from, with 128 added; null where the code is the level.
static inline const uint8_t *block_levels(nk_weight_kind kind) {
  static const uint8_t nonlinear[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                        129, 141, 153, 166, 181, 197, 217, 241};
  static const uint8_t e2m1[16] = {128, 129, 130, 131, 132, 134, 136, 140,
                                   128, 127, 126, 125, 124, 122, 120, 116};
  return kind == NK_WEIGHT_IQ4_NL ? nonlinear : kind == NK_WEIGHT_MXFP4 ? e2m1 : NULL;
}

// Bytes of a token's values of 32 columns; of INT16 ones those in two parts, or those in words.
ALWAYS_INLINE size_t input_bytes(nk_activation_kind activation) {
  return activation == NK_ACTIVATION_INT8_BLOCKS ? NK_COLUMN_BLOCK : 2 * NK_COLUMN_BLOCK;
}

typedef struct block_layout {
  size_t blocks;      // of 32 columns in a row
  size_t span_bytes;  // of a whole span
  size_t panel_bytes;
} block_layout;

// The layout of a description that nk_linear_panel_bytes() accepts.
ALWAYS_INLINE block_layout block_layout_of(nk_weight_kind kind, size_t cols) {
  block_layout layout = {.blocks = cols / NK_COLUMN_BLOCK};
  const size_t most = span_blocks(kind), rest = layout.blocks % most;
  layout.span_bytes = block_header_bytes(kind, most) + most * value_bytes(kind);
  layout.panel_bytes =
      round_up(layout.blocks / most * layout.span_bytes + block_header_bytes(kind, rest) +
                   rest * value_bytes(kind),
               CHUNK);
  return layout;
}

// Some blocks of a panel that share a header.
typedef struct block_span {
  size_t first, count;    // blocks
  const uint8_t *header;
  const uint8_t *values;  // of block `first`
} block_span;

// The span of a panel that begins with block `first`.
ALWAYS_INLINE block_span span_at(nk_weight_kind kind, const block_layout *layout,
                                 const uint8_t *panel, size_t first) {
  const size_t most = span_blocks(kind);
  block_span span = {.first = first, .count = smaller(most, layout->blocks - first)};
  span.header = panel + first / most * layout->span_bytes;
  span.values = span.header + block_header_bytes(kind, span.count);
  return span;
}

// Values of block `b` of a span.
ALWAYS_INLINE const uint8_t *block_values(nk_weight_kind kind, const block_span *span, size_t b) {
  return span->values + b * value_bytes(kind);
}

ALWAYS_INLINE float half_at(const uint8_t *halves, size_t index) {
  uint16_t half;
  memcpy(&half, halves + 2 * index, sizeof half);
  return float_of_f16(half);
}

// 2^(code - 128): half an MX scale, for levels that are doubled.
ALWAYS_INLINE float halved_e8m0(uint8_t code) {
  return float_of_bits(code < 2 ? 0x00200000u << code : (uint32_t)(code - 1) << 23);
}

// The 6-bit scale of block `b` and row `row` of a Q4_K or Q5_K span, or its min.
ALWAYS_INLINE int six_bits(const block_span *span, size_t b, size_t row, int is_min) {
  const uint8_t *low = span->header + 64 + b * NK_PANEL_ROWS;
  const uint8_t *high = span->header + 192 + b / 2 * NK_PANEL_ROWS;
  const int top = high[row] >> (b % 2 * 4) & 15;
  return is_min ? low[row] >> 4 | top >> 2 << 4 : (low[row] & 15) | (top & 3) << 4;
}

// The scale of row `row` above block `b` of a span of a K type.
static inline float super_scale_at(nk_weight_kind kind, const block_span *span, size_t b,
                                   size_t row) {
  return half_at(span->header, (kind == NK_WEIGHT_Q6_K ? b / SUPER_BLOCKS * NK_PANEL_ROWS : 0) + row);
}

// What the scale above is multiplied by in row `row` of block `b` of a K type, columns 16 * half on.
static inline int scale_code_at(nk_weight_kind kind, const block_span *span, size_t b, size_t half,
                                size_t row) {
  if (kind != NK_WEIGHT_Q6_K) return six_bits(span, b, row, 0);
  const uint8_t *scales = span->header + span->count / SUPER_BLOCKS * 32;
  return (int8_t)scales[(2 * b + half) * NK_PANEL_ROWS + row];
}

// The scale of row `row` in block `b` of a span, columns 16 * half on.
static inline float block_scale_at(nk_weight_kind kind, const block_span *span, size_t b,
                                   size_t half, size_t row) {
  if (is_super_kind(kind)) {
    return super_scale_at(kind, span, b, row) * (float)scale_code_at(kind, span, b, half, row);
  }
  if (kind == NK_WEIGHT_MXFP4) return halved_e8m0(span->header[b * NK_PANEL_ROWS + row]);
  return half_at(span->header, b * NK_PANEL_ROWS + row);
}

// What is added to the weights of row `row` in block `b` of a span; 0 for types without minima.
static inline float block_minimum_at(nk_weight_kind kind, const block_span *span, size_t b,
                                     size_t row) {
  switch (kind) {
    case NK_WEIGHT_Q4_1:
    case NK_WEIGHT_Q5_1:
      return half_at(span->header + 32 * span->count, b * NK_PANEL_ROWS + row);
    case NK_WEIGHT_Q4_K:
    case NK_WEIGHT_Q5_K:
      return -(half_at(span->header, NK_PANEL_ROWS + row) * (float)six_bits(span, b, row, 1));
    default: return 0;
  }
}

// The code of column `col` of a block, or its level with 128 added: block_zero() is still to be taken off.
static inline uint8_t block_code_at(nk_weight_kind kind, const uint8_t *values, size_t row,
                                    size_t col) {
  const size_t quad = col / 4, lane = 4 * row + col % 4;
  if (kind == NK_WEIGHT_Q8_0) return values[quad * CHUNK + lane];
  uint8_t code = values[quad / 2 * CHUNK + lane] >> (quad % 2 * 4) & 15;
  const uint8_t *high = values + LOW_BYTES;
  if (high_bits(kind) == 1) code |= (uint8_t)((high[lane] >> quad & 1) << 4);
  if (high_bits(kind) == 2) {
    code |= (uint8_t)((high[quad / 4 * CHUNK + lane] >> (quad % 4 * 2) & 3) << 4);
  }
  const uint8_t *levels = block_levels(kind);
  return levels != NULL ? levels[code] : code;
}

// nk_linear_panel_bytes() and nk_linear_dequantize() of block types.
size_t nk_blocks_panel_bytes(const nk_linear_weight *weight);
void nk_blocks_dequantize(const nk_linear_weight *weight, size_t row_begin, size_t row_end,
                          float *out, size_t ld_out);

#endif

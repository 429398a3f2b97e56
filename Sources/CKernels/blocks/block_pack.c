// Packing of GGUF blocks into panels, and the way back. See block_layout.h for the byte order.
#include "block_layout.h"

int nk_is_block_kind(nk_weight_kind kind) { return is_block_kind(kind); }

size_t nk_block_columns(nk_weight_kind kind) {
  if (!is_block_kind(kind)) return 0;
  return is_super_kind(kind) ? SUPER_BLOCKS * NK_COLUMN_BLOCK : NK_COLUMN_BLOCK;
}

size_t nk_block_bytes(nk_weight_kind kind) {
  switch (kind) {
    case NK_WEIGHT_Q8_0: return 34;
    case NK_WEIGHT_Q4_0:
    case NK_WEIGHT_IQ4_NL: return 18;
    case NK_WEIGHT_Q4_1: return 20;
    case NK_WEIGHT_Q5_0: return 22;
    case NK_WEIGHT_Q5_1: return 24;
    case NK_WEIGHT_Q4_K: return 144;
    case NK_WEIGHT_Q5_K: return 176;
    case NK_WEIGHT_Q6_K: return 210;
    case NK_WEIGHT_MXFP4: return 17;
    default: return 0;
  }
}

nk_zero_points nk_block_zero_points(nk_weight_kind kind) {
  return has_minima(kind) ? NK_ZERO_POINTS_REAL : NK_ZERO_POINTS_FIXED;
}

// One row's part of a panel: where its lane lies in the header and in chunks of values.
typedef struct packed_lane {
  uint8_t *header, *values;
  size_t row;
  size_t count;  // blocks of the span
} packed_lane;

static inline uint32_t four_bytes(const uint8_t *bytes) {
  uint32_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

static inline void store_lane(uint8_t *chunks, size_t chunk, size_t row, uint32_t word) {
  memcpy(chunks + chunk * CHUNK + 4 * row, &word, sizeof word);
}

static inline void store_half(uint8_t *halves, size_t index, const uint8_t *half) {
  memcpy(halves + 2 * index, half, 2);
}

// Stores the codes of 32 columns; four of them travel in one word, and shifts never cross a byte.
static void store_codes(nk_weight_kind kind, const uint8_t codes[NK_COLUMN_BLOCK],
                        uint8_t *values, size_t row) {
  if (kind == NK_WEIGHT_Q8_0) {
    for (size_t quad = 0; quad < 8; quad++) store_lane(values, quad, row, four_bytes(codes + 4 * quad));
    return;
  }
  for (size_t c = 0; c < 4; c++) {
    const uint32_t low = four_bytes(codes + 8 * c) & 0x0f0f0f0fu;
    const uint32_t high = four_bytes(codes + 8 * c + 4) & 0x0f0f0f0fu;
    store_lane(values, c, row, low | high << 4);
  }
  uint32_t words[2] = {0, 0};
  for (size_t quad = 0; quad < 8; quad++) {
    const uint32_t top = four_bytes(codes + 4 * quad) >> 4;
    if (high_bits(kind) == 1) words[0] |= (top & 0x01010101u) << quad;
    if (high_bits(kind) == 2) words[quad / 4] |= (top & 0x03030303u) << (quad % 4 * 2);
  }
  for (size_t c = 0; c < (size_t)high_bits(kind); c++) store_lane(values + LOW_BYTES, c, row, words[c]);
}

// Codes of a block of 32 whose low halves are the first 16 columns.
static void read_nibbles(const uint8_t *from, uint8_t codes[NK_COLUMN_BLOCK]) {
  for (size_t j = 0; j < 16; j++) {
    codes[j] = from[j] & 15;
    codes[j + 16] = from[j] >> 4;
  }
}

// Adds the fifth bits, the one of column j at bit j.
static void read_fifths(const uint8_t *from, uint8_t codes[NK_COLUMN_BLOCK]) {
  const uint32_t fifths = four_bytes(from);
  for (size_t j = 0; j < NK_COLUMN_BLOCK; j++) codes[j] |= (uint8_t)((fifths >> j & 1) << 4);
}

// Packs block `b` of a span: 32 columns.
static void pack_small(nk_weight_kind kind, const uint8_t *from, packed_lane to, size_t b) {
  uint8_t codes[NK_COLUMN_BLOCK];
  const size_t at = b * NK_PANEL_ROWS + to.row;
  if (kind == NK_WEIGHT_MXFP4) {
    to.header[at] = from[0];
    read_nibbles(from + 1, codes);
  } else {
    store_half(to.header, at, from);
    const size_t minimum = has_minima(kind) ? 2 : 0;
    if (minimum) store_half(to.header + 32 * to.count, at, from + 2);
    if (kind == NK_WEIGHT_Q8_0) {
      for (size_t j = 0; j < NK_COLUMN_BLOCK; j++) codes[j] = from[2 + j] ^ 0x80;
    } else if (high_bits(kind) == 1) {
      read_nibbles(from + 6 + minimum, codes);
      read_fifths(from + 2 + minimum, codes);
    } else {
      read_nibbles(from + 2 + minimum, codes);
    }
  }
  store_codes(kind, codes, to.values + b * value_bytes(kind), to.row);
}

// Packs the 6-bit scales and mins of 8 blocks from 12 bytes.
static void pack_six_bits(const uint8_t from[12], packed_lane to) {
  uint8_t *low = to.header + 64 + to.row, *high = to.header + 192 + to.row;
  for (size_t b = 0; b < SUPER_BLOCKS; b++) {
    const int scale = b < 4 ? from[b] & 63 : (from[b + 4] & 15) | from[b - 4] >> 6 << 4;
    const int min = b < 4 ? from[b + 4] & 63 : from[b + 4] >> 4 | from[b] >> 6 << 4;
    low[b * NK_PANEL_ROWS] = (uint8_t)((scale & 15) | (min & 15) << 4);
    const int top = scale >> 4 | min >> 4 << 2;
    high[b / 2 * NK_PANEL_ROWS] |= (uint8_t)(top << (b % 2 * 4));
  }
}

// Packs 256 columns of Q4_K or Q5_K, a whole span.
static void pack_super(nk_weight_kind kind, const uint8_t *from, packed_lane to) {
  store_half(to.header, to.row, from);
  store_half(to.header, NK_PANEL_ROWS + to.row, from + 2);
  pack_six_bits(from + 4, to);
  const uint8_t *fifths = from + 16, *low = kind == NK_WEIGHT_Q5_K ? from + 48 : from + 16;
  for (size_t b = 0; b < SUPER_BLOCKS; b++) {
    uint8_t codes[NK_COLUMN_BLOCK];
    for (size_t j = 0; j < NK_COLUMN_BLOCK; j++) {
      codes[j] = low[b / 2 * 32 + j] >> (b % 2 * 4) & 15;
      if (kind == NK_WEIGHT_Q5_K) codes[j] |= (uint8_t)((fifths[j] >> b & 1) << 4);
    }
    store_codes(kind, codes, to.values + b * value_bytes(kind), to.row);
  }
}

// Packs 256 columns of Q6_K, from block `first` of a span on.
static void pack_six(const uint8_t *from, packed_lane to, size_t first) {
  store_half(to.header, first / SUPER_BLOCKS * NK_PANEL_ROWS + to.row, from + 208);
  uint8_t *scales = to.header + to.count / SUPER_BLOCKS * 32;
  for (size_t b = 0; b < SUPER_BLOCKS; b++) {
    for (size_t half = 0; half < 2; half++) {
      scales[(2 * (first + b) + half) * NK_PANEL_ROWS + to.row] = from[192 + 2 * b + half];
    }
    // 128 columns are four blocks: two in the low halves of 64 bytes, two in the high ones.
    const size_t quarter = b % 4;
    const uint8_t *low = from + b / 4 * 64 + quarter % 2 * 32, *high = from + 128 + b / 4 * 32;
    uint8_t codes[NK_COLUMN_BLOCK];
    for (size_t j = 0; j < NK_COLUMN_BLOCK; j++) {
      codes[j] = (uint8_t)((low[j] >> (quarter / 2 * 4) & 15) | (high[j] >> (2 * quarter) & 3) << 4);
    }
    store_codes(NK_WEIGHT_Q6_K, codes, to.values + (first + b) * value_bytes(NK_WEIGHT_Q6_K),
                to.row);
  }
}

static void pack_row(nk_weight_kind kind, const block_layout *layout, const uint8_t *from,
                     uint8_t *panel, size_t row) {
  const size_t bytes = nk_block_bytes(kind);
  for (size_t first = 0; first < layout->blocks; first += span_blocks(kind)) {
    const block_span span = span_at(kind, layout, panel, first);
    uint8_t *header = panel + (span.header - panel);
    const packed_lane to = {header, header + (span.values - span.header), row, span.count};
    if (kind == NK_WEIGHT_Q6_K) {
      for (size_t b = 0; b < span.count; b += SUPER_BLOCKS, from += bytes) pack_six(from, to, b);
    } else if (is_super_kind(kind)) {
      pack_super(kind, from, to);
      from += bytes;
    } else {
      for (size_t b = 0; b < span.count; b++, from += bytes) pack_small(kind, from, to, b);
    }
  }
}

void nk_blocks_pack(const nk_linear_weight *weight, const void *blocks, size_t first_row,
                    size_t panel_begin, size_t panel_end, void *packed) {
  const nk_weight_kind kind = weight->kind;
  const block_layout layout = block_layout_of(kind, weight->cols);
  const size_t row_bytes = weight->cols / nk_block_columns(kind) * nk_block_bytes(kind);
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    uint8_t *bytes = (uint8_t *)packed + panel * layout.panel_bytes;
    memset(bytes, 0, layout.panel_bytes);  // padding is zero
    const size_t rows = rows_in_panel(weight, panel);
    for (size_t row = 0; row < rows; row++) {
      const size_t from = panel * NK_PANEL_ROWS + row - first_row;
      pack_row(kind, &layout, (const uint8_t *)blocks + from * row_bytes, bytes, row);
    }
  }
}

size_t nk_blocks_panel_bytes(const nk_linear_weight *weight) {
  if (weight->cols > SIZE_MAX / 4096 || weight->cols % nk_block_columns(weight->kind) != 0 ||
      weight->codebook != NULL || weight->zero_points != nk_block_zero_points(weight->kind)) {
    return 0;
  }
  return block_layout_of(weight->kind, weight->cols).panel_bytes;
}

void nk_blocks_dequantize(const nk_linear_weight *weight, size_t row_begin, size_t row_end,
                          float *out, size_t ld_out) {
// Products are rounded before the minimum is added, as in ggml's reference.
#pragma clang fp contract(off)
  const nk_weight_kind kind = weight->kind;
  const block_layout layout = block_layout_of(kind, weight->cols);
  const float zero = (float)block_zero(kind);
  for (size_t row = row_begin; row < row_end; row++, out += ld_out) {
    const size_t lane = row % NK_PANEL_ROWS;
    const uint8_t *panel = (const uint8_t *)weight->packed + row / NK_PANEL_ROWS * layout.panel_bytes;
    for (size_t first = 0; first < layout.blocks; first += span_blocks(kind)) {
      const block_span span = span_at(kind, &layout, panel, first);
      for (size_t b = 0; b < span.count; b++) {
        const uint8_t *values = block_values(kind, &span, b);
        const float minimum = block_minimum_at(kind, &span, b, lane);
        for (size_t col = 0; col < NK_COLUMN_BLOCK; col++) {
          const float scale = block_scale_at(kind, &span, b, col / HALF_COLUMNS, lane);
          const float level = (float)block_code_at(kind, values, lane, col) - zero;
          const float value = scale * level;
          out[(first + b) * NK_COLUMN_BLOCK + col] = has_minima(kind) ? value + minimum : value;
        }
      }
    }
  }
}

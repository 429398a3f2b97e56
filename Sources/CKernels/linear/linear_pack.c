// Packing of weights into panels, and the way back. See linear_layout.h for the byte order.
#include "block_layout.h"

// A source row is taken 32 columns at a time; only the last block of a row is padded.
static void pack_f32(const uint8_t *source, uint8_t *values, size_t row) {
  for (size_t k = 0; k < NK_COLUMN_BLOCK; k++) {
    memcpy(values + (k * NK_PANEL_ROWS + row) * 4, source + 4 * k, 4);
  }
}

static void pack_bf16(const uint8_t *source, uint8_t *values, size_t row) {
  for (size_t quad = 0; quad < NK_COLUMN_BLOCK / 4; quad++) {
    uint16_t x[4];
    memcpy(x, source + 8 * quad, sizeof x);
    const uint16_t even[2] = {x[0], x[2]}, odd[2] = {x[1], x[3]};
    memcpy(values + (2 * quad) * CHUNK + 4 * row, even, 4);
    memcpy(values + (2 * quad + 1) * CHUNK + 4 * row, odd, 4);
  }
}

// Below, four codes travel in one word; shifts never cross a byte since codes are narrow.
static inline uint32_t four_codes(const uint8_t *codes) {
  uint32_t word;
  memcpy(&word, codes, sizeof word);
  return word;
}

static inline void store_chunk(uint8_t *values, size_t chunk, size_t row, uint32_t word) {
  memcpy(values + chunk * CHUNK + 4 * row, &word, sizeof word);
}

static void pack_int8(const uint8_t *codes, uint8_t *values, size_t row) {
  for (size_t c = 0; c < 8; c++) store_chunk(values, c, row, four_codes(codes + 4 * c));
}

static void pack_int4(const uint8_t *codes, uint8_t *values, size_t row) {
  for (size_t c = 0; c < 4; c++) {
    const uint32_t low = four_codes(codes + 8 * c) & 0x0f0f0f0fu;
    const uint32_t high = four_codes(codes + 8 * c + 4) & 0x0f0f0f0fu;
    store_chunk(values, c, row, low | high << 4);
  }
}

static void pack_int2(const uint8_t *codes, uint8_t *values, size_t row) {
  for (size_t c = 0; c < 2; c++) {
    uint32_t word = 0;
    for (size_t t = 0; t < 4; t++) {
      word |= (four_codes(codes + 16 * c + 4 * t) & 0x03030303u) << (2 * t);
    }
    store_chunk(values, c, row, word);
  }
}

static void pack_int3(const uint8_t *codes, uint8_t *values, size_t row) {
  for (size_t half = 0; half < 2; half++) {
    unsigned words[3] = {0};
    for (size_t pair = 0; pair < 16; pair++) {
      const unsigned code = codes[pair / 2 * 4 + pair % 2 + 2 * half] & 7u;
      if (pair < 15) {
        words[pair / 5] |= code << (pair % 5 * 3);
      } else {
        for (size_t bit = 0; bit < 3; bit++) words[bit] |= (code >> bit & 1) << 15;
      }
    }
    for (size_t c = 0; c < 3; c++) {
      const uint16_t word = (uint16_t)words[c];
      memcpy(values + c * CHUNK + 4 * row + 2 * half, &word, sizeof word);
    }
  }
}

static void pack_block(nk_weight_kind kind, const uint8_t *source, uint8_t *values, size_t row) {
  switch (kind) {
    case NK_WEIGHT_F32: pack_f32(source, values, row); break;
    case NK_WEIGHT_BF16: pack_bf16(source, values, row); break;
    case NK_WEIGHT_INT8:
    case NK_WEIGHT_E4M3:
    case NK_WEIGHT_E5M2: pack_int8(source, values, row); break;
    case NK_WEIGHT_INT4: pack_int4(source, values, row); break;
    case NK_WEIGHT_INT3: pack_int3(source, values, row); break;
    case NK_WEIGHT_INT2: pack_int2(source, values, row); break;
    default: break;  // block types: nk_blocks_pack()
  }
}

static size_t source_width(nk_weight_kind kind) {
  return kind == NK_WEIGHT_F32 ? 4 : kind == NK_WEIGHT_BF16 ? 2 : 1;
}

// Packs one row of a panel, group by group.
static void pack_row(const nk_linear_weight *weight, const linear_layout *layout,
                     const uint8_t *values, const float *scales, const float *zeros,
                     uint8_t *panel, size_t row) {
  const size_t width = source_width(weight->kind);
  segment_cursor at = first_segment(layout, panel, layout->padded_cols);
  for (size_t group = 0; at.begin < at.end; group++) {
    uint8_t *header = panel + (at.header - panel), *to = panel + (at.values - panel);
    if (layout->bits == 8) {
      memcpy(header + at.slot * layout->scale_bytes + 4 * row, &scales[group], 4);
    } else if (layout->bits > 0) {
      const uint16_t half = f16_of_float(scales[group]);
      memcpy(header + at.slot * layout->scale_bytes + 2 * row, &half, 2);
    }
    uint8_t *packed_zeros = header + layout->zeros_offset + at.slot * layout->zero_bytes;
    if (weight->zero_points == NK_ZERO_POINTS_INTEGER) {
      packed_zeros[row] = (uint8_t)zeros[group];
    } else if (weight->zero_points == NK_ZERO_POINTS_REAL) {
      const uint16_t half = f16_of_float(zeros[group]);
      memcpy(packed_zeros + 2 * row, &half, sizeof half);
    }
    for (size_t k = at.begin; k < at.end; k += NK_COLUMN_BLOCK, to += layout->block_bytes) {
      if (k + NK_COLUMN_BLOCK <= weight->cols) {
        pack_block(weight->kind, values + k * width, to, row);
      } else {
        uint8_t padded[NK_COLUMN_BLOCK * 4] = {0};
        memcpy(padded, values + k * width, (weight->cols - k) * width);
        pack_block(weight->kind, padded, to, row);
      }
    }
    next_segment(&at, layout, layout->padded_cols);
  }
}

void nk_linear_pack(const nk_linear_weight *weight, const nk_linear_source *source,
                    size_t panel_begin, size_t panel_end, void *packed) {
  const linear_layout layout = layout_of(weight);
  const size_t row_bytes = source->stride * source_width(weight->kind);
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    uint8_t *bytes = (uint8_t *)packed + panel * layout.panel_bytes;
    const size_t rows = rows_in_panel(weight, panel);
    memset(bytes, 0, layout.panel_bytes);  // padding is zero
    for (size_t row = 0; row < rows; row++) {
      const size_t from = panel * NK_PANEL_ROWS + row - source->first_row;
      pack_row(weight, &layout, (const uint8_t *)source->values + from * row_bytes,
               layout.bits > 0 ? source->scales + from * layout.groups : NULL,
               layout.zero_bytes > 0 ? source->zeros + from * layout.groups : NULL, bytes, row);
    }
  }
}

void nk_linear_dequantize(const nk_linear_weight *weight, size_t row_begin, size_t row_end,
                          float *out, size_t ld_out) {
  if (is_block_kind(weight->kind)) {
    nk_blocks_dequantize(weight, row_begin, row_end, out, ld_out);
    return;
  }
  const linear_layout layout = layout_of(weight);
  for (size_t row = row_begin; row < row_end; row++, out += ld_out) {
    const uint8_t *panel = panel_at(weight, &layout, row / NK_PANEL_ROWS);
    const size_t lane = row % NK_PANEL_ROWS;
    segment_cursor at = first_segment(&layout, panel, layout.padded_cols);
    for (; at.begin < at.end; next_segment(&at, &layout, layout.padded_cols)) {
      const float scale = layout.bits > 0 ? scale_at(at.header, &layout, at.slot, lane) : 1;
      float zero = 0;
      if (layout.bits > 0 && weight->codebook == NULL) {
        zero = zero_at(weight, at.header, &layout, at.slot, lane);
      }
      for (size_t k = at.begin; k < smaller(at.end, weight->cols); k++) {
        out[k] = scale * (value_at(weight, at.values, lane, k - at.begin) - zero);
      }
    }
  }
}

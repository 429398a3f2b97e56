// Many tokens times packed blocks with AVX-512: codes are unpacked to scratch, and the tiles of all linears do the rest.
#ifndef BLOCK_TILE_AVX512_H
#define BLOCK_TILE_AVX512_H

#include "block_avx512.h"
#include "linear_tile_avx512.h"

// Unpacks a block of 32 columns to bytes or bfloat16, `step` bytes from step to step.
INLINE_AVX512 void unpack_block(nk_activation_kind activation, nk_weight_kind kind,
                                const uint8_t *values, block_tables tables, uint8_t *to,
                                size_t step) {
  if (kind == NK_WEIGHT_Q8_0) {
#pragma clang loop unroll(full)
    for (int quad = 0; quad < 8; quad++) {
      const __m512i codes = _mm512_loadu_si512(values + quad * CHUNK);
      if (activation == NK_ACTIVATION_BF16) {
        _mm512_storeu_si512(to + 2 * quad * step, int8_pair_to_bf16(codes, 0));
        _mm512_storeu_si512(to + (2 * quad + 1) * step, int8_pair_to_bf16(codes, 1));
      } else {
        _mm512_storeu_si512(to + quad * step, codes);
      }
    }
    return;
  }
  const packed_codes codes = load_codes(kind, values);
  if (activation == NK_ACTIVATION_BF16) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
      _mm512_storeu_si512(to + i * step, bf16_pair(kind, &codes, i, tables));
    }
  } else {
#pragma clang loop unroll(full)
    for (int quad = 0; quad < 8; quad++) {
      _mm512_storeu_si512(to + quad * step, byte_quad(kind, &codes, quad, tables));
    }
  }
}

// Unpacks blocks [begin, end) of some panels, `panel` the first, with their scales and minima.
INLINE_AVX512 void unpack_blocks(nk_activation_kind activation, nk_weight_kind kind,
                                 const block_layout *layout, const uint8_t *panel, size_t panels,
                                 size_t begin, size_t end, block_tables tables,
                                 tile_scratch *scratch) {
  const size_t step = panels * CHUNK, parts = NK_COLUMN_BLOCK / scale_columns(kind);
  const size_t block_bytes = (activation == NK_ACTIVATION_BF16 ? 16 : 8) * step;
  for (size_t j = 0; j < panels; j++, panel += layout->panel_bytes) {
    uint8_t *to = scratch->values + j * CHUNK;
    for (size_t k = begin; k < end;) {
      const size_t in_span = k % span_blocks(kind);
      const block_span span = span_at(kind, layout, panel, k - in_span);
      const size_t last = smaller(span.count, in_span + (end - k));
      for (size_t b = in_span; b < last; b++, k++, to += block_bytes) {
        unpack_block(activation, kind, block_values(kind, &span, b), tables, to, step);
        for (size_t part = 0; part < parts; part++) {
          const size_t at = (((k - begin) * parts + part) * panels + j) * NK_PANEL_ROWS;
          _mm512_storeu_ps(scratch->scales + at, block_scales(kind, &span, b, part));
          if (has_minima(kind)) {
            _mm512_storeu_ps(scratch->offsets + at, block_minima(kind, &span, b));
          }
        }
      }
    }
  }
}

// All tokens times one or four panels beginning at `panel`; `after` is what is read after them, or null.
INLINE_AVX512 void multiply_block_panels(nk_activation_kind activation, nk_weight_kind kind,
                                         const tile_set *set, const nk_linear_weight *weight,
                                         const block_layout *layout, block_tables tables,
                                         size_t panel, size_t panels, const uint8_t *after,
                                         const nk_activations *x, float *out, size_t ld_out,
                                         tile_scratch *scratch) {
  const tile_fn *tiles = panels == 1 ? set->one : set->four_unpacked;
  const uint8_t *from = (const uint8_t *)weight->packed + panel * layout->panel_bytes;
  const size_t width = activation_width(activation), segment = scale_columns(kind);
  // As many columns as scratch holds; for few tokens as many as stay in L1.
  const size_t values = UNPACKED_BYTES / (TILE_ROWS * width);
  const size_t held = smaller(values, MAX_BLOCK_SEGMENTS * segment);
  const size_t most = (x->tokens > FEW_TILE_TOKENS ? held : 256 / width) / NK_COLUMN_BLOCK;
  tile_block block = {.values = scratch->values,
                      .panel_stride = CHUNK,
                      .zero_points = NK_ZERO_POINTS_FIXED,
                      .symmetric_zero = block_zero(kind),
                      .has_minima = has_minima(kind),
                      .rows = row_mask(rows_in_panel(weight, panel + panels - 1)),
                      .ahead_stride = layout->panel_bytes,
                      .ahead_step = value_bytes(kind) / (8 * width),
                      .scratch = scratch};
  for (size_t begin = 0; begin < layout->blocks; begin += most) {
    const size_t end = smaller(begin + most, layout->blocks);
    unpack_blocks(activation, kind, layout, from, panels, begin, end, tables, scratch);
    block.begin = begin * NK_COLUMN_BLOCK;
    block.segments = 0;
    for (size_t at = block.begin; at < end * NK_COLUMN_BLOCK; at += segment) {
      scratch->segment_ends[block.segments++] = at + segment;
    }
    block.is_first = begin == 0;
    block.is_last = end == layout->blocks;
    block.ahead = block.is_last ? after : from + end / span_blocks(kind) * layout->span_bytes;
    multiply_block(activation, tiles, &block, x, out + panel * NK_PANEL_ROWS, ld_out);
  }
}

// All tokens times panels [panel_begin, panel_end): fours, then what is left one by one.
INLINE_AVX512 void multiply_block_tokens(nk_activation_kind activation, nk_weight_kind kind,
                                         const tile_set *set, block_tables tables,
                                         const nk_linear_weight *weight, size_t panel_begin,
                                         size_t panel_end, const nk_activations *x, float *out,
                                         size_t ld_out, void *scratch) {
  const block_layout layout = block_layout_of(kind, weight->cols);
  tile_scratch *aligned = aligned_scratch(scratch);
  // The tile of four stores whole panels only.
  const size_t whole = smaller(weight->rows / NK_PANEL_ROWS, panel_end);
  size_t panel = panel_begin;
  while (panel < panel_end) {
    const size_t panels = panel + NK_TILE_PANELS <= whole ? NK_TILE_PANELS : 1;
    const size_t next = panel + panels;
    const size_t after_panel = next < panel_end || weight->next_panels == 0
                                   ? next
                                   : panel_begin + weight->next_panels;
    const int is_there = panels > 1 && after_panel + panels <= weight->rows / NK_PANEL_ROWS;
    const uint8_t *after =
        is_there ? (const uint8_t *)weight->packed + after_panel * layout.panel_bytes : NULL;
    multiply_block_panels(activation, kind, set, weight, &layout, tables, panel, panels, after, x,
                          out, ld_out, aligned);
    panel = next;
  }
}

#endif

// Many tokens times packed blocks with AVX-512: some columns of one or four panels are unpacked, and multiplied by all
// tokens, three at a time.
//
// Scales change every 32 columns, so what is summed under one is merged often. A tile of 3 tokens x 4 panels keeps both its
// sums and its results in registers: measured, 6 x 4 with results in memory is 4 to 17 % slower. What is unpacked
// stays in L1, since so few tokens share a read.
#ifndef BLOCK_TILE_AVX512_H
#define BLOCK_TILE_AVX512_H

#include "block_avx512.h"

enum {
  BLOCK_TILE_TOKENS = 3,
  UNPACKED_BLOCK_BYTES = 16 * 1024,  // of values: half of L1
  MOST_BLOCKS = UNPACKED_BLOCK_BYTES / (8 * NK_TILE_PANELS * CHUNK),
};

// Some blocks of columns of one or four panels, unpacked: [block][step][panel][64 bytes], scales [block][half][panel][row],
// minima [block][panel][row].
typedef struct unpacked_blocks {
  uint8_t values[UNPACKED_BLOCK_BYTES];
  float scales[MOST_BLOCKS * 2 * TILE_ROWS];
  float minima[MOST_BLOCKS * TILE_ROWS];
} unpacked_blocks;

_Static_assert(sizeof(unpacked_blocks) <= SCRATCH_BYTES, "blocks need more scratch than is asked for");

// What a tile multiplies and where its results go, for the first of its tokens.
typedef struct block_tile {
  const unpacked_blocks *blocks;
  size_t count;   // of blocks
  int is_first;   // nothing is there to add to
  int zero;
  __mmask16 rows;
  const uint8_t *values;
  size_t stride;
  const int32_t *halves;
  const float *scales, *sums;
  size_t sum_stride;
  float *out;
  size_t ld_out;
} block_tile;

// Steps of a block: 4 bytes of a token each.
INLINE_AVX512 int steps_of(nk_activation_kind activation) {
  return activation == NK_ACTIVATION_BF16 ? 16 : 8;
}

// Adds the products of some steps; `w` is the first panel's first step, `a` the first token's. INT16 inputs have high parts,
// and low ones a block of columns further on, which are summed to `low`.
INLINE_AVX512 void add_steps(nk_activation_kind activation, const int tokens, const int panels,
                             const int steps, const uint8_t *w, const uint8_t *a, size_t stride,
                             __m512i dot[BLOCK_TILE_TOKENS][NK_TILE_PANELS],
                             __m512i low[BLOCK_TILE_TOKENS][NK_TILE_PANELS]) {
#pragma clang loop unroll(full)
  for (int step = 0; step < steps; step++, a += 4, w += panels * CHUNK) {
    __m512i weights[NK_TILE_PANELS];
#pragma clang loop unroll(full)
    for (int j = 0; j < panels; j++) weights[j] = _mm512_loadu_si512(w + j * CHUNK);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const uint8_t *at = a + (size_t)t * stride;
      const __m512i x = broadcast_step(at);
#pragma clang loop unroll(full)
      for (int j = 0; j < panels; j++) {
        dot[t][j] = multiply_step(activation, dot[t][j], weights[j], x);
      }
      if (activation != NK_ACTIVATION_INT16_BLOCKS) continue;
      const __m512i y = broadcast_step(at + NK_COLUMN_BLOCK);
#pragma clang loop unroll(full)
      for (int j = 0; j < panels; j++) {
        low[t][j] = multiply_step(activation, low[t][j], weights[j], y);
      }
    }
  }
}

// The sums of a part of block `b`, its zero taken off.
INLINE_AVX512 void sum_part(nk_activation_kind activation, const int tokens, const int panels,
                            const int parts, const int part, size_t b, const block_tile *tile,
                            __m512i dot[BLOCK_TILE_TOKENS][NK_TILE_PANELS]) {
  const int is_int16 = activation == NK_ACTIVATION_INT16_BLOCKS;
  const int steps = steps_of(activation) / parts;
  const size_t first = b * (size_t)steps_of(activation) + (size_t)(part * steps);
  const uint8_t *w = tile->blocks->values + first * (size_t)panels * CHUNK;
  const uint8_t *a = tile->values + b * input_bytes(activation) + (size_t)(part * steps) * 4;
  __m512i low[BLOCK_TILE_TOKENS][NK_TILE_PANELS];
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    __m512i start = _mm512_setzero_si512();
    if (activation != NK_ACTIVATION_BF16) {
      const int32_t *halves = tile->halves + 2 * ((size_t)t * tile->sum_stride + b);
      const int32_t sum = parts == 2 ? halves[part] : halves[0] + halves[1];
      start = _mm512_set1_epi32(-tile->zero * sum);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < panels; j++) {
      dot[t][j] = is_int16 ? _mm512_setzero_si512() : start;
      low[t][j] = start;
    }
  }
  add_steps(activation, tokens, panels, steps, w, a, tile->stride, dot, low);
  if (!is_int16) return;
#pragma clang loop unroll(full)
  for (int i = 0; i < tokens * panels; i++) {
    __m512i *sum = &dot[i / panels][i % panels];
    *sum = _mm512_add_epi32(_mm512_slli_epi32(*sum, 8), low[i / panels][i % panels]);
  }
}

// Some tokens times some blocks.
INLINE_AVX512 void multiply_tile(nk_activation_kind activation, const int tokens,
                                 const int panels, const int parts, const int with_minima,
                                 const block_tile *tile) {
  const __mmask16 read = tile->is_first ? 0 : tile->rows;
  __m512 value[BLOCK_TILE_TOKENS][NK_TILE_PANELS];
#pragma clang loop unroll(full)
  for (int i = 0; i < tokens * panels; i++) {
    const float *from = tile->out + (size_t)(i / panels) * tile->ld_out + i % panels * NK_PANEL_ROWS;
    value[i / panels][i % panels] = _mm512_maskz_loadu_ps(read, from);
  }
  for (size_t b = 0; b < tile->count; b++) {
    const float *scales = tile->blocks->scales + b * 2 * TILE_ROWS;
#pragma clang loop unroll(full)
    for (int part = 0; part < parts; part++, scales += TILE_ROWS) {
      __m512i dot[BLOCK_TILE_TOKENS][NK_TILE_PANELS];
      sum_part(activation, tokens, panels, parts, part, b, tile, dot);
#pragma clang loop unroll(full)
      for (int i = 0; i < tokens * panels; i++) {
        const int t = i / panels, j = i % panels;
        __m512 sum = _mm512_castsi512_ps(dot[t][j]);
        if (activation != NK_ACTIVATION_BF16) {
          const float scale = tile->scales[(size_t)t * tile->sum_stride + b];
          sum = _mm512_mul_ps(_mm512_cvtepi32_ps(dot[t][j]), _mm512_set1_ps(scale));
        }
        const __m512 scale = _mm512_loadu_ps(scales + j * NK_PANEL_ROWS);
        value[t][j] = _mm512_fmadd_ps(sum, scale, value[t][j]);
      }
    }
    if (!with_minima) continue;
    const float *minima = tile->blocks->minima + b * TILE_ROWS;
#pragma clang loop unroll(full)
    for (int i = 0; i < tokens * panels; i++) {
      const int t = i / panels, j = i % panels;
      const __m512 sum = _mm512_set1_ps(tile->sums[(size_t)t * tile->sum_stride + b]);
      const __m512 minimum = _mm512_loadu_ps(minima + j * NK_PANEL_ROWS);
      value[t][j] = _mm512_fmadd_ps(sum, minimum, value[t][j]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < tokens * panels; i++) {
    float *to = tile->out + (size_t)(i / panels) * tile->ld_out + i % panels * NK_PANEL_ROWS;
    _mm512_mask_storeu_ps(to, tile->rows, value[i / panels][i % panels]);
  }
}

// Unpacks a block of 32 columns to bytes or bfloat16, `step` bytes from step to step.
INLINE_AVX512 void unpack_block(nk_activation_kind activation, nk_weight_kind kind,
                                const uint8_t *values, block_tables tables, uint8_t *to,
                                size_t step) {
  const packed_codes codes = load_codes(kind, values);
  if (activation == NK_ACTIVATION_BF16) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
      const __m512i pair =
          kind == NK_WEIGHT_Q8_0
              ? int8_pair_to_bf16(_mm512_loadu_si512(values + i / 2 * CHUNK), (unsigned)(i % 2))
              : bf16_pair(kind, &codes, i, tables);
      _mm512_storeu_si512(to + (size_t)i * step, pair);
    }
  } else {
#pragma clang loop unroll(full)
    for (int quad = 0; quad < 8; quad++) {
      const __m512i bytes = kind == NK_WEIGHT_Q8_0 ? _mm512_loadu_si512(values + quad * CHUNK)
                                                   : byte_quad(kind, &codes, quad, tables);
      _mm512_storeu_si512(to + (size_t)quad * step, bytes);
    }
  }
}

// Unpacks blocks [begin, end) of some panels, `panel` the first, with their scales and minima.
INLINE_AVX512 void unpack_blocks(nk_activation_kind activation, nk_weight_kind kind,
                                 const block_layout *layout, const uint8_t *panel, size_t panels,
                                 size_t begin, size_t end, block_tables tables,
                                 unpacked_blocks *to) {
  const size_t step = panels * CHUNK, parts = NK_COLUMN_BLOCK / scale_columns(kind);
  for (size_t j = 0; j < panels; j++, panel += layout->panel_bytes) {
    for (size_t k = begin; k < end; k++) {
      const size_t b = k % span_blocks(kind), at = k - begin;
      const block_span span = span_at(kind, layout, panel, k - b);
      uint8_t *values = to->values + at * (size_t)steps_of(activation) * step + j * CHUNK;
      unpack_block(activation, kind, block_values(kind, &span, b), tables, values, step);
      for (size_t part = 0; part < parts; part++) {
        float *scales = to->scales + (2 * at + part) * TILE_ROWS + j * NK_PANEL_ROWS;
        _mm512_storeu_ps(scales, block_scales(kind, &span, b, part));
      }
      if (has_minima(kind)) {
        _mm512_storeu_ps(to->minima + at * TILE_ROWS + j * NK_PANEL_ROWS,
                         block_minima(kind, &span, b));
      }
    }
  }
}

// All tokens times what is unpacked of one or four panels, `panels` a constant; `tile` is that of the first token.
INLINE_AVX512 void multiply_unpacked(nk_activation_kind activation, nk_weight_kind kind,
                                     const int panels, block_tile tile, size_t tokens) {
  const int parts = (int)(NK_COLUMN_BLOCK / scale_columns(kind)), minima = has_minima(kind);
  // INT16 inputs have two sums a token.
  const size_t most = activation == NK_ACTIVATION_INT16_BLOCKS ? 2 : BLOCK_TILE_TOKENS;
  for (size_t t = 0, count; t < tokens; t += count) {
    count = smaller(tokens - t, most);
    switch (count) {
      case 3: multiply_tile(activation, 3, panels, parts, minima, &tile); break;
      case 2: multiply_tile(activation, 2, panels, parts, minima, &tile); break;
      default: multiply_tile(activation, 1, panels, parts, minima, &tile);
    }
    tile.values += count * tile.stride;
    tile.out += count * tile.ld_out;
    if (activation != NK_ACTIVATION_BF16) {
      tile.halves += 2 * count * tile.sum_stride;
      tile.scales += count * tile.sum_stride;
    }
    if (minima) tile.sums += count * tile.sum_stride;
  }
}

// All tokens times panels [panel_begin, panel_end): fours, then what is left one by one.
INLINE_AVX512 void multiply_block_tokens(nk_activation_kind activation, nk_weight_kind kind,
                                         block_tables tables, const nk_linear_weight *weight,
                                         size_t panel_begin, size_t panel_end,
                                         const nk_activations *x, float *out, size_t ld_out,
                                         void *scratch) {
  const block_layout layout = block_layout_of(kind, weight->cols);
  unpacked_blocks *blocks = aligned_scratch(scratch);
  const size_t most = UNPACKED_BLOCK_BYTES / ((size_t)steps_of(activation) * NK_TILE_PANELS * CHUNK);
  const size_t whole = smaller(weight->rows / NK_PANEL_ROWS, panel_end);
  for (size_t panel = panel_begin, panels; panel < panel_end; panel += panels) {
    panels = panel + NK_TILE_PANELS <= whole ? NK_TILE_PANELS : 1;
    const uint8_t *from = (const uint8_t *)weight->packed + panel * layout.panel_bytes;
    block_tile tile = {.blocks = blocks,
                       .zero = block_zero(kind),
                       .rows = row_mask(rows_in_panel(weight, panel)),
                       .stride = x->stride,
                       .sum_stride = x->sum_stride,
                       .out = out + panel * NK_PANEL_ROWS,
                       .ld_out = ld_out};
    for (size_t begin = 0; begin < layout.blocks; begin += most) {
      const size_t end = smaller(begin + most, layout.blocks);
      unpack_blocks(activation, kind, &layout, from, panels, begin, end, tables, blocks);
      tile.count = end - begin;
      tile.is_first = begin == 0;
      tile.values = (const uint8_t *)x->values + begin * input_bytes(activation);
      if (activation != NK_ACTIVATION_BF16) {
        tile.halves = x->halves + 2 * begin;
        tile.scales = x->scales + begin;
      }
      if (has_minima(kind)) tile.sums = x->sums + begin;
      if (panels == NK_TILE_PANELS) {
        multiply_unpacked(activation, kind, NK_TILE_PANELS, tile, x->tokens);
      } else {
        multiply_unpacked(activation, kind, 1, tile, x->tokens);
      }
    }
  }
}

#endif

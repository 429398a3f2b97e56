// Many tokens times packed blocks with AVX-512: some columns of one or four panels are unpacked, and multiplied by all
// tokens, three at a time.
//
// Scales change every 32 columns, so what is summed under one is merged often. A tile of 3 tokens x 4 panels keeps both its
// sums and its results in registers: measured, 6 x 4 with results in memory is 4 to 17 % slower. What is unpacked
// stays in L1, since so few tokens share a read.
//
// INT16 inputs are multiplied as words (vpdpwssd) by codes with their zero taken off, of K types by codes times their
// whole-number scales. That is what the kernels of few tokens sum in two parts, to the bit: products of whole numbers.
#ifndef BLOCK_TILE_AVX512_H
#define BLOCK_TILE_AVX512_H

#include "block_avx512.h"

enum {
  BLOCK_TILE_TOKENS = 3,
  UNPACKED_BLOCK_BYTES = 16 * 1024,  // of values: half of L1
  MOST_BLOCKS = UNPACKED_BLOCK_BYTES / (8 * NK_TILE_PANELS * CHUNK),
};

// Some blocks of columns of one or four panels, unpacked: [block][step][panel][64 bytes], scales [block][half][panel][row],
// minima [block][panel][row]. Of K types those are whole numbers, if inputs are, for the scales above them.
typedef struct unpacked_blocks {
  uint8_t values[UNPACKED_BLOCK_BYTES];
  float scales[MOST_BLOCKS * 2 * TILE_ROWS];
  float minima[MOST_BLOCKS * TILE_ROWS];  // of K types what super_minima are multiplied by
  float super_scales[MOST_BLOCKS / STRETCH_BLOCKS * TILE_ROWS];  // of K types, not for BF16 inputs
  float super_minima[MOST_BLOCKS / STRETCH_BLOCKS * TILE_ROWS];
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
  return activation == NK_ACTIVATION_INT8_BLOCKS ? 8 : 16;
}

// Whether sums are kept in units of the scale above the blocks, and merged after STRETCH_BLOCKS.
INLINE_AVX512 int in_stretches(nk_activation_kind activation, nk_weight_kind kind) {
  return is_super_kind(kind) && activation != NK_ACTIVATION_BF16;
}

// The sums of a part of block `b`, the zero of the codes taken off.
INLINE_AVX512 void sum_part(nk_activation_kind activation, const int tokens, const int panels,
                            const int parts, const int part, size_t b, const block_tile *tile,
                            __m512i dot[BLOCK_TILE_TOKENS][NK_TILE_PANELS]) {
  const int steps = steps_of(activation) / parts;
  const size_t first = b * (size_t)steps_of(activation) + (size_t)(part * steps);
  const uint8_t *w = tile->blocks->values + first * (size_t)panels * CHUNK;
  const uint8_t *a = tile->values + b * input_bytes(activation) + (size_t)(part * steps) * 4;
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    __m512i start = _mm512_setzero_si512();
    if (activation == NK_ACTIVATION_INT8_BLOCKS) {
      const int32_t *halves = tile->halves + 2 * ((size_t)t * tile->sum_stride + b);
      const int32_t sum = parts == 2 ? halves[part] : halves[0] + halves[1];
      start = _mm512_set1_epi32(-tile->zero * sum);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < panels; j++) dot[t][j] = start;
  }
#pragma clang loop unroll(full)
  for (int step = 0; step < steps; step++, a += 4, w += panels * CHUNK) {
    __m512i weights[NK_TILE_PANELS];
#pragma clang loop unroll(full)
    for (int j = 0; j < panels; j++) weights[j] = _mm512_loadu_si512(w + j * CHUNK);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
      const __m512i x = broadcast_step(a + (size_t)t * tile->stride);
#pragma clang loop unroll(full)
      for (int j = 0; j < panels; j++) {
        dot[t][j] = multiply_step(activation, dot[t][j], weights[j], x);
      }
    }
  }
}

// Merges the sums of a part of block `b`, whose `scales` are those of the part.
INLINE_AVX512 void merge_part(nk_activation_kind activation, nk_weight_kind kind, const int tokens,
                              const int panels, size_t b, const block_tile *tile,
                              const float *scales,
                              __m512i dot[BLOCK_TILE_TOKENS][NK_TILE_PANELS],
                              __m512 value[BLOCK_TILE_TOKENS][NK_TILE_PANELS]) {
#pragma clang loop unroll(full)
  for (int i = 0; i < tokens * panels; i++) {
    const int t = i / panels, j = i % panels;
    if (activation == NK_ACTIVATION_BF16) {
      const __m512 scale = _mm512_loadu_ps(scales + j * NK_PANEL_ROWS);
      value[t][j] = _mm512_fmadd_ps(_mm512_castsi512_ps(dot[t][j]), scale, value[t][j]);
      continue;
    }
    const __m512 token_scale = _mm512_set1_ps(tile->scales[(size_t)t * tile->sum_stride + b]);
    __m512i sum = dot[t][j];
    if (!is_super_kind(kind)) {
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), token_scale);
      value[t][j] = _mm512_fmadd_ps(scaled, _mm512_loadu_ps(scales + j * NK_PANEL_ROWS), value[t][j]);
      continue;
    }
    if (activation == NK_ACTIVATION_INT8_BLOCKS) {
      sum = _mm512_mullo_epi32(sum, _mm512_loadu_si512(scales + j * NK_PANEL_ROWS));
    }
    value[t][j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), token_scale, value[t][j]);
  }
}

// Adds the minima of block `b`.
INLINE_AVX512 void add_minima(const int tokens, const int panels, size_t b, const block_tile *tile,
                              __m512 value[BLOCK_TILE_TOKENS][NK_TILE_PANELS]) {
  const float *minima = tile->blocks->minima + b * TILE_ROWS;
#pragma clang loop unroll(full)
  for (int i = 0; i < tokens * panels; i++) {
    const int t = i / panels, j = i % panels;
    const __m512 sum = _mm512_set1_ps(tile->sums[(size_t)t * tile->sum_stride + b]);
    const __m512 minimum = _mm512_loadu_ps(minima + j * NK_PANEL_ROWS);
    value[t][j] = _mm512_fmadd_ps(sum, minimum, value[t][j]);
  }
}

// What is there of 16 rows, all of them where there are more panels than one: masks cost more than what they save.
INLINE_AVX512 __m512 results_at(const int panels, int is_first, __mmask16 rows, const float *from) {
  if (is_first) return _mm512_setzero_ps();
  return panels > 1 ? _mm512_loadu_ps(from) : _mm512_maskz_loadu_ps(rows, from);
}

INLINE_AVX512 void store_results(const int panels, __mmask16 rows, float *to, __m512 value) {
  if (panels > 1) {
    _mm512_storeu_ps(to, value);
  } else {
    _mm512_mask_storeu_ps(to, rows, value);
  }
}

// Adds blocks [begin, end) to what is there, or to nothing. Of K types with inputs in whole numbers they are a stretch, whose
// sums are merged with the scales above them.
INLINE_AVX512 void add_blocks(nk_activation_kind activation, nk_weight_kind kind, const int tokens,
                              const int panels, size_t begin, size_t end, const block_tile *tile) {
  const int parts = (int)(NK_COLUMN_BLOCK / scale_columns(kind));
  const int stretches = in_stretches(activation, kind);
  const int is_first = tile->is_first && begin == 0;
  __m512 value[BLOCK_TILE_TOKENS][NK_TILE_PANELS];
#pragma clang loop unroll(full)
  for (int i = 0; i < tokens * panels; i++) {
    const float *from = tile->out + (size_t)(i / panels) * tile->ld_out + i % panels * NK_PANEL_ROWS;
    value[i / panels][i % panels] =
        stretches ? _mm512_setzero_ps() : results_at(panels, is_first, tile->rows, from);
  }
  for (size_t b = begin; b < end; b++) {
    const float *scales = tile->blocks->scales + b * 2 * TILE_ROWS;
#pragma clang loop unroll(full)
    for (int part = 0; part < parts; part++, scales += TILE_ROWS) {
      __m512i dot[BLOCK_TILE_TOKENS][NK_TILE_PANELS];
      sum_part(activation, tokens, panels, parts, part, b, tile, dot);
      merge_part(activation, kind, tokens, panels, b, tile, scales, dot, value);
    }
    if (has_minima(kind) && !stretches) add_minima(tokens, panels, b, tile, value);
  }
  __m512 minima[BLOCK_TILE_TOKENS][NK_TILE_PANELS];
  if (stretches && has_minima(kind)) {
#pragma clang loop unroll(full)
    for (int i = 0; i < tokens * panels; i++) minima[i / panels][i % panels] = _mm512_setzero_ps();
    for (size_t b = begin; b < end; b++) add_minima(tokens, panels, b, tile, minima);
  }
  const size_t above = begin / STRETCH_BLOCKS * TILE_ROWS;
#pragma clang loop unroll(full)
  for (int i = 0; i < tokens * panels; i++) {
    const int t = i / panels, j = i % panels;
    float *to = tile->out + (size_t)t * tile->ld_out + j * NK_PANEL_ROWS;
    __m512 sum = value[t][j];
    if (stretches) {
      const float *super = tile->blocks->super_scales + above + j * NK_PANEL_ROWS;
      const __m512 before = results_at(panels, is_first, tile->rows, to);
      sum = _mm512_fmadd_ps(_mm512_loadu_ps(super), sum, before);
      if (has_minima(kind)) {
        const float *least = tile->blocks->super_minima + above + j * NK_PANEL_ROWS;
        sum = _mm512_fmadd_ps(_mm512_loadu_ps(least), minima[t][j], sum);
      }
    }
    store_results(panels, tile->rows, to, sum);
  }
}

// Some tokens times some blocks.
INLINE_AVX512 void multiply_tile(nk_activation_kind activation, nk_weight_kind kind,
                                 const int tokens, const int panels, const block_tile *tile) {
  const size_t most = in_stretches(activation, kind) ? STRETCH_BLOCKS : tile->count;
  for (size_t begin = 0; begin < tile->count; begin += most) {
    add_blocks(activation, kind, tokens, panels, begin, begin + most, tile);
  }
}

// What is multiplied by INT16 inputs of 32 columns: codes with their zero taken off, times the scale codes of each half.
INLINE_AVX512 void unpack_words(nk_weight_kind kind, const uint8_t *values,
                                const packed_codes *codes, const __m512i scales[2],
                                block_tables tables, uint8_t *to, size_t step) {
  const __m512i zero = _mm512_set1_epi16((int16_t)block_zero(kind));
#pragma clang loop unroll(full)
  for (int quad = 0; quad < 8; quad++) {
    const __m512i bytes = kind == NK_WEIGHT_Q8_0 ? _mm512_loadu_si512(values + quad * CHUNK)
                                                 : byte_quad(kind, codes, quad, tables);
    __m512i words[2] = {_mm512_and_si512(bytes, _mm512_set1_epi16(255)),
                        _mm512_srli_epi16(bytes, 8)};
#pragma clang loop unroll(full)
    for (int odd = 0; odd < 2; odd++) {
      if (block_zero(kind) != 0) words[odd] = _mm512_sub_epi16(words[odd], zero);
      if (is_super_kind(kind)) words[odd] = _mm512_mullo_epi16(words[odd], scales[quad / 4]);
      _mm512_storeu_si512(to + (size_t)(2 * quad + odd) * step, words[odd]);
    }
  }
}

// Unpacks block `b` of a span to bytes, words or bfloat16, `step` bytes from step to step.
INLINE_AVX512 void unpack_block(nk_activation_kind activation, nk_weight_kind kind,
                                const block_span *span, size_t b, block_tables tables, uint8_t *to,
                                size_t step) {
  const uint8_t *values = block_values(kind, span, b);
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
  } else if (activation == NK_ACTIVATION_INT16_BLOCKS) {
    __m512i scales[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    if (is_super_kind(kind)) {
#pragma clang loop unroll(full)
      for (size_t half = 0; half < 2; half++) {
        const __m512i code = scale_codes(kind, span, b, half);
        // In both words of a row.
        scales[half] = _mm512_or_si512(_mm512_slli_epi32(code, 16),
                                       _mm512_and_si512(code, _mm512_set1_epi32(0xffff)));
      }
    }
    unpack_words(kind, values, &codes, scales, tables, to, step);
  } else {
#pragma clang loop unroll(full)
    for (int quad = 0; quad < 8; quad++) {
      const __m512i bytes = kind == NK_WEIGHT_Q8_0 ? _mm512_loadu_si512(values + quad * CHUNK)
                                                   : byte_quad(kind, &codes, quad, tables);
      _mm512_storeu_si512(to + (size_t)quad * step, bytes);
    }
  }
}

// Scales and minima of block `b` of a span, which is block `at` of what is unpacked; `row` is the panel's first.
INLINE_AVX512 void unpack_scales(nk_activation_kind activation, nk_weight_kind kind,
                                 const block_span *span, size_t b, size_t at, size_t row,
                                 unpacked_blocks *to) {
  const size_t parts = NK_COLUMN_BLOCK / scale_columns(kind);
  float *scales = to->scales + 2 * at * TILE_ROWS + row, *minima = to->minima + at * TILE_ROWS + row;
  if (!in_stretches(activation, kind)) {
    for (size_t part = 0; part < parts; part++) {
      _mm512_storeu_ps(scales + part * TILE_ROWS, block_scales(kind, span, b, part));
    }
    if (has_minima(kind)) _mm512_storeu_ps(minima, block_minima(kind, span, b));
    return;
  }
  if (activation == NK_ACTIVATION_INT8_BLOCKS) {
    for (size_t part = 0; part < parts; part++) {
      _mm512_storeu_si512(scales + part * TILE_ROWS, scale_codes(kind, span, b, part));
    }
  }
  if (has_minima(kind)) {
    _mm512_storeu_ps(minima, _mm512_cvtepi32_ps(sixteen_six_bits(span, b, 1)));
  }
  if (at % STRETCH_BLOCKS != 0) return;
  const size_t above = at / STRETCH_BLOCKS * TILE_ROWS + row;
  _mm512_storeu_ps(to->super_scales + above, super_scales(kind, span, b));
  if (has_minima(kind)) _mm512_storeu_ps(to->super_minima + above, super_minima(span));
}

// Unpacks blocks [begin, end) of some panels, `panel` the first, with their scales and minima.
INLINE_AVX512 void unpack_blocks(nk_activation_kind activation, nk_weight_kind kind,
                                 const block_layout *layout, const uint8_t *panel, size_t panels,
                                 size_t begin, size_t end, block_tables tables,
                                 unpacked_blocks *to) {
  const size_t step = panels * CHUNK;
  for (size_t j = 0; j < panels; j++, panel += layout->panel_bytes) {
    for (size_t k = begin; k < end; k++) {
      const size_t b = k % span_blocks(kind), at = k - begin;
      const block_span span = span_at(kind, layout, panel, k - b);
      uint8_t *values = to->values + at * (size_t)steps_of(activation) * step + j * CHUNK;
      unpack_block(activation, kind, &span, b, tables, values, step);
      unpack_scales(activation, kind, &span, b, at, j * NK_PANEL_ROWS, to);
    }
  }
}

// All tokens times what is unpacked of one or four panels, `panels` a constant; `tile` is that of the first token.
INLINE_AVX512 void multiply_unpacked(nk_activation_kind activation, nk_weight_kind kind,
                                     const int panels, block_tile tile, size_t tokens) {
  for (size_t t = 0, count; t < tokens; t += count) {
    count = smaller(tokens - t, BLOCK_TILE_TOKENS);
    switch (count) {
      case 3: multiply_tile(activation, kind, 3, panels, &tile); break;
      case 2: multiply_tile(activation, kind, 2, panels, &tile); break;
      default: multiply_tile(activation, kind, 1, panels, &tile);
    }
    tile.values += count * tile.stride;
    tile.out += count * tile.ld_out;
    if (activation != NK_ACTIVATION_BF16) {
      tile.halves += 2 * count * tile.sum_stride;
      tile.scales += count * tile.sum_stride;
    }
    if (has_minima(kind)) tile.sums += count * tile.sum_stride;
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
  // INT16 inputs are read as words, which follow all that is in parts.
  const size_t words = activation == NK_ACTIVATION_INT16_BLOCKS ? 2 * weight->cols : 0;
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
      tile.values = (const uint8_t *)x->values + words + begin * input_bytes(activation);
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

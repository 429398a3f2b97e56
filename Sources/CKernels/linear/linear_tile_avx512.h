// Many tokens times packed panels with AVX-512: the tile, and the loops around it.
//
// Every activation kind fits one scheme: a step takes 4 bytes of a token (1, 2 or 4 columns)
// and 64 bytes of a panel (the same columns of 16 rows). A tile of 6 tokens x 4 panels keeps
// 24 accumulators, 4 weights and a broadcast in 29 registers. Codes below the width of the
// activations are first unpacked, a block of columns at a time, so that they stay in L2.
//
// Rows of the output lie far apart, often by a multiple of 4 KB, so that few of them stay in a cache: every block of
// columns brings them in again. Blocks are therefore as long as L2 allows, and a tile asks for its lines of the output
// before it starts: measured, without that stores that miss cost up to a tenth.
#ifndef LINEAR_TILE_AVX512_H
#define LINEAR_TILE_AVX512_H

#include "linear_avx512.h"

enum { TILE_TOKENS = 6 };

// A thread's scratch for one block; entries of scales and offsets are [segment][panel][row].
typedef struct tile_scratch {
  uint8_t values[UNPACKED_BYTES];  // unpacked [step][panel][64 bytes]
  float partial[TILE_TOKENS * TILE_ROWS];
  float scales[MAX_BLOCK_SEGMENTS * TILE_ROWS];
  uint32_t offsets[MAX_BLOCK_SEGMENTS * TILE_ROWS];  // int32 codes, or segment_offsets()
  size_t segment_ends[MAX_BLOCK_SEGMENTS];           // columns
} tile_scratch;

_Static_assert(sizeof(tile_scratch) <= SCRATCH_BYTES, "tiles need more scratch than is asked for");

// Up to how many tokens codes are unpacked block by block, to stay in L1: tiles are then too few to pay for more.
enum { FEW_TILE_TOKENS = 12 * TILE_TOKENS };

// Some columns of one or four panels, ready to be multiplied.
typedef struct tile_block {
  size_t begin;
  size_t segments;
  const uint8_t *values;  // of the first panel at column `begin`
  size_t panel_stride;    // bytes to the same columns of the next panel
  nk_zero_points zero_points;
  int symmetric_zero;
  int is_first, is_last;
  // The packed bytes of the block that comes next, which the first tiles ask for, a panel each, or two where there are fewer
  // tiles than panels; null after the last.
  const uint8_t *ahead;
  size_t ahead_stride;  // bytes from panel to panel
  size_t ahead_step;    // bytes of a panel in a step of a tile
  size_t tile, tiles;   // of this block: done, and all
  __mmask16 rows;
  tile_scratch *scratch;
} tile_block;

typedef struct tile_tokens {
  const uint8_t *values;
  size_t stride;
  const int32_t *running;
  const float *sums;
  size_t sum_stride;
  const float *scales;
  float *out;
  size_t ld_out;
} tile_tokens;

INLINE_AVX512 size_t activation_width(nk_activation_kind kind) {
  return kind == NK_ACTIVATION_INT8 ? 1 : kind == NK_ACTIVATION_BF16 ? 2 : 4;
}

// A segment's sums with zero points taken off, as float32; `sum` is from token_sum().
INLINE_AVX512 __m512 centred(nk_activation_kind kind, __m512i dot, const tile_block *block,
                             const uint32_t *offsets, __m512i sum) {
  if (kind == NK_ACTIVATION_INT8) {
    switch (block->zero_points) {
      case NK_ZERO_POINTS_INTEGER: {
        const __m512i shift = _mm512_mullo_epi32(sum, _mm512_loadu_si512(offsets));
        return _mm512_cvtepi32_ps(_mm512_sub_epi32(dot, shift));
      }
      case NK_ZERO_POINTS_REAL: {
        const __m512i shift = _mm512_mullo_epi32(sum, _mm512_set1_epi32(block->symmetric_zero));
        const __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(dot, shift));
        return _mm512_fnmadd_ps(_mm512_loadu_ps(offsets), _mm512_cvtepi32_ps(sum), value);
      }
      default: return _mm512_cvtepi32_ps(_mm512_sub_epi32(dot, sum));
    }
  }
  const __m512 value = _mm512_castsi512_ps(dot);
  if (block->zero_points == NK_ZERO_POINTS_FIXED) return value;
  return _mm512_fnmadd_ps(_mm512_castsi512_ps(sum), _mm512_loadu_ps(offsets), value);
}

// The sum of a token's activations in a segment, as they are; fixed zero points of INT8
// activations multiply it at once, since it is then the same for all rows.
INLINE_AVX512 __m512i token_sum(nk_activation_kind kind, const tile_block *block,
                                const tile_tokens *x, int token, size_t begin, size_t end) {
  const int is_fixed = block->zero_points == NK_ZERO_POINTS_FIXED;
  if (kind == NK_ACTIVATION_INT8) {
    const int32_t sum = int8_sum(x->running + token * x->sum_stride, begin, end);
    return _mm512_set1_epi32(is_fixed ? sum * block->symmetric_zero : sum);
  }
  if (is_fixed) return _mm512_setzero_si512();
  return _mm512_castps_si512(_mm512_set1_ps(sum_of_blocks(x->sums + token * x->sum_stride, begin, end)));
}

// Merges a segment's sums of a tile into its results: the running ones in scratch or, at the
// ends of a block, in the output.
INLINE_AVX512 void merge_segment(nk_activation_kind kind, const int tokens, const int panels,
                                 __m512i dot[TILE_TOKENS][NK_TILE_PANELS], size_t segment,
                                 size_t begin, size_t end, const tile_block *block,
                                 const tile_tokens *x) {
  const int opens = segment == 0, closes = segment + 1 == block->segments;
  float *const partial = block->scratch->partial;
  const float *from = opens ? x->out : partial;
  float *to = closes ? x->out : partial;
  const size_t from_stride = opens ? x->ld_out : TILE_ROWS;
  const size_t to_stride = closes ? x->ld_out : TILE_ROWS;
  const __mmask16 read = opens && block->is_first ? 0 : block->rows;
  const int scales_token = kind == NK_ACTIVATION_INT8 && closes && block->is_last;
  const size_t at = segment * (size_t)(panels * NK_PANEL_ROWS);
  const float *scales = block->scratch->scales + at;
  const uint32_t *offsets = block->scratch->offsets + at;
  __m512 scale[NK_TILE_PANELS];
#pragma clang loop unroll(full)
  for (int j = 0; j < panels; j++) scale[j] = _mm512_loadu_ps(scales + j * NK_PANEL_ROWS);
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
    const __m512i sum = token_sum(kind, block, x, t, begin, end);
    __m512 value[NK_TILE_PANELS];
#pragma clang loop unroll(full)
    for (int j = 0; j < panels; j++) {
      const __m512 old = _mm512_maskz_loadu_ps(read, from + t * from_stride + j * NK_PANEL_ROWS);
      value[j] = centred(kind, dot[t][j], block, offsets + j * NK_PANEL_ROWS, sum);
      value[j] = _mm512_fmadd_ps(value[j], scale[j], old);
    }
    if (scales_token) {
      const __m512 token_scale = _mm512_set1_ps(x->scales[t]);
#pragma clang loop unroll(full)
      for (int j = 0; j < panels; j++) value[j] = _mm512_mul_ps(value[j], token_scale);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < panels; j++) {
      _mm512_mask_storeu_ps(to + t * to_stride + j * NK_PANEL_ROWS, block->rows, value[j]);
    }
  }
}

// Asks for the lines of the output that a tile is going to write.
INLINE_AVX512 void prefetch_outputs(const int tokens, const int panels, const tile_tokens *x) {
#pragma clang loop unroll(full)
  for (int t = 0; t < tokens; t++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < panels; j++) {
      __builtin_prefetch(x->out + t * x->ld_out + j * NK_PANEL_ROWS, 1);
    }
  }
}

// One block of a tile. `step` is the bytes between successive steps of a panel.
INLINE_AVX512 void tile(nk_activation_kind kind, const int tokens, const int panels,
                        const size_t step, const tile_block *block, const tile_tokens *x) {
  const uint8_t *w = block->values;
  const size_t panel_stride = block->panel_stride, token_stride = x->stride;
  size_t begin = block->begin;
  prefetch_outputs(tokens, panels, x);
  const int is_ahead = block->ahead != NULL && block->tile < (size_t)panels;
  // What is here already is asked for where there is nothing ahead.
  const uint8_t *ahead = is_ahead ? block->ahead + block->tile * block->ahead_stride : w;
  const size_t ahead_step = is_ahead ? block->ahead_step : 0;
  const size_t second = block->tile + block->tiles < (size_t)panels ? block->tiles : 0;
  const size_t second_stride = is_ahead ? second * block->ahead_stride : 0;
  for (size_t segment = 0; segment < block->segments; segment++) {
    const size_t end = block->scratch->segment_ends[segment];
    __m512i dot[TILE_TOKENS][NK_TILE_PANELS];
#pragma clang loop unroll(full)
    for (int i = 0; i < tokens * panels; i++) dot[i / panels][i % panels] = _mm512_setzero_si512();

    const uint8_t *a = x->values + begin * activation_width(kind);
    const uint8_t *last = x->values + end * activation_width(kind);
#pragma clang loop unroll_count(2)
    for (; a != last; a += 4, w += step, ahead += ahead_step) {
      _mm_prefetch((const char *)ahead, _MM_HINT_T1);
      _mm_prefetch((const char *)ahead + second_stride, _MM_HINT_T1);
      __m512i weights[NK_TILE_PANELS];
#pragma clang loop unroll(full)
      for (int j = 0; j < panels; j++) weights[j] = _mm512_loadu_si512(w + j * panel_stride);
#pragma clang loop unroll(full)
      for (int t = 0; t < tokens; t++) {
        const __m512i activations = broadcast_step(a + t * token_stride);
#pragma clang loop unroll(full)
        for (int j = 0; j < panels; j++) {
          dot[t][j] = multiply_step(kind, dot[t][j], weights[j], activations);
        }
      }
    }
    merge_segment(kind, tokens, panels, dot, segment, begin, end, block, x);
    begin = end;
  }
}

typedef void (*tile_fn)(const tile_block *block, const tile_tokens *x);

#define DEFINE_TILE(kind, tokens, panels, step)                                                \
  TARGET_AVX512 static void tile_##tokens##x##panels##_##step(const tile_block *block,         \
                                                              const tile_tokens *x) {          \
    tile(kind, tokens, panels, step, block, x);                                                \
  }
#define DEFINE_TILES(kind, panels, step)                                                       \
  DEFINE_TILE(kind, 1, panels, step)                                                           \
  DEFINE_TILE(kind, 2, panels, step)                                                           \
  DEFINE_TILE(kind, 3, panels, step)                                                           \
  DEFINE_TILE(kind, 4, panels, step)                                                           \
  DEFINE_TILE(kind, 5, panels, step)                                                           \
  DEFINE_TILE(kind, 6, panels, step)                                                           \
  static const tile_fn tiles_##panels##_##step[TILE_TOKENS] = {                                \
      tile_1x##panels##_##step, tile_2x##panels##_##step, tile_3x##panels##_##step,            \
      tile_4x##panels##_##step, tile_5x##panels##_##step, tile_6x##panels##_##step};

// Copies the scales and zero points of a segment to scratch.
INLINE_AVX512 void gather_scales(nk_activation_kind kind, const nk_linear_weight *weight,
                                 const linear_layout *layout, const segment_cursor *at,
                                 size_t panels, size_t segment, tile_scratch *scratch) {
  for (size_t j = 0; j < panels; j++) {
    const uint8_t *header = at->header + j * layout->panel_bytes;
    const size_t to = (segment * panels + j) * NK_PANEL_ROWS;
    _mm512_storeu_ps(scratch->scales + to, segment_scales(header, at->slot, layout));
    if (weight->zero_points == NK_ZERO_POINTS_FIXED) continue;
    if (weight->zero_points == NK_ZERO_POINTS_INTEGER && kind == NK_ACTIVATION_INT8) {
      const __m512i zeros = segment_zeros(header, at->slot, weight, layout);
      _mm512_storeu_si512(scratch->offsets + to, zeros);
    } else {
      const __m512 offsets = segment_offsets(header, at->slot, weight, layout);
      _mm512_storeu_ps(scratch->offsets + to, offsets);
    }
  }
}

// Unpacks a segment of codes to bytes or bfloat16; returns where the next one goes.
INLINE_AVX512 uint8_t *unpack_segment(nk_activation_kind activation, nk_weight_kind kind,
                                      const linear_layout *layout, const segment_cursor *at,
                                      size_t panels, __m512i table, uint8_t *values) {
  const size_t packed_bytes = column_block_bytes(kind), step = panels * CHUNK;
  const size_t steps_per_block = activation == NK_ACTIVATION_INT8 ? 8 : 16;
  for (size_t j = 0; j < panels; j++) {
    const uint8_t *packed = at->values + j * layout->panel_bytes;
    uint8_t *to = values + j * CHUNK;
    for (size_t k = at->begin; k < at->end; k += NK_COLUMN_BLOCK, packed += packed_bytes) {
      if (activation == NK_ACTIVATION_INT8) {
        __m512i codes[8];
        unpack_to_bytes(kind, packed, codes);
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++, to += step) _mm512_storeu_si512(to, codes[i]);
      } else if (is_float8(kind)) {
        for (int i = 0; i < 8; i++, to += 2 * step) {
          const __m512i codes = _mm512_loadu_si512(packed + i * CHUNK);
          _mm512_storeu_si512(to, float8_to_bf16(kind, codes));
          _mm512_storeu_si512(to + step, float8_to_bf16(kind, _mm512_srli_epi16(codes, 8)));
        }
      } else if (kind == NK_WEIGHT_INT8) {
        for (int i = 0; i < 8; i++, to += 2 * step) {
          const __m512i codes = _mm512_loadu_si512(packed + i * CHUNK);
          _mm512_storeu_si512(to, int8_pair_to_bf16(codes, 0));
          _mm512_storeu_si512(to + step, int8_pair_to_bf16(codes, 1));
        }
      } else {
        __m512i pairs[16];
        unpack_to_bf16(kind, packed, table, pairs);
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++, to += step) _mm512_storeu_si512(to, pairs[i]);
      }
    }
  }
  return values + (at->end - at->begin) / NK_COLUMN_BLOCK * steps_per_block * step;
}

// The tiles of a kernel: for one panel, and for four that are packed or unpacked.
typedef struct tile_set {
  const tile_fn *one, *four_packed, *four_unpacked;
} tile_set;

// All tokens times one or four panels beginning at `panel`; `behind` is what is read after them, or null.
INLINE_AVX512 void multiply_panels(nk_activation_kind activation, nk_weight_kind kind,
                                   const tile_set *set, const nk_linear_weight *weight,
                                   const linear_layout *layout, size_t panel, size_t panels,
                                   const uint8_t *behind, const nk_activations *x, float *out,
                                   size_t ld_out, tile_scratch *scratch) {
  const int is_packed = kind == NK_WEIGHT_F32 || kind == NK_WEIGHT_BF16 ||
                        (kind == NK_WEIGHT_INT8 && activation == NK_ACTIVATION_INT8);
  const tile_fn *tiles = panels == 1 ? set->one : is_packed ? set->four_packed : set->four_unpacked;
  const __m512i table = is_packed || activation == NK_ACTIVATION_INT8 ? _mm512_setzero_si512()
                                                                      : code_table(weight, layout);
  const size_t columns = block_columns(kind, activation);
  // Columns that fit into scratch, 1, 2 or 4 bytes each for 64 rows.
  const size_t most = UNPACKED_BYTES / (TILE_ROWS * activation_width(activation));
  const size_t unpacked_columns = x->tokens > FEW_TILE_TOKENS ? most : smaller(columns, most);
  tile_block block = {.panel_stride = is_packed ? layout->panel_bytes : CHUNK,
                      .zero_points = weight->zero_points,
                      .symmetric_zero = layout->symmetric_zero,
                      .rows = row_mask(rows_in_panel(weight, panel + panels - 1)),
                      .ahead_stride = layout->panel_bytes,
                      .ahead_step = layout->block_bytes / (8 * activation_width(activation)),
                      .scratch = scratch};
  tile_tokens tokens = {.stride = x->stride, .sum_stride = x->sum_stride, .ld_out = ld_out};
  segment_cursor at = first_segment(layout, panel_at(weight, layout, panel), columns);
  while (at.begin < at.end) {
    block.begin = at.begin;
    block.segments = 0;
    block.values = is_packed ? at.values : scratch->values;
    block.is_first = at.begin == 0;
    uint8_t *unpacked = scratch->values;
    for (int done = 0; !done; next_segment(&at, layout, columns)) {
      gather_scales(activation, weight, layout, &at, panels, block.segments, scratch);
      if (!is_packed) {
        unpacked = unpack_segment(activation, kind, layout, &at, panels, table, unpacked);
      }
      scratch->segment_ends[block.segments++] = at.end;
      block.is_last = at.end == layout->padded_cols;
      // Packed values are read where they lie, up to the next scales; unpacked ones follow each other.
      done = is_packed ? ends_block(&at, layout)
                       : block.is_last || at.end - block.begin >= unpacked_columns;
    }
    block.ahead = at.begin < at.end ? at.values : behind;
    block.tile = 0;
    // Tiles of 6 and 5 tokens rather than of 6 and a small one, which would waste its reads.
    size_t left_tiles = (x->tokens + TILE_TOKENS - 1) / TILE_TOKENS, count;
    block.tiles = left_tiles;
    for (size_t t = 0; t < x->tokens; t += count, left_tiles--, block.tile++) {
      count = (x->tokens - t + left_tiles - 1) / left_tiles;
      tokens.values = (const uint8_t *)x->values + t * x->stride;
      tokens.out = out + t * ld_out + panel * NK_PANEL_ROWS;
      if (activation == NK_ACTIVATION_INT8) {
        tokens.running = x->running + t * x->sum_stride;
        tokens.scales = x->scales + t;
      } else if (activation == NK_ACTIVATION_BF16) {
        tokens.sums = x->sums + t * x->sum_stride;
      }
      tiles[count - 1](&block, &tokens);
    }
  }
}

// All tokens times panels [panel_begin, panel_end): fours, then what is left one by one.
INLINE_AVX512 void multiply_tokens(nk_activation_kind activation, nk_weight_kind kind,
                                   const tile_set *set, const nk_linear_weight *weight,
                                   size_t panel_begin, size_t panel_end,
                                   const nk_activations *x, float *out, size_t ld_out,
                                   void *scratch) {
  const linear_layout layout = layout_of(weight);
  tile_scratch *aligned = aligned_scratch(scratch);
  size_t panel = panel_begin;
  // The tile of four stores whole panels only.
  const size_t whole_panels = weight->rows / NK_PANEL_ROWS;
  for (; panel + NK_TILE_PANELS <= panel_end && panel + NK_TILE_PANELS <= whole_panels;
       panel += NK_TILE_PANELS) {
    const size_t next = panel + NK_TILE_PANELS;
    const size_t behind_panel = next < panel_end || weight->next_panels == 0
                                    ? next
                                    : panel_begin + weight->next_panels;
    const uint8_t *behind = behind_panel + NK_TILE_PANELS <= whole_panels
                                ? panel_at(weight, &layout, behind_panel)
                                : NULL;
    multiply_panels(activation, kind, set, weight, &layout, panel, NK_TILE_PANELS, behind, x, out,
                    ld_out, aligned);
  }
  for (; panel < panel_end; panel++) {
    multiply_panels(activation, kind, set, weight, &layout, panel, 1, NULL, x, out, ld_out,
                    aligned);
  }
}

#endif

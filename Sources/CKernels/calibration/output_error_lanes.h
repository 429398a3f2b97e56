// The SIMD versions of sums over rows of errors, written once in terms of lanes.
//
// Included by one source file per instruction set, after its lanes header and with VERSION(name) and
// TILE_ROWS defined: rows whose products with two vectors of a panel stay in registers.
#ifndef OUTPUT_ERROR_LANES_H
#define OUTPUT_ERROR_LANES_H

#include "output_error_layout.h"

// Adds to sums the part of columns [first, first + 2 LANES) of a panel. Rows past `rows` repeat the
// last; nothing of them is kept.
LANES_INLINE void add_tile(const nk_error_weights *weights, const float *panel, size_t depth,
                           size_t first, const float *const *d, double *sums) {
  lanes low[TILE_ROWS], high[TILE_ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < TILE_ROWS; r++) low[r] = high[r] = lanes_set(0);
  for (size_t k = 0; k < depth; k++, panel += NK_ERROR_PANEL) {
    const lanes a = lanes_load(panel), b = lanes_load(panel + LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < TILE_ROWS; r++) {
      const lanes x = lanes_set(d[r][k]);
      low[r] = lanes_fma(x, a, low[r]);
      high[r] = lanes_fma(x, b, high[r]);
    }
  }
  const size_t left = first < weights->columns ? weights->columns - first : 0;
#pragma clang loop unroll(full)
  for (int r = 0; r < TILE_ROWS; r++) {
    lanes part;
    if (weights->kind == NK_ERROR_TOKENS) {
      part = lanes_fma(low[r], low[r], lanes_mul(high[r], high[r]));
    } else if (left >= 2 * LANES) {
      part = lanes_fma(low[r], lanes_load(d[r] + first),
                       lanes_mul(high[r], lanes_load(d[r] + first + LANES)));
    } else {
      const size_t n = left < LANES ? left : LANES;
      part = lanes_mul(low[r], lanes_load_part(d[r] + first, n));
      if (left > LANES) {
        part = lanes_fma(high[r], lanes_load_part(d[r] + first + LANES, left - LANES), part);
      }
    }
    sums[r] += lanes_sum(part);
  }
}

LANES_TARGET void VERSION(nk_error_rows)(const nk_error_weights *weights, const float *errors,
                                         size_t rows, double *out) {
  for (size_t r = 0; r < rows; r++) out[r] = 0;
  // Panels outermost: one of them stays in the cache while all rows pass.
  for (size_t p = 0; p < panel_count(weights); p++) {
    const float *panel = panel_start(weights, p);
    const size_t depth = panel_rows(weights, p);
    for (size_t row = 0; row < rows; row += TILE_ROWS) {
      const float *d[TILE_ROWS];
      double sums[TILE_ROWS] = {0};
      for (size_t r = 0; r < TILE_ROWS; r++) {
        d[r] = errors + (row + r < rows ? row + r : rows - 1) * weights->columns;
      }
      for (size_t j = 0; j < NK_ERROR_PANEL; j += 2 * LANES) {
        add_tile(weights, panel + j, depth, p * NK_ERROR_PANEL + j, d, sums);
      }
      for (size_t r = 0; r < TILE_ROWS && row + r < rows; r++) out[row + r] += sums[r];
    }
  }
}

#endif

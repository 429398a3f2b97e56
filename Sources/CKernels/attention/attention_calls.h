// What a call of attention does around its tiles, the same in every version: tokens are cut into tiles, and each row's
// weighted sum is written out, whole or as part of one.
//
// Included by one source file per version, inside its target, with VERSION(name) defined.
#ifndef ATTENTION_CALLS_H
#define ATTENTION_CALLS_H

#include "attention_tile.h"

// Of the version: leaves acc, sums and largest of all rows of the tile.
static void run_tile(const attention_tile *tile);
// Of the version: the sum of a row's probabilities, from tile->sums.
static float sum_of_row(const attention_tile *tile, int32_t row);

// Queries of the tile, scaled and padded with zeros; nothing seen yet.
static void begin_rows(const attention_tile *tile) {
  const nk_attention_args *a = tile->args;
  const float scale = attention_scale(a);
  for (int32_t row = 0; row < tile->rows; row++) {
    const float *query = attention_query(tile, row);
    float *to = tile->queries + row * tile->key_dim;
    for (int32_t c = 0; c < tile->key_dim; c++) to[c] = c < a->keys.head_dim ? query[c] * scale : 0;
  }
  for (int32_t i = 0; i < tile->rows * tile->value_dim; i++) tile->acc[i] = 0;
  for (int32_t i = 0; i < tile->rows * 16; i++) tile->sums[i] = 0;
  for (int32_t row = 0; row < (tile->rows + 15) / 16 * 16; row++) {
    tile->largest[row] = tile->block_largest[row] = -INFINITY;
    tile->weight_offset[row] = 0;
  }
}

void VERSION(nk_attention)(const nk_attention_args *a, int64_t t0, int64_t t1, void *scratch) {
  attention_tile tile;
  attention_tile_lay_out(&tile, a, t1 - t0, scratch);
  const int64_t step = attention_tile_tokens(a, t1 - t0);
  for (int64_t t = t0; t < t1; t += step) {
    attention_tile_begin(&tile, t, t + step < t1 ? t + step : t1, 0, INT64_MAX / KV_TOKENS);
    run_tile(&tile);
    for (int32_t row = 0; row < tile.rows; row++) {
      float *out = attention_out(&tile, row);
      const float *acc = tile.acc + row * tile.value_dim;
      const float sum = sum_of_row(&tile, row)
                        + attention_sink(a, row % a->query_heads, tile.largest[row]);
      const float inverse = sum > 0 ? 1.0f / sum : 0.0f;
      for (int32_t c = 0; c < a->values.head_dim; c++) out[c] = acc[c] * inverse;
    }
  }
}

void VERSION(nk_attention_partial)(const nk_attention_args *a, int64_t t0, int64_t t1, int64_t b0,
                                   int64_t b1, float *partial, void *scratch) {
  attention_tile tile;
  attention_tile_lay_out(&tile, a, t1 - t0, scratch);
  const int64_t step = attention_tile_tokens(a, t1 - t0);
  for (int64_t t = t0; t < t1; t += step) {
    attention_tile_begin(&tile, t, t + step < t1 ? t + step : t1, b0, b1);
    run_tile(&tile);
    for (int32_t row = 0; row < tile.rows; row++) {
      const float *acc = tile.acc + row * tile.value_dim;
      *partial++ = tile.largest[row];
      *partial++ = sum_of_row(&tile, row);
      for (int32_t c = 0; c < a->values.head_dim; c++) *partial++ = acc[c];
    }
  }
}

#endif

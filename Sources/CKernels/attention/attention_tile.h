// One tile of an attention call: some tokens times all query heads of a KV head, and the scratch
// they work in.
//
// A row is one (token, query head). All versions walk a tile block by block: scores of all rows
// against the block's keys, online softmax, weighted sum of the block's values. Scores are in
// base-2 units: log2(e) is part of the query scale.
#ifndef ATTENTION_TILE_H
#define ATTENTION_TILE_H

#include <math.h>

#include "kv_layout.h"

// Rows that share one pass over a block, unless there are more query heads than that.
enum { ATTENTION_TILE_ROWS = 48 };

typedef struct attention_tile {
  const nk_attention_args *args;
  int64_t t0, t1;          // tokens
  int64_t first, last;  // positions some row attends within the block range; none if first > last
  int32_t rows;
  int32_t key_dim, value_dim;        // padded
  int32_t key_groups, value_groups;  // 0 for float kinds
  // Scratch, each part aligned to 64 bytes.
  float *queries;       // [rows, key_dim], scaled
  int8_t *query_codes;  // [rows, 2, key_dim]: codes of up to 16 bits, arranged as the version likes
  float *query_scales;  // [rows, key_groups]
  int32_t *query_bias;  // [rows, key_groups]: what the zero point of the keys adds to a score
  float *scores;        // [rows, 64], then the probabilities
  int8_t *weight_codes; // [rows, 2, 64]: probability times value scale in 16 bits, arranged alike
  int32_t *weight_bias; // [rows]: what the zero point of the values adds to a sum
  float *weight_offset; // [rows]: what the minima of a group of values add to the output
  float *acc;           // [rows, value_dim]
  float *sums;          // [rows, 16]: lanes of the sum of probabilities
  float *largest;       // [rows]: running maximum
  float *block_largest; // [rows]
  float *reference;     // [rows]: what this block's probabilities are relative to
  float *decay;         // [rows]: factor on acc and sums before this block is added
  float *weight;        // [rows]: factor on this block's part
  float *key_scales;    // [key_groups, 64]
  float *value_scales;  // [value_groups, 64], then one unit per group
  float *group_scales;  // [2, key_dim]: scales and minima of a group of tokens
  float *group_units;   // [2, rows]: of its query codes, and what its minima add to scores
  uint8_t *level_codes; // [role, part, 16]: levels of codebooks of at most 4 bits as bytes
  float *level_units;   // [role, part]: level = unit (byte - 128)
  float *key_panel;     // [key_dim, 64] dequantized keys (generic: [64, key_dim])
  float *value_panel;   // [64, value_dim] dequantized values
} attention_tile;

static inline int64_t attention_tile_tokens(const nk_attention_args *a, int64_t tokens) {
  int64_t fit = a->query_heads < ATTENTION_TILE_ROWS ? ATTENTION_TILE_ROWS / a->query_heads : 1;
  return tokens < fit ? tokens : fit;
}

// Lays a tile of at most `tokens` tokens out at `base` and returns the bytes used; base may be null
// to ask the size.
static inline size_t attention_tile_lay_out(attention_tile *tile, const nk_attention_args *a,
                                            int64_t tokens, void *base) {
  size_t rows = (size_t)(attention_tile_tokens(a, tokens) * a->query_heads);
  size_t padded_rows = (rows + 15) / 16 * 16;
  size_t used = 0;
  tile->args = a;
  tile->key_dim = kv_padded_dim(&a->keys);
  tile->value_dim = kv_padded_dim(&a->values);
  tile->key_groups = kv_groups(&a->keys);
  tile->value_groups = kv_groups(&a->values);
  size_t kd = (size_t)tile->key_dim, vd = (size_t)tile->value_dim;
  size_t kg = (size_t)tile->key_groups, vg = (size_t)tile->value_groups;
#define PART(field, count)                                                            \
  tile->field = base ? (void *)((char *)base + used) : 0;                             \
  used += ((count) * sizeof *tile->field + NK_KV_ALIGNMENT - 1) / NK_KV_ALIGNMENT * NK_KV_ALIGNMENT
  PART(queries, rows * kd);
  PART(query_codes, rows * 2 * kd);
  PART(query_scales, rows * kg);
  PART(query_bias, rows * kg);
  PART(scores, rows * KV_TOKENS);
  PART(weight_codes, rows * 2 * KV_TOKENS);
  PART(weight_bias, padded_rows);
  PART(weight_offset, padded_rows);
  PART(acc, rows * vd);
  PART(sums, rows * 16);
  PART(largest, padded_rows);
  PART(block_largest, padded_rows);
  PART(reference, padded_rows);
  PART(decay, padded_rows);
  PART(weight, padded_rows);
  PART(key_scales, kg * KV_TOKENS);
  PART(value_scales, vg * (KV_TOKENS + 1));
  PART(group_scales, 2 * kd);
  PART(group_units, 2 * rows);
  PART(level_codes, 2 * NK_KV_PARTS * 16);
  PART(level_units, 2 * NK_KV_PARTS);
  PART(key_panel, kd * KV_TOKENS);
  PART(value_panel, vd * KV_TOKENS);
#undef PART
  return used;
}

// First and last position that the token at `position` attends; none if first > last.
static inline int64_t attention_first(const nk_attention_args *a, int64_t position) {
  int64_t first = a->window > 0 && position >= a->window ? position - a->window + 1 : 0;
  return first > a->begin ? first : a->begin;
}
static inline int64_t attention_last(const nk_attention_args *a, int64_t position) {
  return a->end > 0 && position >= a->end ? a->end - 1 : position;
}

// Points the tile at tokens [t0, t1) over the blocks [b0, b1).
static inline void attention_tile_begin(attention_tile *tile, int64_t t0, int64_t t1, int64_t b0,
                                        int64_t b1) {
  const nk_attention_args *a = tile->args;
  tile->t0 = t0;
  tile->t1 = t1;
  tile->rows = (int32_t)(t1 - t0) * a->query_heads;
  tile->first = attention_first(a, a->position + t0);
  tile->last = attention_last(a, a->position + t1 - 1);
  if (tile->first < b0 * KV_TOKENS) tile->first = b0 * KV_TOKENS;
  if (tile->last >= b1 * KV_TOKENS) tile->last = b1 * KV_TOKENS - 1;
}

// Slots [*low, *high) of block b that the token at `position` attends within the tile's range.
static inline void attention_slots(const attention_tile *tile, int64_t position, int64_t b,
                                   int32_t *low, int32_t *high) {
  int64_t first = attention_first(tile->args, position);
  if (first < tile->first) first = tile->first;
  int64_t last = position < tile->last ? position : tile->last;
  int64_t l = first - b * KV_TOKENS, h = last + 1 - b * KV_TOKENS;
  *low = (int32_t)(l < 0 ? 0 : l > KV_TOKENS ? KV_TOKENS : l);
  *high = (int32_t)(h > KV_TOKENS ? KV_TOKENS : h < *low ? *low : h);
}

// Slots [*low, *high) of block b that any token of the tile attends; all of them have been written.
static inline void attention_used_slots(const attention_tile *tile, int64_t b, int32_t *low,
                                        int32_t *high) {
  int64_t l = tile->first - b * KV_TOKENS, h = tile->last + 1 - b * KV_TOKENS;
  *low = l < 0 ? 0 : (int32_t)l;
  *high = h > KV_TOKENS ? KV_TOKENS : (int32_t)h;
}

static inline const float *attention_query(const attention_tile *tile, int32_t row) {
  const nk_attention_args *a = tile->args;
  int64_t token = tile->t0 + row / a->query_heads;
  return a->queries + token * a->query_token_stride
       + row % a->query_heads * a->query_head_stride;
}

static inline float *attention_out(const attention_tile *tile, int32_t row) {
  const nk_attention_args *a = tile->args;
  int64_t token = tile->t0 + row / a->query_heads;
  return a->out + token * a->out_token_stride + row % a->query_heads * a->out_head_stride;
}

// Integer dot products straight on the codes: whole vectors of channels must share a scale.
static inline int attention_key_codes(const nk_kv_format *f) {
  return kv_is_integer(f) && (f->group % 4 == 0 || f->group == f->head_dim);
}
static inline int attention_value_codes(const nk_kv_format *f) {
  return kv_is_integer(f) && (f->group % 16 == 0 || f->group == f->head_dim);
}

// Codebooks whose levels may take part as bytes.
static inline int attention_level_codes(const nk_kv_format *f) {
  if (f->kind != NK_KV_CODEBOOK) return 0;
  for (int32_t p = 0; p < f->parts; p++) {
    if (f->part[p].bits > 4) return 0;
  }
  return 1;
}

// Groups with minima: whole vectors of 16 channels and of 16 tokens must share a scale.
static inline int attention_key_groups(const nk_kv_format *f) {
  return f->kind == NK_KV_CHANNEL_GROUPS && f->group >= 32 && f->head_dim % 16 == 0;
}
static inline int attention_value_groups(const nk_kv_format *f) {
  return f->kind == NK_KV_TOKEN_GROUPS && (f->group % 16 == 0 || f->group == f->head_dim);
}

// Softmax scale in base-2 units.
static inline float attention_scale(const nk_attention_args *a) {
  return a->scale * 1.44269504088896341f;
}

// What the sink of a query head adds to the sum of probabilities that are relative to `largest`, in
// base-2 units. A sink far above all scores adds infinity, and the output is zero.
static inline float attention_sink(const nk_attention_args *a, int32_t head, float largest) {
  return a->sinks ? exp2f(a->sinks[head] * 1.44269504088896341f - largest) : 0;
}

#endif

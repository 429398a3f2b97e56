// Attention over key/value blocks in plain C: the readable truth for the SIMD versions.
#define VERSION(name) name##_generic
#include "attention_calls.h"

static void attend_row(const attention_tile *tile, int32_t row, int32_t low, int32_t high) {
  const int32_t key_dim = tile->args->keys.head_dim, value_dim = tile->args->values.head_dim;
  const float *query = tile->queries + (size_t)row * (size_t)tile->key_dim;
  float *acc = tile->acc + (size_t)row * (size_t)tile->value_dim;
  float *scores = tile->scores + (size_t)row * KV_TOKENS;

  float largest = tile->largest[row];
  for (int32_t t = low; t < high; t++) {
    const float *key = tile->key_panel + (size_t)t * (size_t)tile->key_dim;
    float score = 0;
    for (int32_t c = 0; c < key_dim; c++) score += query[c] * key[c];
    scores[t] = score;
    if (score > largest) largest = score;
  }

  float decay = tile->largest[row] == largest ? 1.0f : exp2f(tile->largest[row] - largest);
  float sum = tile->sums[row * 16] * decay;
  for (int32_t c = 0; c < value_dim; c++) acc[c] *= decay;
  for (int32_t t = low; t < high; t++) {
    const float *value = tile->value_panel + (size_t)t * (size_t)tile->value_dim;
    float probability = exp2f(scores[t] - largest);
    sum += probability;
    for (int32_t c = 0; c < value_dim; c++) acc[c] += probability * value[c];
  }
  tile->largest[row] = largest;
  tile->sums[row * 16] = sum;
}

static float sum_of_row(const attention_tile *tile, int32_t row) { return tile->sums[row * 16]; }

static void run_tile(const attention_tile *tile) {
  const nk_attention_args *a = tile->args;
  begin_rows(tile);
  if (tile->first > tile->last) return;
  for (int64_t b = tile->first / KV_TOKENS; b <= tile->last / KV_TOKENS; b++) {
    int32_t low, high;
    attention_used_slots(tile, b, &low, &high);
    nk_kv_read_generic(&a->keys, a->key_blocks[b], low, high - low,
                       tile->key_panel + low * tile->key_dim, tile->key_dim);
    nk_kv_read_generic(&a->values, a->value_blocks[b], low, high - low,
                       tile->value_panel + low * tile->value_dim, tile->value_dim);
    for (int32_t row = 0; row < tile->rows; row++) {
      attention_slots(tile, a->position + tile->t0 + row / a->query_heads, b, &low, &high);
      if (low < high) attend_row(tile, row, low, high);
    }
  }
}

void nk_attention_merge(const nk_attention_args *a, int64_t t0, int64_t t1,
                                const float *partials, size_t count, size_t stride) {
  const int32_t dim = a->values.head_dim;
  const float *state = partials;
  for (int64_t t = t0; t < t1; t++) {
    for (int32_t h = 0; h < a->query_heads; h++, state += NK_ATTENTION_STATE + dim) {
      float *out = a->out + t * a->out_token_stride + h * a->out_head_stride;
      float largest = -INFINITY, sum = 0;
      for (size_t p = 0; p < count; p++) largest = fmaxf(largest, state[p * stride]);
      for (int32_t c = 0; c < dim; c++) out[c] = 0;
      for (size_t p = 0; p < count; p++) {
        const float *part = state + p * stride;
        if (part[0] == -INFINITY) continue;
        float weight = exp2f(part[0] - largest);
        sum += weight * part[1];
        for (int32_t c = 0; c < dim; c++) out[c] += weight * part[NK_ATTENTION_STATE + c];
      }
      sum += attention_sink(a, h, largest);
      for (int32_t c = 0; c < dim; c++) out[c] = sum > 0 ? out[c] / sum : 0;
    }
  }
}

// Sizes of attention scratch and partial states.
#include "attention_tile.h"

size_t nk_attention_scratch_bytes(const nk_attention_args *args, int64_t tokens) {
  attention_tile tile;
  return attention_tile_lay_out(&tile, args, tokens, 0);
}

size_t nk_attention_partial_floats(const nk_attention_args *args, int64_t tokens) {
  return (size_t)tokens * (size_t)args->query_heads
       * (size_t)(NK_ATTENTION_STATE + args->values.head_dim);
}

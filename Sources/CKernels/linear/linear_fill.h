// What filling activations does around a token, the same in every version.
//
// Included at the end of one source file per version, with VERSION(name) and TARGET defined, after fill_f32(),
// fill_bf16(), fill_float8(), fill_int8(), fill_int8_blocks() and
// fill_int16_blocks(), which write one token, and token_range().
#ifndef LINEAR_FILL_H
#define LINEAR_FILL_H

#include "linear_coding.h"

TARGET void VERSION(nk_activations_fill)(const nk_activations *activations, const float *x,
                                         size_t ld_x, size_t token_begin, size_t token_end) {
  for (size_t token = token_begin; token < token_end; token++) {
    const float *row = x + token * ld_x;
    switch (activations->kind) {
      case NK_ACTIVATION_F32: fill_f32(activations, row, token); break;
      case NK_ACTIVATION_BF16:
        if (activations->float8 == NK_FLOAT8_NONE) {
          fill_bf16(activations, row, token);
        } else {
          fill_float8(activations, row, token);
        }
        break;
      case NK_ACTIVATION_INT8: fill_int8(activations, row, token); break;
      case NK_ACTIVATION_INT8_BLOCKS: fill_int8_blocks(activations, row, token); break;
      case NK_ACTIVATION_INT16_BLOCKS: fill_int16_blocks(activations, row, token); break;
    }
  }
}

TARGET void VERSION(nk_token_ranges)(const float *x, size_t ld_x, size_t cols, size_t token_begin,
                                     size_t token_end, float *lowest, float *highest) {
  const nk_activations plain = {.cols = cols};
  for (size_t token = token_begin; token < token_end; token++) {
    token_range(&plain, x + token * ld_x, &lowest[token], &highest[token]);
  }
}

#endif

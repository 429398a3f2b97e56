// GPTQ's rounding of a block of columns, written in the vectors of lanes_avx2.h or lanes_avx512.h.
//
// The same steps in the same order as gptq_generic.c, nothing fused: the same bits.
#include "nk_calibration.h"

enum { VECTORS = NK_PANEL_FLOATS / LANES };

// Adding it moves the units of a number below 2^22 to the last bit, which rounds half to even.
#define ANCHOR 0x1.8p23f

// Rounds one vector of a column and leaves the errors.
LANES_INLINE lanes round_lanes(const nk_gptq_block *block, size_t column, size_t lane,
                               lanes pivot) {
  const size_t group = block->groups[column] * (size_t)NK_PANEL_FLOATS + lane;
  const size_t place = (column - block->begin) * NK_PANEL_FLOATS + lane;
  const lanes value = lanes_load(block->values + column * NK_PANEL_FLOATS + lane);
  const lanes scale = lanes_load(block->scales + group), zero = lanes_load(block->zeros + group);
  const lanes offset = block->middle < 0 ? zero : lanes_set(block->middle);
  const lanes lowest = lanes_sub(lanes_set(0), offset);
  const lanes highest = lanes_sub(lanes_set(block->steps), offset);
  lanes scaled = lanes_add(lanes_div(value, scale), lanes_sub(zero, offset));
  // The second operand stays where it is not a number.
  scaled = lanes_min(highest, lanes_max(lowest, scaled));
  const lanes anchored = lanes_add(scaled, lanes_set(ANCHOR));
  const lanes code = lanes_add(lanes_sub(anchored, lanes_set(ANCHOR)), offset);
  const lanes rounded = lanes_mul(scale, lanes_sub(code, zero));
  const lanes error = lanes_div(lanes_sub(value, rounded), pivot);
  lanes_add_half_squares(block->losses + lane, error);
  lanes_store(block->errors + place, error);
  lanes_store_bytes(block->codes + place, code);
  return error;
}

LANES_TARGET void VERSION(nk_gptq_round)(const nk_gptq_block *block) {
  for (size_t c = block->begin; c < block->end; c++) {
    const float *row = block->inverse + nk_gptq_panel(c / NK_STRIP) + c * NK_STRIP;
    const lanes pivot = lanes_set(row[c % NK_STRIP]);
    lanes errors[VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) errors[v] = round_lanes(block, c, v * LANES, pivot);
    for (size_t p = (c + 1) / NK_STRIP; p * NK_STRIP < block->end; p++) {
      const float *factors = block->inverse + nk_gptq_panel(p) + c * NK_STRIP;
      const size_t begin = p * NK_STRIP > c ? p * NK_STRIP : c + 1;
      const size_t end = (p + 1) * NK_STRIP < block->end ? (p + 1) * NK_STRIP : block->end;
      for (size_t later = begin; later < end; later++) {
        float *values = block->values + later * NK_PANEL_FLOATS;
        const lanes factor = lanes_set(factors[later - p * NK_STRIP]);
#pragma clang loop unroll(full)
        for (int v = 0; v < VECTORS; v++) {
          float *at = values + v * LANES;
          lanes_store(at, lanes_sub(lanes_load(at), lanes_mul(errors[v], factor)));
        }
      }
    }
  }
}

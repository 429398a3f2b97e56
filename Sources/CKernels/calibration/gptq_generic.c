// GPTQ's rounding of a block of columns in plain C.

#include "nk_calibration.h"

enum { LANES = NK_PANEL_FLOATS };

// Adding it moves the units of a number below 2^22 to the last bit, which rounds half to even.
static const float anchor = 0x1.8p23f;

// Rounds one column. Products and sums are statements of their own, so that none is fused.
static void round_column(const nk_gptq_block *block, size_t column, float pivot) {
  const size_t group = block->groups[column] * (size_t)LANES, place = (column - block->begin) * LANES;
  for (size_t lane = 0; lane < LANES; lane++) {
    const float value = block->values[column * LANES + lane];
    const float scale = block->scales[group + lane], zero = block->zeros[group + lane];
    const float offset = block->middle < 0 ? zero : block->middle;
    float scaled = value / scale + (zero - offset);
    scaled = scaled < -offset ? -offset : scaled;
    scaled = scaled > block->steps - offset ? block->steps - offset : scaled;
    const float anchored = scaled + anchor;
    const float code = anchored - anchor + offset;
    const float rounded = scale * (code - zero);
    const float error = (value - rounded) / pivot;
    const double square = (double)error * error;
    const double half = square / 2;
    block->losses[lane] += half;
    block->errors[place + lane] = error;
    // What is not a number has no code; any will do.
    block->codes[place + lane] = code >= 0 ? (uint8_t)code : 0;
  }
}

void nk_gptq_round_generic(const nk_gptq_block *block) {
  for (size_t c = block->begin; c < block->end; c++) {
    const float *row = block->inverse + nk_gptq_panel(c / NK_STRIP) + c * NK_STRIP;
    round_column(block, c, row[c % NK_STRIP]);
    const float *errors = block->errors + (c - block->begin) * LANES;
    for (size_t later = c + 1; later < block->end; later++) {
      const float factor =
          block->inverse[nk_gptq_panel(later / NK_STRIP) + c * NK_STRIP + later % NK_STRIP];
      float *values = block->values + later * LANES;
      for (size_t lane = 0; lane < LANES; lane++) {
        const float product = errors[lane] * factor;
        values[lane] -= product;
      }
    }
  }
}

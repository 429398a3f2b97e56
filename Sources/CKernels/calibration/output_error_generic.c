// Packing, and sums in plain C.
#include "output_error_layout.h"

size_t nk_error_packed_floats(int32_t kind, size_t columns, size_t tokens) {
  const nk_error_weights weights = {kind, columns, tokens, 0};
  size_t floats = 0;
  for (size_t p = 0; p < panel_count(&weights); p++) {
    floats += panel_rows(&weights, p) * NK_ERROR_PANEL;
  }
  return floats;
}

void nk_error_pack_moments(const float *moments, size_t columns, float *packed) {
  const nk_error_weights weights = {NK_ERROR_MOMENTS, columns, 0, 0};
  for (size_t p = 0; p < panel_count(&weights); p++) {
    const size_t first = p * NK_ERROR_PANEL;
    for (size_t k = 0; k < panel_rows(&weights, p); k++) {
      for (size_t j = 0; j < NK_ERROR_PANEL; j++) {
        const size_t column = first + j;
        float value = 0;
        if (column < columns) {
          value = k <= column ? moments[k * columns + column] : moments[column * columns + k];
        }
        *packed++ = k < first ? 2 * value : value;
      }
    }
  }
}

void nk_error_pack_tokens(const float *inputs, size_t tokens, size_t columns, float *packed) {
  for (size_t first = 0; first < tokens; first += NK_ERROR_PANEL) {
    for (size_t k = 0; k < columns; k++) {
      for (size_t j = 0; j < NK_ERROR_PANEL; j++) {
        *packed++ = first + j < tokens ? inputs[(first + j) * columns + k] : 0;
      }
    }
  }
}

void nk_error_rows_generic(const nk_error_weights *weights, const float *errors, size_t rows,
                           double *out) {
  for (size_t r = 0; r < rows; r++) {
    const float *d = errors + r * weights->columns;
    double sum = 0;
    for (size_t p = 0; p < panel_count(weights); p++) {
      const float *panel = panel_start(weights, p);
      float products[NK_ERROR_PANEL] = {0};
      for (size_t k = 0; k < panel_rows(weights, p); k++, panel += NK_ERROR_PANEL) {
        for (size_t j = 0; j < NK_ERROR_PANEL; j++) products[j] += d[k] * panel[j];
      }
      float part = 0;
      for (size_t j = 0; j < NK_ERROR_PANEL; j++) {
        const size_t column = p * NK_ERROR_PANEL + j;
        if (weights->kind == NK_ERROR_TOKENS) {
          part += products[j] * products[j];
        } else if (column < weights->columns) {
          part += products[j] * d[column];
        }
      }
      sum += part;
    }
    out[r] = sum;
  }
}

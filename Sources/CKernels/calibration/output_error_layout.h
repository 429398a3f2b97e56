// Where the panels of packed moments or tokens lie.
#ifndef OUTPUT_ERROR_LAYOUT_H
#define OUTPUT_ERROR_LAYOUT_H

#include "nk_output_error.h"

// Panels of a packed form.
static inline size_t panel_count(const nk_error_weights *weights) {
  const size_t width =
      weights->kind == NK_ERROR_MOMENTS ? weights->columns : weights->tokens;
  return (width + NK_ERROR_PANEL - 1) / NK_ERROR_PANEL;
}

// Rows of panel p: channels that are multiplied.
static inline size_t panel_rows(const nk_error_weights *weights, size_t p) {
  const size_t last = (p + 1) * NK_ERROR_PANEL;
  return weights->kind == NK_ERROR_MOMENTS && last < weights->columns ? last : weights->columns;
}

// The first float of panel p.
static inline const float *panel_start(const nk_error_weights *weights, size_t p) {
  const size_t before = weights->kind == NK_ERROR_MOMENTS
                            ? p * (p + 1) / 2 * NK_ERROR_PANEL
                            : p * weights->columns;
  return weights->packed + before * NK_ERROR_PANEL;
}

#endif

// What is left to do after a linear kernel: scales and zero points of tokens, bias, outlier columns.
#include "linear_layout.h"

void nk_linear_finish(const nk_activations *activations, const float *row_sums,
                      const float *bias, size_t row_begin, size_t row_end, float *out,
                      size_t ld_out) {
  const int is_scaled = activations->float8 != NK_FLOAT8_NONE;
  for (size_t t = 0; t < activations->tokens; t++) {
    float *row = out + t * ld_out;
    if (is_scaled) {
      const float scale = activations->scales[t];
      for (size_t r = row_begin; r < row_end; r++) row[r] *= scale;
    }
    if (row_sums != NULL && activations->zeros != NULL && activations->zeros[t] != 0) {
      const float shift = activations->scales[t] * (float)activations->zeros[t];
      for (size_t r = row_begin; r < row_end; r++) row[r] -= shift * row_sums[r];
    }
    if (bias != NULL) {
      for (size_t r = row_begin; r < row_end; r++) row[r] += bias[r];
    }
  }
}

// Writes column `col` of a panel, scaled, to 16 floats.
static void gather_column(const nk_linear_weight *weight, const linear_layout *layout,
                          const uint8_t *panel, size_t col, float to[NK_PANEL_ROWS]) {
  const uint8_t *header = panel;
  size_t slot = 0, col_in_span = col;
  if (layout->groups > 0) {
    const size_t group = col / layout->group;
    header += group / layout->span_groups * layout->span_bytes;
    slot = group % layout->span_groups;
    col_in_span = col - group / layout->span_groups * layout->span_groups * layout->group;
  }
  const uint8_t *values = header + layout->header_bytes;
  for (size_t row = 0; row < NK_PANEL_ROWS; row++) {
    const float value = value_at(weight, values, row, col_in_span);
    if (layout->bits == 0) {
      to[row] = value;
      continue;
    }
    const float zero = weight->codebook ? 0 : zero_at(weight, header, layout, slot, row);
    to[row] = scale_at(header, layout, slot, row) * (value - zero);
  }
}

size_t nk_linear_columns_scratch_bytes(size_t count, size_t tokens, size_t panels) {
  size_t gathered, products, bytes;
  if (count > SIZE_MAX / 4096) return 0;
  const size_t padded = round_up(count, NK_COLUMN_BLOCK);
  if (__builtin_mul_overflow(panels, padded * CHUNK, &gathered)) return 0;
  if (__builtin_mul_overflow(tokens, panels * CHUNK, &products)) return 0;
  if (__builtin_add_overflow(gathered, products, &bytes)) return 0;
  if (__builtin_add_overflow(bytes, (size_t)SCRATCH_BYTES + 2 * NK_ALIGNMENT, &bytes)) return 0;
  return bytes;
}

void nk_linear_add_columns(const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,
                           const uint32_t *columns, size_t count,
                           const nk_activations *gathered, nk_linear_fn multiply, float *out,
                           size_t ld_out, void *scratch) {
  const linear_layout layout = layout_of(weight);
  const size_t first = panel_begin * NK_PANEL_ROWS, panels = panel_end - panel_begin;
  const size_t rows = smaller(weight->rows - first, panels * NK_PANEL_ROWS);
  const size_t padded = round_up(count, NK_COLUMN_BLOCK);
  float *packed = aligned_scratch(scratch);
  float *products = packed + panels * padded * NK_PANEL_ROWS;
  void *rest = products + gathered->tokens * panels * NK_PANEL_ROWS;
  for (size_t panel = 0; panel < panels; panel++) {
    const uint8_t *from = panel_at(weight, &layout, panel_begin + panel);
    float *to = packed + panel * padded * NK_PANEL_ROWS;
    for (size_t j = 0; j < count; j++) {
      gather_column(weight, &layout, from, columns[j], to + j * NK_PANEL_ROWS);
    }
    memset(to + count * NK_PANEL_ROWS, 0, (padded - count) * CHUNK);
  }
  const nk_linear_weight chosen = {
      .kind = NK_WEIGHT_F32, .rows = rows, .cols = count, .packed = packed};
  multiply(&chosen, 0, panels, gathered, products, rows, rest);
  for (size_t t = 0; t < gathered->tokens; t++) {
    float *row = out + t * ld_out + first;
    for (size_t r = 0; r < rows; r++) row[r] += products[t * rows + r];
  }
}

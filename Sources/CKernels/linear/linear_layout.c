#include "block_layout.h"

size_t nk_linear_panels(size_t rows) { return rows / NK_PANEL_ROWS + (rows % NK_PANEL_ROWS != 0); }

static int is_valid(const nk_linear_weight *weight) {
  if (weight->kind < NK_WEIGHT_F32 || weight->kind > NK_WEIGHT_E5M2) return 0;
  if (weight->cols > SIZE_MAX / 4096) return 0;  // keeps the sizes below from overflowing
  const int bits = code_bits(weight->kind);
  const nk_zero_points zeros = weight->zero_points;
  if (zeros < NK_ZERO_POINTS_FIXED || zeros > NK_ZERO_POINTS_REAL) return 0;
  if (bits == 0) return zeros == NK_ZERO_POINTS_FIXED && weight->codebook == NULL;
  if (is_float8(weight->kind) && zeros != NK_ZERO_POINTS_FIXED) return 0;
  if (weight->codebook != NULL && (bits == 8 || zeros != NK_ZERO_POINTS_FIXED)) return 0;
  return weight->group >= weight->cols || weight->group % NK_COLUMN_BLOCK == 0;
}

size_t nk_linear_groups(const nk_linear_weight *weight) {
  return is_valid(weight) ? layout_of(weight).groups : 0;
}

size_t nk_linear_panel_bytes(const nk_linear_weight *weight) {
  if (is_block_kind(weight->kind)) return nk_blocks_panel_bytes(weight);
  return is_valid(weight) ? layout_of(weight).panel_bytes : 0;
}

size_t nk_linear_packed_bytes(const nk_linear_weight *weight) {
  size_t bytes;
  const size_t panels = nk_linear_panels(weight->rows);
  if (__builtin_mul_overflow(panels, nk_linear_panel_bytes(weight), &bytes)) return 0;
  return weight->cols > 0 ? bytes : 0;
}

size_t nk_linear_scratch_bytes(const nk_linear_weight *weight, nk_activation_kind kind) {
  (void)weight;
  (void)kind;
  return SCRATCH_BYTES + NK_ALIGNMENT;
}

// Bytes of one token's values. An odd number of cache lines keeps neighbouring tokens, which
// a tile reads side by side, out of the same cache set.
static size_t token_stride(nk_activation_kind kind, size_t cols) {
  const int is_four = kind == NK_ACTIVATION_F32 || kind == NK_ACTIVATION_INT16_BLOCKS;
  const size_t width = is_four ? 4 : kind == NK_ACTIVATION_BF16 ? 2 : 1;
  const size_t lines = round_up(round_up(cols, NK_COLUMN_BLOCK) * width, CHUNK) / CHUNK;
  return (lines | 1) * CHUNK;
}

static size_t sums_per_token(nk_activation_kind kind, size_t cols) {
  const size_t blocks = round_up(cols, NK_COLUMN_BLOCK) / NK_COLUMN_BLOCK;
  return kind == NK_ACTIVATION_F32 ? 0 : kind == NK_ACTIVATION_INT8 ? blocks + 1 : blocks;
}

size_t nk_activations_bytes(nk_activation_kind kind, size_t tokens, size_t cols) {
  if (kind < NK_ACTIVATION_F32 || kind > NK_ACTIVATION_INT16_BLOCKS || cols > SIZE_MAX / 64) return 0;
  // Scale, zero point and what was clipped; of blocks a scale and two more sums.
  const int is_blocks = is_in_blocks(kind);
  const size_t notes = kind == NK_ACTIVATION_F32 || is_blocks ? 0 : 3 * sizeof(float);
  const size_t sums = sums_per_token(kind, cols) * (is_blocks ? 4 : 1);
  const size_t token = token_stride(kind, cols) + 4 * sums + notes;
  size_t bytes;
  if (__builtin_mul_overflow(tokens, token, &bytes)) return 0;
  if (__builtin_add_overflow(bytes, (size_t)NK_ALIGNMENT, &bytes)) return 0;
  return bytes;
}

nk_activations nk_activations_part(const nk_activations *activations, size_t token_begin,
                                   size_t token_end) {
  nk_activations part = *activations;
  part.tokens = token_end - token_begin;
  part.values = (uint8_t *)part.values + token_begin * part.stride;
  const int is_blocks = is_in_blocks(part.kind);
  if (part.scales != NULL) part.scales += token_begin * (is_blocks ? part.sum_stride : 1);
  if (part.halves != NULL) part.halves += token_begin * 2 * part.sum_stride;
  if (part.zeros != NULL) part.zeros += token_begin;
  if (part.clipped != NULL) part.clipped += token_begin;
  if (part.sums != NULL) part.sums += token_begin * part.sum_stride;
  if (part.running != NULL) part.running += token_begin * part.sum_stride;
  return part;
}

nk_activations nk_activations_layout(nk_activation_kind kind, size_t tokens, size_t cols,
                                     void *storage) {
  nk_activations activations = {.kind = kind, .tokens = tokens, .cols = cols, .values = storage};
  activations.stride = token_stride(kind, cols);
  activations.sum_stride = sums_per_token(kind, cols);
  uint8_t *behind_values = (uint8_t *)storage + tokens * activations.stride;
  if (kind == NK_ACTIVATION_F32) return activations;
  if (is_in_blocks(kind)) {
    const size_t blocks = tokens * activations.sum_stride;
    activations.sums = (float *)behind_values;
    activations.scales = activations.sums + blocks;
    activations.halves = (int32_t *)(activations.scales + blocks);
    return activations;
  }
  if (kind == NK_ACTIVATION_BF16) activations.sums = (float *)behind_values;
  if (kind == NK_ACTIVATION_INT8) activations.running = (int32_t *)behind_values;
  activations.scales = (float *)behind_values + tokens * activations.sum_stride;
  if (kind == NK_ACTIVATION_INT8) activations.zeros = (int32_t *)(activations.scales + tokens);
  activations.clipped = (uint32_t *)(activations.scales + 2 * tokens);
  return activations;
}

// Linear layers over packed weights: out[tokens, rows] = x[tokens, cols] * W[rows, cols]^T.
//
// Rows are output channels. Weights are packed once into panels of 16 rows whose bytes lie
// in the order a kernel reads them, so that one token streams memory sequentially and many
// tokens use tiles of four neighbouring panels. One packed form serves every provider and
// every activation kind. Inputs stay float32 between operators; they are converted once
// into an `nk_activations` that several linears (q, k, v) share.
//
// Weight kinds and what a weight means (s: scale, z: zero point of its row and group):
//   F32, BF16           w = value
//   INT8                w = s * (code - z), code 0...255, s float32
//   INT4, INT3, INT2    w = s * (code - z), code 0...2^b-1, s float16
//                       or, with a codebook, w = s * codebook[code]
//   E4M3, E5M2          w = s * value, an 8-bit float (OCP), s float32; no zero points
// z is 2^(b-1) for all rows, a code, or a real number in float16 (see nk_zero_points).
//
// Kernels (weights x activations):
//             F32 act   BF16 act   INT8 act
//   F32          x
//   BF16                   x
//   INT8                   x          x
//   INT4/3/2               x          x       (no codebook with INT8 activations)
//   E4M3, E5M2             x                  (decoded to BF16: no kernel here multiplies 8-bit floats)
// Blocks of GGUF files are multiplied as they are as well: nk_blocks.h.
//
// INT8 activations may have a zero point, BF16 ones may be rounded to 8-bit floats under a scale:
// nk_linear_finish() then turns what a kernel left into the output.
//
// Accumulation is float32 for F32 and BF16 activations, so providers differ by summation
// order. With INT8 activations sums are int32 within a segment (a group, cut at a fixed
// number of columns) and merged by one fused multiply-add a segment (two with real zero
// points): all providers give the same bits. A result never depends on how panels are split between calls.
#ifndef NK_LINEAR_H
#define NK_LINEAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  // Rows in a panel: the unit in which work is split between threads.
  NK_PANEL_ROWS = 16,
  // Panels in a GEMM tile: split many-token work at multiples of this for full tiles.
  NK_TILE_PANELS = 4,
  // Columns are padded to a multiple of this; a group is a multiple of it.
  NK_COLUMN_BLOCK = 32,
  // Alignment of packed weights and activation storage that kernels are fastest with.
  NK_ALIGNMENT = 64,
};

typedef enum nk_weight_kind : int32_t {
  NK_WEIGHT_F32 = 0,
  NK_WEIGHT_BF16 = 1,
  NK_WEIGHT_INT8 = 2,
  NK_WEIGHT_INT4 = 3,
  NK_WEIGHT_INT3 = 4,
  NK_WEIGHT_INT2 = 5,
  // 8-bit floats: largest 448 and no infinities, or largest 57344. Codes of numbers only.
  NK_WEIGHT_E4M3 = 6,
  NK_WEIGHT_E5M2 = 7,
  // The block types of GGUF files: see nk_blocks.h.
  NK_WEIGHT_Q8_0 = 8,
  NK_WEIGHT_Q4_0 = 9,
  NK_WEIGHT_Q4_1 = 10,
  NK_WEIGHT_Q5_0 = 11,
  NK_WEIGHT_Q5_1 = 12,
  NK_WEIGHT_Q4_K = 13,
  NK_WEIGHT_Q5_K = 14,
  NK_WEIGHT_Q6_K = 15,
  NK_WEIGHT_IQ4_NL = 16,
  NK_WEIGHT_MXFP4 = 17,
} nk_weight_kind;

// Zero points of integer weights.
typedef enum nk_zero_points : int32_t {
  // 2^(bits-1) everywhere: symmetric.
  NK_ZERO_POINTS_FIXED = 0,
  // A code for every row and group.
  NK_ZERO_POINTS_INTEGER = 1,
  // A real number for every row and group, inside the range of codes or not.
  NK_ZERO_POINTS_REAL = 2,
} nk_zero_points;

// A packed weight matrix. `packed` may be null where only sizes are asked for.
typedef struct nk_linear_weight {
  nk_weight_kind kind;
  // FIXED for F32, BF16, E4M3 and E5M2.
  nk_zero_points zero_points;
  // Output channels.
  size_t rows;
  // Input channels.
  size_t cols;
  // Columns that share a scale: a multiple of 32; 0 or >= cols: one scale a row. The last
  // group may be shorter. Ignored for F32 and BF16.
  size_t group;
  // Null, or 2^bits values that replace (code - z) for INT4, INT3, INT2; FIXED zero points only.
  // Kernels round the entries to bfloat16. Borrowed, not copied.
  const float *codebook;
  // nk_linear_packed_bytes() bytes written by nk_linear_pack().
  const void *packed;
  // A hint: the thread that multiplies panels from panel_begin on is likely to go on this many panels after it, which
  // kernels may then ask memory for; 0: right after them.
  size_t next_panels;
} nk_linear_weight;

// ceil(rows / 16).
size_t nk_linear_panels(size_t rows);

// Scales in a row: ceil(cols / group), 1 for a whole-row group, 0 for F32 and BF16.
size_t nk_linear_groups(const nk_linear_weight *weight);

// Bytes of one packed panel, a multiple of 64; 0 if the size overflows or the description is
// not valid (unknown kind, group not a multiple of 32).
size_t nk_linear_panel_bytes(const nk_linear_weight *weight);

// Bytes of the whole packed matrix: panels * panel bytes; 0 as above (and for 0 rows or 0 cols).
size_t nk_linear_packed_bytes(const nk_linear_weight *weight);

// Portable form of the rows to pack; every pointer refers to row `first_row`.
typedef struct nk_linear_source {
  // float[rows][stride] for F32, bfloat16 bits uint16_t[rows][stride] for BF16, else codes
  // uint8_t[rows][stride], one code a byte (symmetric INT8: q + 128; 8-bit floats as they are).
  const void *values;
  // Elements from one row to the next; >= cols.
  size_t stride;
  // float[rows][groups]; null for F32 and BF16. Rounded to float16 below 8 bits.
  const float *scales;
  // float[rows][groups]; null when FIXED. Codes when INTEGER, rounded to float16 when REAL.
  const float *zeros;
  // Row of the matrix that the pointers above begin with; <= 16 * panel_begin.
  size_t first_row;
} nk_linear_source;

// Packs rows of panels [panel_begin, panel_end) into the matrix at `packed`. Calls on
// disjoint ranges may run at once. The source must hold these rows (as far as they exist).
void nk_linear_pack(const nk_linear_weight *weight, const nk_linear_source *source,
                    size_t panel_begin, size_t panel_end, void *packed);

// Writes rows [row_begin, row_end) of a packed matrix as float32 to out[row - row_begin][ld_out].
void nk_linear_dequantize(const nk_linear_weight *weight, size_t row_begin, size_t row_end,
                          float *out, size_t ld_out);

typedef enum nk_activation_kind : int32_t {
  NK_ACTIVATION_F32 = 0,
  // Rounded to nearest even, subnormals to zero; with float32 sums of every 32 columns for
  // zero points.
  NK_ACTIVATION_BF16 = 1,
  // Per token: scale = amax / 127, q = round to even(x * (127 / amax)), within [-127, 127]; a
  // token of zeros (or too small for 127 / amax) has scale 0. With running int32 sums for
  // zero points.
  NK_ACTIVATION_INT8 = 2,
  // As INT8, with a scale for every 32 columns of a token instead of one for all; with int32 sums of every 16 columns.
  NK_ACTIVATION_INT8_BLOCKS = 3,
  // The same with codes of 16 bits: scale = amax / 32639, codes within [-32639, 32639]. A token's values are there twice.
  // First in parts, 64 bytes for 32 columns: the high parts h, then the low parts l, code = 256 * h + l, both signed. Once
  // all columns are there, as int16, columns 4i...4i+3 in the order 0, 2, 1, 3.
  NK_ACTIVATION_INT16_BLOCKS = 4,
} nk_activation_kind;

// 8-bit floats that BF16 activations are rounded to.
typedef enum nk_float8 : int32_t {
  NK_FLOAT8_NONE = 0,
  NK_FLOAT8_E4M3 = 1,
  NK_FLOAT8_E5M2 = 2,
} nk_float8;

// Input of linears, converted once. The pointers lie in the storage given to
// nk_activations_layout(); columns are padded with zeros.
typedef struct nk_activations {
  nk_activation_kind kind;
  size_t tokens;
  size_t cols;
  // Bytes from one token's values to the next.
  size_t stride;
  // float, bfloat16 (columns 4i...4i+3 stored in the order 0, 2, 1, 3) or int8 [tokens][stride].
  void *values;
  // Scale of every token: of INT8, and of BF16 rounded to 8-bit floats (kernels do not apply those); F32: null.
  // Of blocks: [t][b] of columns 32b..<32b+32, rows of sum_stride.
  float *scales;
  // INT8: zero point of every token, 0 for symmetric codes; else null.
  int32_t *zeros;
  // Values of every token that a given scale cannot hold and that were clamped; F32 and blocks: null.
  uint32_t *clipped;
  // Entries from one token's sums to the next.
  size_t sum_stride;
  // BF16 and blocks: sums[t][b] of columns 32b..<32b+32, scaled; else null. May be set to null when no weight has
  // zero points.
  float *sums;
  // INT8: running[t][b] = sum of columns 0..<32b, b from 0 through the number of blocks; else null.
  int32_t *running;
  // Blocks: halves[t][h] = sum of the codes of columns 16h..<16h+16, rows of 2 * sum_stride; else null.
  int32_t *halves;

  // What follows says how values are coded; nk_activations_layout() leaves the plain form of the kind.

  // BF16: values are x / scale rounded to an 8-bit float, scale = largest magnitude of the token / 448 (57344).
  nk_float8 float8;
  // INT8: codes -128...127 around a zero point, scale = (max - min) / 255 of a range that holds 0,
  // zero = round to even(-128 - min / scale).
  int32_t is_asymmetric;
  // Not 0: the scale of every token (and its zero point), instead of one found for each. Values beyond are clamped.
  float given_scale;
  int32_t given_zero;
  // Symmetric INT8: null, or [cols padded to 32] words, all bits set where a column takes part and 0 where its codes
  // are 0 and its values do not count for the scale.
  const uint32_t *columns;
  // With `columns`, not 0: the scale leaves out magnitudes from here on, whatever their column (bitsandbytes).
  float limit;
} nk_activations;

// Bytes of storage for the activations; 0 if the size overflows. Never 0 for a valid size.
size_t nk_activations_bytes(nk_activation_kind kind, size_t tokens, size_t cols);

// Describes activations that live in `storage` (nk_activations_bytes() bytes, aligned to 4,
// fastest at NK_ALIGNMENT). Writes nothing to the storage.
nk_activations nk_activations_layout(nk_activation_kind kind, size_t tokens, size_t cols,
                                     void *storage);

// Gives the activations the scale, and the zero point of asymmetric codes, of a range of values: every token is coded
// with them. Set `is_asymmetric` and `float8` before.
void nk_activations_give(nk_activations *activations, float lowest, float highest);

// Converts tokens [token_begin, token_end) of x[tokens][ld_x] into `activations`. Calls on
// disjoint ranges may run at once. Finite input is required for INT8 (NaN counts as 0,
// infinities as the largest finite float32).
typedef void (*nk_activations_fill_fn)(const nk_activations *activations, const float *x,
                                       size_t ld_x, size_t token_begin, size_t token_end);

void nk_activations_fill_generic(const nk_activations *activations, const float *x, size_t ld_x,
                                 size_t token_begin, size_t token_end);
void nk_activations_fill_avx2(const nk_activations *activations, const float *x, size_t ld_x,
                              size_t token_begin, size_t token_end);
void nk_activations_fill_avx512(const nk_activations *activations, const float *x, size_t ld_x,
                                size_t token_begin, size_t token_end);

// Some of the tokens, in the same storage: what kernels compute for a token does not depend on the others.
nk_activations nk_activations_part(const nk_activations *activations, size_t token_begin,
                                   size_t token_end);

// Turns what a kernel left for rows [row_begin, row_end) into outputs, in place:
// out[t * ld_out + row] = out * s - scale * zero * row_sums[row] + bias[row], s the token's scale for 8-bit floats and
// 1 otherwise. `row_sums`, the sums of the weights of each row, may be null when no token has a zero point, `bias` when
// there is none.
void nk_linear_finish(const nk_activations *activations, const float *row_sums,
                      const float *bias, size_t row_begin, size_t row_end, float *out,
                      size_t ld_out);

// Writes the largest magnitude of columns [col_begin, col_end) of x[tokens][ld_x] to maxima[col]; NaN counts as 0.
typedef void (*nk_column_maxima_fn)(const float *x, size_t ld_x, size_t tokens, size_t col_begin,
                                    size_t col_end, float *maxima);

void nk_column_maxima_generic(const float *x, size_t ld_x, size_t tokens, size_t col_begin,
                              size_t col_end, float *maxima);
void nk_column_maxima_avx2(const float *x, size_t ld_x, size_t tokens, size_t col_begin,
                           size_t col_end, float *maxima);
void nk_column_maxima_avx512(const float *x, size_t ld_x, size_t tokens, size_t col_begin,
                             size_t col_end, float *maxima);

// Writes the smallest and largest value, or 0, of tokens [token_begin, token_end) of x[tokens][ld_x] to lowest[token]
// and highest[token]; NaN counts as 0, infinities as the largest finite numbers.
typedef void (*nk_token_ranges_fn)(const float *x, size_t ld_x, size_t cols, size_t token_begin,
                                   size_t token_end, float *lowest, float *highest);

void nk_token_ranges_generic(const float *x, size_t ld_x, size_t cols, size_t token_begin,
                             size_t token_end, float *lowest, float *highest);
void nk_token_ranges_avx2(const float *x, size_t ld_x, size_t cols, size_t token_begin,
                          size_t token_end, float *lowest, float *highest);
void nk_token_ranges_avx512(const float *x, size_t ld_x, size_t cols, size_t token_begin,
                            size_t token_end, float *lowest, float *highest);

// Copies columns of tokens [token_begin, token_end) of x[tokens][ld_x] to F32 activations of as many columns.
void nk_activations_gather(const nk_activations *activations, const float *x, size_t ld_x,
                           const uint32_t *columns, size_t token_begin, size_t token_end);

// Bytes of scratch a call of any kernel needs for these weights, whatever the tokens and
// whatever the alignment; each thread needs its own. Never 0.
size_t nk_linear_scratch_bytes(const nk_linear_weight *weight, nk_activation_kind kind);

// Computes the rows of panels [panel_begin, panel_end) for all tokens:
// out[t * ld_out + row], rows beyond weight->rows are not written. The activations have
// weight->cols columns. Nothing outside `out` and `scratch` is written.
typedef void (*nk_linear_fn)(const nk_linear_weight *weight, size_t panel_begin,
                             size_t panel_end, const nk_activations *activations, float *out,
                             size_t ld_out, void *scratch);

#define NK_DECLARE_LINEAR(name)                                                              \
  void name##_generic(const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,  \
                      const nk_activations *activations, float *out, size_t ld_out,          \
                      void *scratch);                                                        \
  void name##_avx2(const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,     \
                   const nk_activations *activations, float *out, size_t ld_out,             \
                   void *scratch);                                                           \
  void name##_avx512(const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,   \
                     const nk_activations *activations, float *out, size_t ld_out,           \
                     void *scratch)

// Weights x activations. The _avx2 and _avx512 functions need nk_provider_supported(); on CPUs
// other than x86-64 they are the generic ones.
NK_DECLARE_LINEAR(nk_linear_f32_f32);
NK_DECLARE_LINEAR(nk_linear_bf16_bf16);
NK_DECLARE_LINEAR(nk_linear_int8_bf16);
NK_DECLARE_LINEAR(nk_linear_int4_bf16);
NK_DECLARE_LINEAR(nk_linear_int3_bf16);
NK_DECLARE_LINEAR(nk_linear_int2_bf16);
NK_DECLARE_LINEAR(nk_linear_e4m3_bf16);
NK_DECLARE_LINEAR(nk_linear_e5m2_bf16);
NK_DECLARE_LINEAR(nk_linear_int8_int8);
NK_DECLARE_LINEAR(nk_linear_int4_int8);
NK_DECLARE_LINEAR(nk_linear_int3_int8);
NK_DECLARE_LINEAR(nk_linear_int2_int8);

#undef NK_DECLARE_LINEAR

// Bytes of scratch for nk_linear_add_columns() of `panels` panels; 0 if the size overflows.
size_t nk_linear_columns_scratch_bytes(size_t count, size_t tokens, size_t panels);

// Adds some columns' share of the rows of panels [panel_begin, panel_end) in float32:
// out[t * ld_out + row] += sum over j < count of x[t][j] * W[row][columns[j]]. `gathered` are F32 activations of
// `count` columns, `multiply` a version of nk_linear_f32_f32. Weights of any kind; ascending columns.
void nk_linear_add_columns(const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,
                           const uint32_t *columns, size_t count,
                           const nk_activations *gathered, nk_linear_fn multiply, float *out,
                           size_t ld_out, void *scratch);

#ifdef __cplusplus
}
#endif
#endif

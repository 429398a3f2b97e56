// Calibration algebra: rank updates of matrices in panels, the inverse factor of a small matrix, and
// GPTQ's rounding of a block of columns.
//
// A panel is a run of columns of a matrix, stored row by row: [rows][NK_PANEL_FLOATS] of float32 or
// [rows][NK_PANEL_DOUBLES] of float64. Kernels work on strips of NK_STRIP rows of it. A result
// depends on the version (generic, _avx2, _avx512) alone, never on how strips are shared out.
#ifndef NK_CALIBRATION_H
#define NK_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  NK_STRIP = 8,
  NK_PANEL_FLOATS = 48,
  NK_PANEL_DOUBLES = 24,
};

#if defined(__x86_64__)
#define NK_VERSIONS(type, name, arguments) \
  type name##_generic arguments;           \
  type name##_avx2 arguments;              \
  type name##_avx512 arguments;
#else
#define NK_VERSIONS(type, name, arguments) type name##_generic arguments;
#endif

// c[strip][i][j] += sign * sum over k < depth of a[strip * a_strip + k * a_step + i] * b[k][j]
//
// for i < NK_STRIP and the j of a panel; sign is 1 or -1. c: [strips][NK_STRIP][panel], b:
// [depth][panel]; a_step and a_strip are elements. The sum is taken in the order of k, from zero.
NK_VERSIONS(void, nk_panel_update_f32,
            (size_t strips, size_t depth, const float *a, size_t a_step, size_t a_strip,
             const float *b, float sign, float *c))
NK_VERSIONS(void, nk_panel_update_f64,
            (size_t strips, size_t depth, const double *a, size_t a_step, size_t a_strip,
             const double *b, double sign, double *c))

// Replaces the lower triangle of a symmetric matrix A by the inverse of its Cholesky factor L, A = L L^T,
// and what is above the diagonal by zeros. a: [size][size]; row: scratch, [size].
//
// Returns 1, or 0 where A is not positive definite, with `a` half done.
NK_VERSIONS(int, nk_inverse_factor_f64, (double *a, size_t size, double *row))

// A block of columns that GPTQ rounds in NK_PANEL_FLOATS rows at a time, one row a lane.
//
// U is upper triangular, in panels of NK_STRIP columns that end with their last row: panel p is
// [NK_STRIP * (p + 1)][NK_STRIP], the panels lie one after the other.
typedef struct nk_gptq_block {
  // The columns, positions in the order of rounding.
  size_t begin, end;
  // [columns][lanes]; columns of the block mean nothing afterwards.
  float *values;
  const float *inverse;
  // The group of each position.
  const uint32_t *groups;
  // [groups][lanes]; a code stands for scale * (code - zero).
  const float *scales, *zeros;
  // The largest code.
  float steps;
  // Codes are round(value / scale) + offset, clipped: offset is the zero point or, where `middle` is not
  // negative, `middle`, with the rest of the zero point added before rounding.
  float middle;
  // Out: (value - rounded) / U[c][c], [end - begin][lanes].
  float *errors;
  // Out: [end - begin][lanes].
  uint8_t *codes;
  // Half the squares of the errors are added; [lanes].
  double *losses;
} nk_gptq_block;

// Rounds the columns of the block one after the other and takes each one's error, times U, out of the
// columns after it in the block. All versions give the same bits.
NK_VERSIONS(void, nk_gptq_round, (const nk_gptq_block *block))

// The first element of panel `p` of U, see nk_gptq_block.
static inline size_t nk_gptq_panel(size_t p) { return NK_STRIP * NK_STRIP * (p * (p + 1) / 2); }

#undef NK_VERSIONS

#ifdef __cplusplus
}
#endif
#endif

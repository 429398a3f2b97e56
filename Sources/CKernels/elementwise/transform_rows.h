// The body of nk_transform_rows, compiled once for each set of instructions. Products and sums are
// rounded one by one in the same order, so that all versions give the same bits.
#ifndef TRANSFORM_ROWS_H
#define TRANSFORM_ROWS_H

#include <string.h>

#include "kernel_build.h"
#include "nk_attention.h"

#pragma clang fp contract(off)

// 16 numbers, in as many registers as the instructions need.
typedef float floats16 __attribute__((vector_size(64)));

enum { TRANSFORM_ROWS = 4, TRANSFORM_COLUMNS = 32 };

// `rows` rows times 32 columns of the matrix.
ALWAYS_INLINE void transform_tile(const float *matrix, ptrdiff_t columns, int32_t count, const float *x,
                           ptrdiff_t stride, int rows, float *out, ptrdiff_t out_stride) {
  floats16 sum[TRANSFORM_ROWS][2];
  for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (floats16){0};
  for (int32_t k = 0; k < count; k++) {
    floats16 m[2];
    memcpy(m, matrix + k * columns, sizeof m);
    for (int r = 0; r < rows; r++) {
      const float factor = x[r * stride + k];
      sum[r][0] += m[0] * factor;
      sum[r][1] += m[1] * factor;
    }
  }
  for (int r = 0; r < rows; r++) memcpy(out + r * out_stride, sum[r], sizeof sum[r]);
}

ALWAYS_INLINE void transform_rows(const float *matrix, int32_t count, int32_t columns, const float *x,
                           ptrdiff_t stride, int32_t rows, float *out, ptrdiff_t out_stride) {
  for (int32_t r = 0; r < rows; r += TRANSFORM_ROWS) {
    const int left = rows - r < TRANSFORM_ROWS ? rows - r : TRANSFORM_ROWS;
    const float *from = x + r * stride;
    float *to = out + r * out_stride;
    int32_t c = 0;
    for (; c + TRANSFORM_COLUMNS <= columns; c += TRANSFORM_COLUMNS) {
      if (left == TRANSFORM_ROWS) {
        transform_tile(matrix + c, columns, count, from, stride, TRANSFORM_ROWS, to + c,
                       out_stride);
      } else {
        for (int i = 0; i < left; i++) {
          transform_tile(matrix + c, columns, count, from + i * stride, stride, 1,
                         to + i * out_stride + c, out_stride);
        }
      }
    }
    for (; c < columns; c++) {
      for (int i = 0; i < left; i++) {
        float sum = 0;
        for (int32_t k = 0; k < count; k++) sum += matrix[k * columns + c] * from[i * stride + k];
        to[i * out_stride + c] = sum;
      }
    }
  }
}

#endif

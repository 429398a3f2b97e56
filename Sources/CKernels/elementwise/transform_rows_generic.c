// Rows of numbers times a matrix, in plain C.
#include "transform_rows.h"

void nk_transform_rows_generic(const float *matrix, int32_t count, int32_t columns, const float *x,
                          ptrdiff_t stride, int32_t rows, float *out, ptrdiff_t out_stride) {
  transform_rows(matrix, count, columns, x, stride, rows, out, out_stride);
}

// Rows of numbers times a matrix, with AVX-512.
#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#include "transform_rows.h"

void nk_transform_rows_avx512(const float *matrix, int32_t count, int32_t columns, const float *x,
                          ptrdiff_t stride, int32_t rows, float *out, ptrdiff_t out_stride) {
  transform_rows(matrix, count, columns, x, stride, rows, out, out_stride);
}

#pragma clang attribute pop
#endif

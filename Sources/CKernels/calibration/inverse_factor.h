// The inverse factor of a small matrix, for inverse_factor_generic.c and the like, which say NAME and
// TARGET.
//
// Factor and inverse grow in one sweep and in one place: before step k, columns from k on hold what is
// left of A, the ones before it what is there of the inverse. A step takes the same multiple of one row
// from both.
#include <math.h>

#include "nk_calibration.h"

TARGET int NAME(nk_inverse_factor_f64)(double *a, size_t size, double *row) {
  for (size_t k = 0; k < size; k++) {
    double *pivot = a + k * size;
    // Not a number fails too.
    if (!(pivot[k] > 0) || isinf(pivot[k])) return 0;
    const double inverse = 1 / sqrt(pivot[k]);
    for (size_t j = 0; j < k; j++) row[j] = pivot[j] *= inverse;
    for (size_t j = k + 1; j < size; j++) {
      row[j] = a[j * size + k] * inverse;
      a[j * size + k] = 0;
      pivot[j] = 0;
    }
    row[k] = pivot[k] = inverse;
    for (size_t i = k + 1; i < size; i++) {
      double *to = a + i * size;
      const double factor = row[i];
      for (size_t j = 0; j <= i; j++) to[j] -= factor * row[j];
    }
  }
  return 1;
}

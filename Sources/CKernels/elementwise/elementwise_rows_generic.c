// Reductions over one row in plain C: extremes, log-sum-exp, layer error sums, divergence of two
// rows of logits.
#include <math.h>

#include "nk_elementwise.h"

size_t nk_argmax_generic(const float *x, size_t count) {
  size_t best = 0;
  int found = 0;
  for (size_t i = 0; i < count; i++) {
    if (x[i] != x[i] || (found && x[i] <= x[best])) continue;
    best = i;
    found = 1;
  }
  return best;
}

double nk_log_sum_exp_generic(const float *x, size_t count) {
  float largest = -INFINITY;
  for (size_t i = 0; i < count; i++) largest = fmaxf(largest, x[i]);
  if (largest == -INFINITY) return -INFINITY;
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += expf(x[i] - largest);
  return (double)largest + log(sum);
}

nk_error_sums nk_compare_generic(const float *a, const float *b, size_t count) {
  nk_error_sums sums = {0, 0, 0};
  for (size_t i = 0; i < count; i++) {
    const double x = a[i], y = b[i];
    sums.squared_error += (x - y) * (x - y);
    sums.squared_reference += x * x;
    sums.dot += x * y;
  }
  return sums;
}

nk_kl_result nk_kl_row_generic(const float *base, const float *other, size_t count, size_t target) {
  const double base_lse = nk_log_sum_exp_generic(base, count);
  const double other_lse = nk_log_sum_exp_generic(other, count);
  double kl = 0;
  for (size_t i = 0; i < count; i++) {
    const double log_base = (double)base[i] - base_lse;
    if (log_base <= -16.0) continue;
    kl += (double)expf((float)log_base) * (log_base - ((double)other[i] - other_lse));
  }
  nk_kl_result result = {0};
  result.kl = kl;
  result.base_nll = base_lse - (double)base[target];
  result.other_nll = other_lse - (double)other[target];
  result.base_target_probability = exp(-result.base_nll);
  result.other_target_probability = exp(-result.other_nll);
  result.base_top = (uint32_t)nk_argmax_generic(base, count);
  result.other_top = (uint32_t)nk_argmax_generic(other, count);
  result.same_top = result.base_top == result.other_top;
  return result;
}

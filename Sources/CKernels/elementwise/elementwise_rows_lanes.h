// The SIMD versions of softmax and of the reductions over one row, written once in terms of lanes.
//
// Included after elementwise_lanes.h by one source file per instruction set.
#ifndef ELEMENTWISE_ROWS_LANES_H
#define ELEMENTWISE_ROWS_LANES_H

#include "elementwise_lanes.h"

// Largest element; NaN is passed over. -inf when there is none.
LANES_INLINE float largest_of(const float *x, size_t count) {
  lanes a = lanes_set(-INFINITY), b = a;
  size_t i = 0;
  for (; i + 2 * LANES <= count; i += 2 * LANES) {
    a = lanes_max(lanes_load(x + i), a);
    b = lanes_max(lanes_load(x + i + LANES), b);
  }
  float largest = lanes_largest(lanes_max(a, b));
  for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// Sum of e^(x - shift) in double; stores the exponentials if `out` is not null.
LANES_INLINE double exponential_sum(const float *x, float shift, float *out, size_t count) {
  const lanes s = lanes_set(shift);
  lanes_double sum = lanes_double_zero();
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    lanes e = exponential(lanes_sub(lanes_load(x + i), s));
    if (out) lanes_store(out + i, e);
    sum = lanes_double_add(sum, lanes_widen(e));
  }
  if (i < count) {
    const size_t n = count - i;
    lanes e = exponential(lanes_sub(lanes_load_part(x + i, n), s));
    e = lanes_keep(lanes_first(n), e);
    if (out) lanes_store_part(out + i, e, n);
    sum = lanes_double_add(sum, lanes_widen(e));
  }
  return lanes_double_sum(sum);
}

LANES_TARGET
size_t VERSION(nk_argmax)(const float *x, size_t count) {
  const float largest = largest_of(x, count);
  const lanes l = lanes_set(largest);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const uint32_t found = lanes_equal_bits(lanes_load(x + i), l);
    if (found) return i + (size_t)__builtin_ctz(found);
  }
  for (; i < count; i++) {
    if (x[i] == largest) return i;
  }
  return 0;
}

LANES_TARGET
double VERSION(nk_log_sum_exp)(const float *x, size_t count) {
  const float largest = largest_of(x, count);
  if (largest == -INFINITY) return -INFINITY;
  return (double)largest + log(exponential_sum(x, largest, 0, count));
}

LANES_TARGET
nk_error_sums VERSION(nk_compare)(const float *a, const float *b, size_t count) {
  lanes_double error = lanes_double_zero(), reference = error, dot = error;
  for (size_t i = 0; i < count; i += LANES) {
    const size_t n = count - i;
    lanes_double x = lanes_widen(n < LANES ? lanes_load_part(a + i, n) : lanes_load(a + i));
    lanes_double y = lanes_widen(n < LANES ? lanes_load_part(b + i, n) : lanes_load(b + i));
    lanes_double difference = lanes_double_sub(x, y);
    error = lanes_double_fma(difference, difference, error);
    reference = lanes_double_fma(x, x, reference);
    dot = lanes_double_fma(x, y, dot);
  }
  return (nk_error_sums){lanes_double_sum(error), lanes_double_sum(reference),
                         lanes_double_sum(dot)};
}

LANES_TARGET
nk_kl_result VERSION(nk_kl_row)(const float *base, const float *other, size_t count,
                                size_t target) {
  const double base_lse = VERSION(nk_log_sum_exp)(base, count);
  const double other_lse = VERSION(nk_log_sum_exp)(other, count);
  const lanes shift = lanes_set((float)base_lse), least = lanes_set(-16.0f);
  // sum p (log p - log q) = sum p (base - other) - (lse_base - lse_other) sum p.
  lanes_double weighted = lanes_double_zero(), mass = weighted;
  for (size_t i = 0; i < count; i += LANES) {
    const size_t n = count - i;
    lanes b = n < LANES ? lanes_load_part(base + i, n) : lanes_load(base + i);
    lanes o = n < LANES ? lanes_load_part(other + i, n) : lanes_load(other + i);
    lanes log_base = lanes_sub(b, shift);
    lanes_mask counted = lanes_above(log_base, least);
    if (n < LANES) counted = lanes_both(counted, lanes_first(n));
    lanes_double p = lanes_widen(lanes_keep(counted, exponential(log_base)));
    // A token without mass adds nothing, whatever the other row says about it.
    lanes_double difference = lanes_double_sub(lanes_widen(lanes_keep(counted, b)),
                                               lanes_widen(lanes_keep(counted, o)));
    weighted = lanes_double_fma(p, difference, weighted);
    mass = lanes_double_add(mass, p);
  }
  nk_kl_result result = {0};
  result.kl = lanes_double_sum(weighted) - (base_lse - other_lse) * lanes_double_sum(mass);
  result.base_nll = base_lse - (double)base[target];
  result.other_nll = other_lse - (double)other[target];
  result.base_target_probability = exp(-result.base_nll);
  result.other_target_probability = exp(-result.other_nll);
  result.base_top = (uint32_t)VERSION(nk_argmax)(base, count);
  result.other_top = (uint32_t)VERSION(nk_argmax)(other, count);
  result.same_top = result.base_top == result.other_top;
  return result;
}

#endif

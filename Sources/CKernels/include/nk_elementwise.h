// Norms, activations, conversions, row reductions: everything in a forward pass that is not a
// matrix product.
//
// Every function has a generic version in plain C and, on x86-64, _avx2 (AVX2, FMA, F16C) and
// _avx512 (F, BW, VL, DQ) versions of the same signature. Counts are elements, strides are elements
// of the pointed-to type. Any count is good, pointers need no alignment, and `out` may be the input
// itself unless said otherwise. Results are deterministic: they depend on the version and the
// count, never on alignment.
#ifndef NK_ELEMENTWISE_H
#define NK_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__x86_64__)
#define NK_VERSIONS(type, name, arguments) \
  type name##_generic arguments;           \
  type name##_avx2 arguments;              \
  type name##_avx512 arguments;
#else
#define NK_VERSIONS(type, name, arguments) type name##_generic arguments;
#endif

// ---- Norms ----

// out = x / sqrt(mean(x^2) + epsilon) * weight, row by row. x, out: [rows, columns]; weight:
// [columns] or null for ones.
NK_VERSIONS(void, nk_rms_norm,
            (const float *x, ptrdiff_t x_stride, const float *weight, float epsilon,
             float *out, ptrdiff_t out_stride, size_t rows, size_t columns))

// residual += delta, then out = rms_norm(residual). residual, delta, out: [rows, columns]; out is
// not residual.
NK_VERSIONS(void, nk_add_rms_norm,
            (float *residual, ptrdiff_t residual_stride, const float *delta, ptrdiff_t delta_stride,
             const float *weight, float epsilon, float *out, ptrdiff_t out_stride,
             size_t rows, size_t columns))

// rms_norm of each head in place. x: [tokens, heads, head_dim]; weight: [head_dim], shared by the
// heads.
NK_VERSIONS(void, nk_head_rms_norm,
            (float *x, ptrdiff_t token_stride, ptrdiff_t head_stride, size_t tokens, size_t heads,
             size_t head_dim, const float *weight, float epsilon))

// ---- Position ----

// Rotary embedding in the rotate-half convention, in place, over the first rotary_dim (even)
// channels of each head. x: [tokens, heads, head_dim]; cosine, sine: [positions, rotary_dim / 2];
// token i uses the row position + i.
NK_VERSIONS(void, nk_rope,
            (float *x, ptrdiff_t token_stride, ptrdiff_t head_stride, size_t tokens, size_t heads,
             size_t rotary_dim, const float *cosine, const float *sine, size_t position))

// ---- Activations and arithmetic ----

// out = gate / (1 + exp(-gate)) * up. All [rows, columns].
NK_VERSIONS(void, nk_swiglu,
            (const float *gate, ptrdiff_t gate_stride, const float *up, ptrdiff_t up_stride,
             float *out, ptrdiff_t out_stride, size_t rows, size_t columns))

NK_VERSIONS(void, nk_add, (const float *a, const float *b, float *out, size_t count))

// ---- Conversion, rounded to nearest even; NaN stays NaN. out must not overlap the input. ----

NK_VERSIONS(void, nk_f32_to_bf16, (const float *x, uint16_t *out, size_t count))

// ---- Reductions over one row ----

// Index of the largest element, the first of equals; NaN never wins. 0 when count is 0 or nothing
// but NaN.
NK_VERSIONS(size_t, nk_argmax, (const float *x, size_t count))

// log(sum(exp(x))), exponentials in float32, sum in double. -inf when count is 0.
NK_VERSIONS(double, nk_log_sum_exp, (const float *x, size_t count))

// sum((a - b)^2), sum(a^2) and sum(a b). Accurate as a sum in double.
typedef struct nk_error_sums {
  double squared_error;
  double squared_reference;  // of a
  double dot;
} nk_error_sums;
NK_VERSIONS(nk_error_sums, nk_compare, (const float *a, const float *b, size_t count))

// What one position says about a model `other` against a model `base`, from their logits over the
// same vocabulary.
typedef struct nk_kl_result {
  double kl;         // sum p_base (log p_base - log p_other) where log p_base > -16; nats
  double base_nll;   // -log p_base(target)
  double other_nll;  // -log p_other(target)
  double base_target_probability;
  double other_target_probability;
  uint32_t base_top;   // argmax, first of equals
  uint32_t other_top;
  int32_t same_top;    // 1 or 0
  int32_t reserved;
} nk_kl_result;

// base, other: [count], count > 0, target < count.
NK_VERSIONS(nk_kl_result, nk_kl_row,
            (const float *base, const float *other, size_t count, size_t target))

#undef NK_VERSIONS

#ifdef __cplusplus
}
#endif
#endif

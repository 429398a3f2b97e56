// The kernels of block types by name: nk_linear_TYPE_ACTIVATIONS_PROVIDER.
#ifndef BLOCK_KERNELS_H
#define BLOCK_KERNELS_H

#include "nk_blocks.h"

// Calls ENTRY(name, kind) for every block type.
#define FOR_BLOCK_TYPES(ENTRY)       \
  ENTRY(q8_0, NK_WEIGHT_Q8_0)        \
  ENTRY(q4_0, NK_WEIGHT_Q4_0)        \
  ENTRY(q4_1, NK_WEIGHT_Q4_1)        \
  ENTRY(q5_0, NK_WEIGHT_Q5_0)        \
  ENTRY(q5_1, NK_WEIGHT_Q5_1)        \
  ENTRY(q4_k, NK_WEIGHT_Q4_K)        \
  ENTRY(q5_k, NK_WEIGHT_Q5_K)        \
  ENTRY(q6_k, NK_WEIGHT_Q6_K)        \
  ENTRY(iq4_nl, NK_WEIGHT_IQ4_NL)    \
  ENTRY(mxfp4, NK_WEIGHT_MXFP4)

#define DECLARE_BLOCK_KERNEL(name)                                                         \
  void name(const nk_linear_weight *weight, size_t panel_begin, size_t panel_end,          \
            const nk_activations *activations, float *out, size_t ld_out, void *scratch);
#define DECLARE_BLOCK_KERNELS(name, kind)               \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_bf16_generic) \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_bf16_avx2)    \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_bf16_avx512)  \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_int8g32_generic) \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_int8g32_avx2)    \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_int8g32_avx512)  \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_int16g32_generic) \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_int16g32_avx2)    \
  DECLARE_BLOCK_KERNEL(nk_linear_##name##_int16g32_avx512)

FOR_BLOCK_TYPES(DECLARE_BLOCK_KERNELS)

#undef DECLARE_BLOCK_KERNELS
#undef DECLARE_BLOCK_KERNEL

#endif

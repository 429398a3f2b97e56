// Which function is the kernel of a block type.
#include "block_kernels.h"

static nk_linear_fn chosen(nk_provider provider, nk_linear_fn generic, nk_linear_fn avx2,
                           nk_linear_fn avx512) {
  switch (provider) {
    case NK_PROVIDER_AVX2: return avx2;
    case NK_PROVIDER_AVX512: return avx512;
    default: return generic;
  }
}

#if defined(__x86_64__)
#define VERSIONS(name) name##_generic, name##_avx2, name##_avx512
#else
#define VERSIONS(name) name##_generic, NULL, NULL
#endif

nk_linear_fn nk_block_linear(nk_weight_kind kind, nk_activation_kind activation,
                             nk_provider provider) {
  switch (kind) {
#define ENTRY(name, kind)                                                          \
  case kind:                                                                       \
    switch (activation) {                                                          \
      case NK_ACTIVATION_BF16:                                                     \
        return chosen(provider, VERSIONS(nk_linear_##name##_bf16));                \
      case NK_ACTIVATION_INT8_BLOCKS:                                              \
        return chosen(provider, VERSIONS(nk_linear_##name##_int8g32));             \
      case NK_ACTIVATION_INT16_BLOCKS:                                             \
        return chosen(provider, VERSIONS(nk_linear_##name##_int16g32));            \
      default: return NULL;                                                        \
    }
    FOR_BLOCK_TYPES(ENTRY)
#undef ENTRY
    default: return NULL;
  }
}

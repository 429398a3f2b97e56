// What this CPU can run: instruction set features and the kernel sets ("providers") built on them.
#ifndef NK_CPU_H
#define NK_CPU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A provider is a complete set of kernels for one instruction set level.
typedef enum nk_provider : int32_t {
  // Portable C, any CPU: the reference the other providers are tested against.
  NK_PROVIDER_GENERIC = 0,
  // AVX2 + FMA + F16C.
  NK_PROVIDER_AVX2 = 1,
  // AVX-512 F, BW, VL, DQ + VNNI + BF16.
  NK_PROVIDER_AVX512 = 2,
} nk_provider;

// Bits of nk_cpu_features(). A bit is set only if the operating system saves the registers it needs.
typedef enum nk_cpu_feature : uint32_t {
  NK_CPU_AVX2 = 1u << 0,
  NK_CPU_FMA = 1u << 1,
  NK_CPU_F16C = 1u << 2,
  NK_CPU_AVX512F = 1u << 3,
  NK_CPU_AVX512BW = 1u << 4,
  NK_CPU_AVX512VL = 1u << 5,
  NK_CPU_AVX512DQ = 1u << 6,
  NK_CPU_AVX512VNNI = 1u << 7,
  NK_CPU_AVX512BF16 = 1u << 8,
  NK_CPU_AVX512VBMI = 1u << 9,
  NK_CPU_AVX512FP16 = 1u << 10,
  NK_CPU_AVXVNNI = 1u << 11,
  NK_CPU_AMX_INT8 = 1u << 12,
  NK_CPU_AMX_BF16 = 1u << 13,
} nk_cpu_feature;

// Feature bits of the CPU this runs on; 0 on anything but x86-64.
uint32_t nk_cpu_features(void);

// 1 if every kernel of `provider` can run here, else 0. GENERIC always can.
int nk_provider_supported(nk_provider provider);

#ifdef __cplusplus
}
#endif
#endif

#include "nk_cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>

enum {
  AVX_STATE = 0x06,     // xmm and ymm saved by the operating system
  AVX512_STATE = 0xe6,  // and the mask registers and zmm
  AMX_STATE = 0x60000,  // and the tile configuration and data
};

static uint64_t saved_register_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

static uint32_t bit_if(uint32_t word, int position, nk_cpu_feature feature) {
  return ((word >> position) & 1) ? (uint32_t)feature : 0;
}

uint32_t nk_cpu_features(void) {
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return 0;
  const int has_xsave = (ecx >> 27) & 1, has_avx = (ecx >> 28) & 1;
  if (!has_xsave || !has_avx) return 0;
  const uint64_t saved = saved_register_state();
  if ((saved & AVX_STATE) != AVX_STATE) return 0;

  uint32_t features = bit_if(ecx, 12, NK_CPU_FMA) | bit_if(ecx, 29, NK_CPU_F16C);
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return features;
  const uint32_t last_subleaf = eax;
  features |= bit_if(ebx, 5, NK_CPU_AVX2);
  const int zmm = (saved & AVX512_STATE) == AVX512_STATE;
  const int tiles = (saved & AMX_STATE) == AMX_STATE;
  if (zmm) {
    features |= bit_if(ebx, 16, NK_CPU_AVX512F) | bit_if(ebx, 17, NK_CPU_AVX512DQ);
    features |= bit_if(ebx, 30, NK_CPU_AVX512BW) | bit_if(ebx, 31, NK_CPU_AVX512VL);
    features |= bit_if(ecx, 1, NK_CPU_AVX512VBMI) | bit_if(ecx, 11, NK_CPU_AVX512VNNI);
    features |= bit_if(edx, 23, NK_CPU_AVX512FP16);
  }
  if (tiles) features |= bit_if(edx, 22, NK_CPU_AMX_BF16) | bit_if(edx, 25, NK_CPU_AMX_INT8);
  if (last_subleaf >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) {
    features |= bit_if(eax, 4, NK_CPU_AVXVNNI);
    if (zmm) features |= bit_if(eax, 5, NK_CPU_AVX512BF16);
  }
  return features;
}

int nk_provider_supported(nk_provider provider) {
  uint32_t needed = 0;
  switch (provider) {
    case NK_PROVIDER_GENERIC: return 1;
    case NK_PROVIDER_AVX2: needed = NK_CPU_AVX2 | NK_CPU_FMA | NK_CPU_F16C; break;
    case NK_PROVIDER_AVX512:
      needed = NK_CPU_AVX2 | NK_CPU_FMA | NK_CPU_F16C | NK_CPU_AVX512F | NK_CPU_AVX512BW |
               NK_CPU_AVX512VL | NK_CPU_AVX512DQ | NK_CPU_AVX512VNNI | NK_CPU_AVX512BF16;
      break;
    default: return 0;
  }
  return (nk_cpu_features() & needed) == needed;
}

#else

uint32_t nk_cpu_features(void) { return 0; }

int nk_provider_supported(nk_provider provider) { return provider == NK_PROVIDER_GENERIC; }

#endif

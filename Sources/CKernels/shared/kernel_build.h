// What kernels ask of the compiler: the instruction sets of a version, inlining, unrolling.
#ifndef KERNEL_BUILD_H
#define KERNEL_BUILD_H

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// Before a loop whose count is a constant once its function is inlined.
#define UNROLL _Pragma("clang loop unroll(full)")

#if defined(__x86_64__)
// Of functions that run where nk_provider_supported() says so of NK_PROVIDER_AVX2.
#define TARGET_AVX2 __attribute__((target("avx2,fma,f16c,bmi,bmi2")))
// The same of NK_PROVIDER_AVX512.
#define TARGET_AVX512                                                                             \
  __attribute__((target("avx2,fma,f16c,bmi,bmi2,prfchw,avx512f,avx512bw,avx512vl,avx512dq,"      \
                        "avx512vnni,avx512bf16")))
#endif

#endif

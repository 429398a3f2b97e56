// Probes of what this machine can do: read bandwidth and the rates of the multiply-add instructions
// the kernels use.
//
// Each call does a fixed amount of work and says how much; the caller times slices of it. The
// checksum keeps the compiler from removing the work and means nothing else.
#ifndef NK_PROBE_H
#define NK_PROBE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nk_probe_result {
  uint64_t operations;  // multiplications plus additions done; bytes for the read probe
  double checksum;
} nk_probe_result;

typedef nk_probe_result (*nk_probe_read_fn)(const void *buffer, size_t bytes);
typedef nk_probe_result (*nk_probe_compute_fn)(uint64_t iterations);

// Declares the generic, AVX2 (AVX2 + FMA) and AVX-512 (F, BW, VNNI, BF16) versions of one probe.
#if defined(__x86_64__)
#define NK_PROBE_VERSIONS(name, arguments) \
  nk_probe_result name##_generic arguments; \
  nk_probe_result name##_avx2 arguments;    \
  nk_probe_result name##_avx512 arguments;
#else
#define NK_PROBE_VERSIONS(name, arguments) nk_probe_result name##_generic arguments;
#endif

// Reads `bytes` of `buffer` (64-byte aligned) once, front to back. A tail below 512 bytes is left
// out.
NK_PROBE_VERSIONS(nk_probe_read, (const void *buffer, size_t bytes))

// float32 fused multiply-add in registers.
NK_PROBE_VERSIONS(nk_probe_f32, (uint64_t iterations))

// bfloat16 products into float32: vdpbf16ps with AVX-512; shift and float32 FMA elsewhere.
NK_PROBE_VERSIONS(nk_probe_bf16, (uint64_t iterations))

// unsigned by signed int8 products into int32: vpdpbusd with AVX-512; vpmaddubsw and vpmaddwd with
// AVX2.
NK_PROBE_VERSIONS(nk_probe_int8, (uint64_t iterations))

// int16 products in pairs into int32, what blocks of GGUF files with INT16 inputs run on: vpdpwssd with AVX-512; vpmaddwd with
// AVX2.
NK_PROBE_VERSIONS(nk_probe_int16, (uint64_t iterations))

// The cores that the calling thread may run on, a bit each, and a change of them; 0 where the system refuses.
enum { NK_CORE_WORDS = 16 };
int32_t nk_thread_cores(uint64_t cores[NK_CORE_WORDS]);
int32_t nk_thread_bind(const uint64_t cores[NK_CORE_WORDS]);

#undef NK_PROBE_VERSIONS

#ifdef __cplusplus
}
#endif
#endif

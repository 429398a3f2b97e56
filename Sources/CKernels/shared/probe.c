// Probes of read bandwidth and multiply-add rates. The accumulators of each loop stay in registers;
// there are enough of them to cover the latency of the instruction: two vdpbf16ps a cycle that take six need more than 12.
#define _GNU_SOURCE
#include "nk_probe.h"

#include <sched.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define EVERY(n) _Pragma("clang loop unroll(full)") for (int i = 0; i < (n); i++)

enum { CHAINS = 12, WIDE_CHAINS = 16 };

int32_t nk_thread_cores(uint64_t cores[NK_CORE_WORDS]) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  memset(cores, 0, NK_CORE_WORDS * sizeof *cores);
  for (int core = 0; core < CPU_SETSIZE && core < NK_CORE_WORDS * 64; core++) {
    if (CPU_ISSET(core, &set)) cores[core / 64] |= UINT64_C(1) << core % 64;
  }
  return 1;
}

int32_t nk_thread_bind(const uint64_t cores[NK_CORE_WORDS]) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int core = 0; core < CPU_SETSIZE && core < NK_CORE_WORDS * 64; core++) {
    if (cores[core / 64] >> core % 64 & 1) CPU_SET(core, &set);
  }
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

nk_probe_result nk_probe_read_generic(const void *buffer, size_t bytes) {
  const unsigned char *p = buffer;
  const size_t blocks = bytes / 512;
  uint64_t sum[8] = {0};
  for (size_t b = 0; b < blocks; b++, p += 512) {
    for (int step = 0; step < 8; step++) {
      uint64_t words[8];
      memcpy(words, p + 64 * step, sizeof words);
      EVERY(8) sum[i] += words[i];
    }
  }
  uint64_t total = 0;
  EVERY(8) total += sum[i];
  return (nk_probe_result){blocks * 512, (double)total};
}

nk_probe_result nk_probe_f32_generic(uint64_t iterations) {
  float sum[CHAINS];
  const float factor = iterations == 1 ? 0.5f : 0.999f;
  EVERY(CHAINS) sum[i] = (float)i;
  for (uint64_t n = 0; n < iterations; n++) EVERY(CHAINS) sum[i] = sum[i] * factor + 0.25f;
  double total = 0;
  EVERY(CHAINS) total += (double)sum[i];
  return (nk_probe_result){iterations * CHAINS * 2, total};
}

nk_probe_result nk_probe_bf16_generic(uint64_t iterations) {
  // A bfloat16 is the upper half of a float32.
  float sum[CHAINS];
  uint32_t weight = iterations == 1 ? 0x3f000000u : 0x3f7f0000u;
  EVERY(CHAINS) sum[i] = (float)i;
  for (uint64_t n = 0; n < iterations; n++) {
    const uint32_t bits = (weight >> 16) << 16;
    float factor;
    memcpy(&factor, &bits, sizeof factor);
    weight ^= (uint32_t)n << 16 & 0x10000u;
    EVERY(CHAINS) sum[i] = sum[i] * factor + 0.25f;
  }
  double total = 0;
  EVERY(CHAINS) total += (double)sum[i];
  return (nk_probe_result){iterations * CHAINS * 2, total};
}

nk_probe_result nk_probe_int8_generic(uint64_t iterations) {
  int32_t sum[CHAINS] = {0};
  uint8_t weight = (uint8_t)iterations;
  for (uint64_t n = 0; n < iterations; n++) {
    weight = (uint8_t)(weight * 5 + 1);
    EVERY(CHAINS) sum[i] = (sum[i] & 0xffffff) + (int32_t)weight * (int8_t)(i - 6);
  }
  double total = 0;
  EVERY(CHAINS) total += sum[i];
  return (nk_probe_result){iterations * CHAINS * 2, total};
}

nk_probe_result nk_probe_int16_generic(uint64_t iterations) {
  int32_t sum[CHAINS] = {0};
  uint16_t weight = (uint16_t)iterations;
  for (uint64_t n = 0; n < iterations; n++) {
    weight = (uint16_t)(weight * 5 + 1);
    EVERY(CHAINS) sum[i] = (sum[i] & 0xffffff) + (int32_t)(int16_t)weight * (int16_t)(i - 6);
  }
  double total = 0;
  EVERY(CHAINS) total += sum[i];
  return (nk_probe_result){iterations * CHAINS * 2, total};
}

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

static inline double total_ps256(__m256 x) {
  float lanes[8];
  double total = 0;
  _mm256_storeu_ps(lanes, x);
  for (int i = 0; i < 8; i++) total += (double)lanes[i];
  return total;
}

nk_probe_result nk_probe_read_avx2(const void *buffer, size_t bytes) {
  const char *p = buffer;
  const size_t blocks = bytes / 512;
  __m256i sum[8];
  EVERY(8) sum[i] = _mm256_setzero_si256();
  for (size_t b = 0; b < blocks; b++, p += 512) {
    EVERY(8) sum[i] = _mm256_xor_si256(sum[i], _mm256_load_si256((const void *)(p + 32 * i)));
    EVERY(8) sum[i] = _mm256_xor_si256(sum[i], _mm256_load_si256((const void *)(p + 256 + 32 * i)));
  }
  for (int i = 1; i < 8; i++) sum[0] = _mm256_xor_si256(sum[0], sum[i]);
  uint64_t words[4], total = 0;
  _mm256_storeu_si256((void *)words, sum[0]);
  for (int i = 0; i < 4; i++) total |= words[i];
  return (nk_probe_result){blocks * 512, (double)total};
}

nk_probe_result nk_probe_f32_avx2(uint64_t iterations) {
  __m256 sum[CHAINS];
  const __m256 factor = _mm256_set1_ps(iterations == 1 ? 0.5f : 0.999f);
  const __m256 term = _mm256_set1_ps(0.25f);
  EVERY(CHAINS) sum[i] = _mm256_set1_ps((float)i);
  for (uint64_t n = 0; n < iterations; n++) {
    EVERY(CHAINS) sum[i] = _mm256_fmadd_ps(sum[i], factor, term);
  }
  double total = 0;
  EVERY(CHAINS) total += total_ps256(sum[i]);
  return (nk_probe_result){iterations * CHAINS * 8 * 2, total};
}

// Pairs of bfloat16: each half becomes a float32 by a shift or a mask, then FMA.
nk_probe_result nk_probe_bf16_avx2(uint64_t iterations) {
  __m256 sum[CHAINS];
  const __m256i upper = _mm256_set1_epi32((int)0xffff0000u);
  const __m256 factor = _mm256_set1_ps(iterations == 1 ? 0.5f : 0.999f);
  __m256i pair = _mm256_set1_epi32(0x3e803e80);
  EVERY(CHAINS) sum[i] = _mm256_set1_ps((float)i);
  for (uint64_t n = 0; n < iterations; n++) {
    __m256 odd = _mm256_castsi256_ps(_mm256_and_si256(pair, upper));
    __m256 even = _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16));
    EVERY(CHAINS / 2) sum[i] = _mm256_fmadd_ps(sum[i], factor, odd);
    EVERY(CHAINS / 2) sum[i + CHAINS / 2] = _mm256_fmadd_ps(sum[i + CHAINS / 2], factor, even);
    pair = _mm256_xor_si256(pair, _mm256_set1_epi32((int)(n & 1)));
  }
  double total = 0;
  EVERY(CHAINS) total += total_ps256(sum[i]);
  return (nk_probe_result){iterations * CHAINS * 8 * 2, total};
}

nk_probe_result nk_probe_int8_avx2(uint64_t iterations) {
  __m256i sum[CHAINS];
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i left = _mm256_set1_epi8((char)(iterations & 63));
  EVERY(CHAINS) sum[i] = _mm256_set1_epi32(i);
  for (uint64_t n = 0; n < iterations; n++) {
    EVERY(CHAINS) {
      // The sum takes part, so that no product can be hoisted out of the loop.
      __m256i products = _mm256_maddubs_epi16(left, sum[i]);
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(products, ones));
    }
  }
  __m256i all = sum[0];
  for (int i = 1; i < CHAINS; i++) all = _mm256_add_epi32(all, sum[i]);
  return (nk_probe_result){iterations * CHAINS * 32 * 2, (double)_mm256_extract_epi32(all, 0)};
}

nk_probe_result nk_probe_int16_avx2(uint64_t iterations) {
  __m256i sum[CHAINS];
  const __m256i left = _mm256_set1_epi16((short)(iterations & 63));
  EVERY(CHAINS) sum[i] = _mm256_set1_epi32(i);
  for (uint64_t n = 0; n < iterations; n++) {
    // The sum takes part, as above.
    EVERY(CHAINS) sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(left, sum[i]));
  }
  __m256i all = sum[0];
  for (int i = 1; i < CHAINS; i++) all = _mm256_add_epi32(all, sum[i]);
  return (nk_probe_result){iterations * CHAINS * 16 * 2, (double)_mm256_extract_epi32(all, 0)};
}

#pragma clang attribute pop

#pragma clang attribute push(                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma"))), \
    apply_to = function)

nk_probe_result nk_probe_read_avx512(const void *buffer, size_t bytes) {
  const char *p = buffer;
  const size_t blocks = bytes / 512;
  __m512i sum[8];
  EVERY(8) sum[i] = _mm512_setzero_si512();
  for (size_t b = 0; b < blocks; b++, p += 512) {
    EVERY(8) sum[i] = _mm512_xor_si512(sum[i], _mm512_load_si512(p + 64 * i));
  }
  for (int i = 1; i < 8; i++) sum[0] = _mm512_xor_si512(sum[0], sum[i]);
  return (nk_probe_result){blocks * 512, (double)(uint64_t)_mm512_reduce_or_epi64(sum[0])};
}

nk_probe_result nk_probe_f32_avx512(uint64_t iterations) {
  __m512 sum[WIDE_CHAINS];
  const __m512 factor = _mm512_set1_ps(iterations == 1 ? 0.5f : 0.999f);
  const __m512 term = _mm512_set1_ps(0.25f);
  EVERY(WIDE_CHAINS) sum[i] = _mm512_set1_ps((float)i);
  for (uint64_t n = 0; n < iterations; n++) {
    EVERY(WIDE_CHAINS) sum[i] = _mm512_fmadd_ps(sum[i], factor, term);
  }
  double total = 0;
  EVERY(WIDE_CHAINS) total += (double)_mm512_reduce_add_ps(sum[i]);
  return (nk_probe_result){iterations * WIDE_CHAINS * 16 * 2, total};
}

nk_probe_result nk_probe_bf16_avx512(uint64_t iterations) {
  __m512 sum[WIDE_CHAINS];
  const __m512bh left = (__m512bh)_mm512_set1_epi32((int)(0x3e803e80u + (iterations & 1)));
  const __m512bh right = (__m512bh)_mm512_set1_epi32(0x3d003d00);
  EVERY(WIDE_CHAINS) sum[i] = _mm512_set1_ps((float)i);
  for (uint64_t n = 0; n < iterations; n++) {
    EVERY(WIDE_CHAINS) sum[i] = _mm512_dpbf16_ps(sum[i], left, right);
  }
  double total = 0;
  EVERY(WIDE_CHAINS) total += (double)_mm512_reduce_add_ps(sum[i]);
  return (nk_probe_result){iterations * WIDE_CHAINS * 32 * 2, total};
}

nk_probe_result nk_probe_int8_avx512(uint64_t iterations) {
  __m512i sum[WIDE_CHAINS];
  const __m512i left = _mm512_set1_epi8((char)(iterations & 127));
  const __m512i right = _mm512_set1_epi8(3);
  EVERY(WIDE_CHAINS) sum[i] = _mm512_set1_epi32(i);
  for (uint64_t n = 0; n < iterations; n++) {
    EVERY(WIDE_CHAINS) sum[i] = _mm512_dpbusd_epi32(sum[i], left, right);
  }
  __m512i all = sum[0];
  for (int i = 1; i < WIDE_CHAINS; i++) all = _mm512_add_epi32(all, sum[i]);
  return (nk_probe_result){iterations * WIDE_CHAINS * 64 * 2, (double)_mm512_reduce_add_epi32(all)};
}

nk_probe_result nk_probe_int16_avx512(uint64_t iterations) {
  __m512i sum[WIDE_CHAINS];
  const __m512i left = _mm512_set1_epi16((short)(iterations & 127));
  const __m512i right = _mm512_set1_epi16(3);
  EVERY(WIDE_CHAINS) sum[i] = _mm512_set1_epi32(i);
  for (uint64_t n = 0; n < iterations; n++) {
    // Written out: compilers split the intrinsic into a multiplication and an addition.
    EVERY(WIDE_CHAINS) __asm__("vpdpwssd %2, %1, %0" : "+v"(sum[i]) : "v"(left), "v"(right));
  }
  __m512i all = sum[0];
  for (int i = 1; i < WIDE_CHAINS; i++) all = _mm512_add_epi32(all, sum[i]);
  return (nk_probe_result){iterations * WIDE_CHAINS * 32 * 2, (double)_mm512_reduce_add_epi32(all)};
}

#pragma clang attribute pop
#endif

// The inverse factor of a small matrix with AVX-512.
#if defined(__x86_64__)
#define NAME(name) name##_avx512
#define TARGET __attribute__((target("avx512f,avx512vl,avx2,fma")))

#include "inverse_factor.h"
#endif

// The inverse factor of a small matrix with AVX2.
#if defined(__x86_64__)
#define NAME(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))

#include "inverse_factor.h"
#endif

// Elementwise functions with AVX-512.
#if defined(__x86_64__)
#include "lanes_avx512.h"

#define VERSION(name) name##_avx512

#include "elementwise_rows_lanes.h"
#endif

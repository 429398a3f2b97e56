// Elementwise functions with AVX2.
#if defined(__x86_64__)
#include "lanes_avx2.h"

#define VERSION(name) name##_avx2

#include "elementwise_rows_lanes.h"
#endif

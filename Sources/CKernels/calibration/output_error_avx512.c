// Sums over rows of errors with AVX-512.
#if defined(__x86_64__)
#include "lanes_avx512.h"

#define VERSION(name) name##_avx512
enum { TILE_ROWS = 12 };

#include "output_error_lanes.h"
#endif

// Sums over rows of errors with AVX2.
#if defined(__x86_64__)
#include "lanes_avx2.h"

#define VERSION(name) name##_avx2
enum { TILE_ROWS = 6 };

#include "output_error_lanes.h"
#endif

// Rank updates of panels with AVX2: tiles of four rows and two vectors: eight sums hide
// the latency of an FMA, and what a step loads leaves registers to spare.
#if defined(__x86_64__)
#include <immintrin.h>

#include "nk_calibration.h"

#define TARGET __attribute__((target("avx2,fma")))

enum { VECTORS = 2, ROWS = 4 };

#define DEFINE_UPDATE(name, type, vector, lanes, width, suffix)                                  \
  TARGET static inline __attribute__((always_inline)) void name##_tile(                          \
      size_t depth, const type *x, size_t x_step, const type *y, vector factor, type *c) {       \
    vector sums[ROWS][VECTORS];                                                                  \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; i++) {                          \
      _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++) {                     \
        sums[i][v] = _mm256_setzero_##suffix();                                                  \
      }                                                                                          \
    }                                                                                            \
    for (size_t k = 0; k < depth; k++, x += x_step, y += width) {                                \
      vector row[VECTORS];                                                                       \
      _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++) {                     \
        row[v] = _mm256_loadu_##suffix(y + v * lanes);                                           \
      }                                                                                          \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; i++) {                        \
        const vector one = _mm256_set1_##suffix(x[i]);                                           \
        _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++) {                   \
          sums[i][v] = _mm256_fmadd_##suffix(one, row[v], sums[i][v]);                           \
        }                                                                                        \
      }                                                                                          \
    }                                                                                            \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; i++) {                          \
      _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++) {                     \
        type *at = c + i * width + v * lanes;                                                    \
        const vector old = _mm256_loadu_##suffix(at);                                            \
        _mm256_storeu_##suffix(at, _mm256_fmadd_##suffix(factor, sums[i][v], old));              \
      }                                                                                          \
    }                                                                                            \
  }                                                                                              \
  TARGET void name##_avx2(size_t strips, size_t depth, const type *a, size_t a_step,             \
                          size_t a_strip, const type *b, type sign, type *c) {                   \
    const vector factor = _mm256_set1_##suffix(sign);                                            \
    for (; strips > 0; strips--, a += a_strip, c += NK_STRIP * width) {                          \
      for (size_t i = 0; i < NK_STRIP; i += ROWS) {                                              \
        for (size_t j = 0; j < width; j += VECTORS * lanes) {                                    \
          name##_tile(depth, a + i, a_step, b + j, factor, c + i * width + j);                   \
        }                                                                                        \
      }                                                                                          \
    }                                                                                            \
  }

DEFINE_UPDATE(nk_panel_update_f32, float, __m256, 8, NK_PANEL_FLOATS, ps)
DEFINE_UPDATE(nk_panel_update_f64, double, __m256d, 4, NK_PANEL_DOUBLES, pd)
#endif

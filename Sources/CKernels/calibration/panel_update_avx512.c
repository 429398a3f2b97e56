// Rank updates of panels with AVX-512: a strip times a panel is 24 sums in registers.
#if defined(__x86_64__)
#include <immintrin.h>

#include "nk_calibration.h"

#define TARGET __attribute__((target("avx512f,avx2,fma")))

enum { VECTORS = 3 };  // in a row of a panel

#define DEFINE_UPDATE(name, type, vector, lanes, suffix)                                         \
  TARGET void name##_avx512(size_t strips, size_t depth, const type *a, size_t a_step,           \
                            size_t a_strip, const type *b, type sign, type *c) {                 \
    const vector factor = _mm512_set1_##suffix(sign);                                            \
    for (; strips > 0; strips--, a += a_strip, c += NK_STRIP * VECTORS * lanes) {                \
      vector sums[NK_STRIP][VECTORS];                                                            \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < NK_STRIP; i++) {                    \
        _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++) {                   \
          _mm_prefetch((const char *)(c + (i * VECTORS + v) * lanes), _MM_HINT_T0);              \
          sums[i][v] = _mm512_setzero_##suffix();                                                \
        }                                                                                        \
      }                                                                                          \
      const type *x = a, *y = b;                                                                 \
      for (size_t k = 0; k < depth; k++, x += a_step, y += VECTORS * lanes) {                    \
        vector row[VECTORS];                                                                     \
        _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++) {                   \
          row[v] = _mm512_loadu_##suffix(y + v * lanes);                                         \
        }                                                                                        \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < NK_STRIP; i++) {                  \
          const vector one = _mm512_set1_##suffix(x[i]);                                         \
          _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++) {                 \
            sums[i][v] = _mm512_fmadd_##suffix(one, row[v], sums[i][v]);                         \
          }                                                                                      \
        }                                                                                        \
      }                                                                                          \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < NK_STRIP; i++) {                    \
        _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++) {                   \
          type *at = c + (i * VECTORS + v) * lanes;                                              \
          const vector old = _mm512_loadu_##suffix(at);                                          \
          _mm512_storeu_##suffix(at, _mm512_fmadd_##suffix(factor, sums[i][v], old));            \
        }                                                                                        \
      }                                                                                          \
    }                                                                                            \
  }

DEFINE_UPDATE(nk_panel_update_f32, float, __m512, 16, ps)
DEFINE_UPDATE(nk_panel_update_f64, double, __m512d, 8, pd)

_Static_assert(NK_PANEL_FLOATS == VECTORS * 16 && NK_PANEL_DOUBLES == VECTORS * 8,
               "a row of a panel is three vectors");
#endif

// Rank updates of panels in plain C.
#include "nk_calibration.h"

enum { RUN = 8 };  // columns of a panel whose sums stay in registers

#define DEFINE_UPDATE(name, type, width)                                                         \
  void name##_generic(size_t strips, size_t depth, const type *a, size_t a_step, size_t a_strip, \
                      const type *b, type sign, type *c) {                                       \
    for (size_t s = 0; s < strips; s++, a += a_strip) {                                          \
      for (size_t i = 0; i < NK_STRIP; i++, c += width) {                                        \
        for (size_t j = 0; j < width; j += RUN) {                                                \
          type sums[RUN] = {0};                                                                  \
          for (size_t k = 0; k < depth; k++) {                                                   \
            const type factor = a[k * a_step + i];                                               \
            for (size_t n = 0; n < RUN; n++) sums[n] += factor * b[k * width + j + n];           \
          }                                                                                      \
          for (size_t n = 0; n < RUN; n++) c[j + n] += sign * sums[n];                           \
        }                                                                                        \
      }                                                                                          \
    }                                                                                            \
  }

DEFINE_UPDATE(nk_panel_update_f32, float, NK_PANEL_FLOATS)
DEFINE_UPDATE(nk_panel_update_f64, double, NK_PANEL_DOUBLES)

// What errors of a linear layer's weights cost at its output: sums over tokens of (x . d)^2 for rows
// d of errors.
//
// The same sum is d M d^T with M the sum over tokens of x^T x, so it comes from these moments or from
// the tokens themselves, whichever are fewer. Both are packed in panels of NK_ERROR_PANEL columns.
// Generic, _avx2 (AVX2, FMA) and _avx512 (F, BW, VL, DQ) versions read the same packing. Nothing here
// allocates; nothing checks pointers. Results depend on the version and the row, never on the
// other rows.
#ifndef NK_OUTPUT_ERROR_H
#define NK_OUTPUT_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NK_ERROR_PANEL = 32, NK_ERROR_ALIGNMENT = 64 };

enum {
  // Panel p holds the columns 32 p ... 32 p + 31 of M, rows 0 up to its last column. What lies above
  // the panel's own square stands for both triangles and is doubled.
  NK_ERROR_MOMENTS = 0,
  // Panel p holds the tokens 32 p ... 32 p + 31: one row a channel.
  NK_ERROR_TOKENS = 1,
};

typedef struct nk_error_weights {
  int32_t kind;         // NK_ERROR_MOMENTS or NK_ERROR_TOKENS
  size_t columns;       // channels
  size_t tokens;        // of NK_ERROR_TOKENS, else unused
  const float *packed;  // aligned to NK_ERROR_ALIGNMENT; columns past the last are zero
} nk_error_weights;

// Floats of the packed form.
size_t nk_error_packed_floats(int32_t kind, size_t columns, size_t tokens);

// Packs moments [columns, columns], of which the upper triangle is read.
void nk_error_pack_moments(const float *moments, size_t columns, float *packed);

// Packs tokens [tokens, columns].
void nk_error_pack_tokens(const float *inputs, size_t tokens, size_t columns, float *packed);

// out[r] = the sum for row r of errors [rows, columns]. Products are float32, panels are added in
// double.
typedef void (*nk_error_rows_fn)(const nk_error_weights *weights, const float *errors, size_t rows,
                                 double *out);
void nk_error_rows_generic(const nk_error_weights *weights, const float *errors, size_t rows,
                           double *out);
#if defined(__x86_64__)
void nk_error_rows_avx2(const nk_error_weights *weights, const float *errors, size_t rows,
                        double *out);
void nk_error_rows_avx512(const nk_error_weights *weights, const float *errors, size_t rows,
                          double *out);
#endif

#ifdef __cplusplus
}
#endif
#endif

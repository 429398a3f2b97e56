// Own declarations of the few BLAS routines in use. libopenblas-dev ships no lapacke.h, and
// its cblas.h declares far more than is needed here.
#ifndef NIBBLE_OPENBLAS_H
#define NIBBLE_OPENBLAS_H

enum { CblasRowMajor = 101, CblasColMajor = 102 };
enum { CblasNoTrans = 111, CblasTrans = 112 };

// C[m,n] = alpha * op(A)[m,k] op(B)[k,n] + beta * C, single precision.
void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

// C[m,n] = alpha * op(A)[m,k] op(B)[k,n] + beta * C, double precision.
void cblas_dgemm(int order, int transA, int transB, int m, int n, int k, double alpha,
                 const double *a, int lda, const double *b, int ldb, double beta, double *c, int ldc);

// Ends the library's threads; the next call that wants some starts them again.
int blas_thread_shutdown_(void);

#endif

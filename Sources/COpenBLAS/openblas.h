// Own declarations of the few BLAS and LAPACK routines in use. libopenblas-dev ships no lapacke.h, and
// its cblas.h declares far more than is needed here.
#ifndef NIBBLE_OPENBLAS_H
#define NIBBLE_OPENBLAS_H

enum { CblasRowMajor = 101, CblasColMajor = 102 };
enum { CblasNoTrans = 111, CblasTrans = 112 };
enum { CblasUpper = 121, CblasLower = 122 };

// C[m,n] = alpha * op(A)[m,k] op(B)[k,n] + beta * C, single precision.
void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

// C[n,n] = alpha * op(A) op(A)^T + beta * C, one triangle of it, single precision.
void cblas_ssyrk(int order, int uplo, int trans, int n, int k, float alpha, const float *a, int lda,
                 float beta, float *c, int ldc);

// C[m,n] = alpha * op(A)[m,k] op(B)[k,n] + beta * C, double precision.
void cblas_dgemm(int order, int transA, int transB, int m, int n, int k, double alpha,
                 const double *a, int lda, const double *b, int ldb, double beta, double *c, int ldc);

// Cholesky factor of a positive definite matrix, in place; column-major. info > 0: not positive definite.
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);

// Inverse of a triangular matrix, in place; column-major. info > 0: singular.
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a, const int *lda, int *info);

// The number of threads OpenBLAS uses; set to 1 inside a region of the worker pool.
void openblas_set_num_threads(int threads);
int openblas_get_num_threads(void);

#endif

// BLAS from its own header; LAPACK's Fortran symbols, which the library holds without a header.
// Every CHARACTER argument has its length as a hidden last argument.
#include <cblas.h>
#include <stdint.h>
#include <stddef.h>

// Eigenvalues (ascending) and eigenvectors of a symmetric matrix, column-major.
void dsyev_(const char *jobz, const char *uplo, const int32_t *n, double *a, const int32_t *lda, double *w,
            double *work, const int32_t *lwork, int32_t *info, size_t jobz_length, size_t uplo_length);

// Solves A X = B by LU factors, column-major; B becomes X.
void dgesv_(const int32_t *n, const int32_t *nrhs, double *a, const int32_t *lda, int32_t *ipiv, double *b,
            const int32_t *ldb, int32_t *info);

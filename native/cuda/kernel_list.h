// The entries of kernels.cu, for the host's table and for the emulation's.
#pragma once

#define NONNEG_CUDA_KERNELS(X)                                                                                         \
  X(xht_dense_16)                                                                                                      \
  X(xht_dense_32)                                                                                                      \
  X(xht_dense_64)                                                                                                      \
  X(xtw_dense_16)                                                                                                      \
  X(xtw_dense_32)                                                                                                      \
  X(xtw_dense_64)                                                                                                      \
  X(gram)                                                                                                              \
  X(mu_update_16)                                                                                                      \
  X(mu_update_32)                                                                                                      \
  X(mu_update_64)                                                                                                      \
  X(xht_csr)                                                                                                           \
  X(dot)                                                                                                               \
  X(dot_finish)                                                                                                        \
  X(add_splits)

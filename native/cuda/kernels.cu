// One compilation unit, one PTX module. The names are listed for the host in kernel_list.h.
#include "add_splits.cu"
#include "dot.cu"
#include "gram.cu"
#include "mu_update.cu"
#include "xht_csr.cu"
#include "xht_dense.cu"
#include "xtw_dense.cu"

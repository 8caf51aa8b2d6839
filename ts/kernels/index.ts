import { beta_terms } from './beta_terms.js'
import { beta_tile } from './beta_tile.js'
import { beta_xht_csr } from './beta_xht_csr.js'
import { beta_xht_dense } from './beta_xht_dense.js'
import { bpp_csr } from './bpp_csr.js'
import { bpp_dense } from './bpp_dense.js'
import { bpp_update } from './bpp_update.js'
import { cd_csr } from './cd_csr.js'
import { cd_dense } from './cd_dense.js'
import { dot } from './dot.js'
import { extrapolate } from './extrapolate.js'
import { gram } from './gram.js'
import { gram_bound } from './gram_bound.js'
import { hals_update } from './hals_update.js'
import { holdout } from './holdout.js'
import { mu_ratio } from './mu_ratio.js'
import { mu_update } from './mu_update.js'
import { online_update } from './online_update.js'
import { pg_step } from './pg_step.js'
import { sgd_update } from './sgd_update.js'
import type { KernelSpec } from './spec.js'
import { svrmu_update } from './svrmu_update.js'
import { vectorKernels } from './vectors.js'
import { wh_dense } from './wh_dense.js'
import { xht_csr } from './xht_csr.js'
import { xht_dense } from './xht_dense.js'
import { xtw_dense } from './xtw_dense.js'

/** Every kernel of the package. Tests, benchmarks and docs walk this list. */
export const kernels: readonly KernelSpec[] = [
  xht_dense,
  xtw_dense,
  xht_csr,
  gram,
  mu_update,
  hals_update,
  bpp_update,
  extrapolate,
  gram_bound,
  sgd_update,
  svrmu_update,
  wh_dense,
  beta_terms,
  beta_tile,
  beta_xht_dense,
  beta_xht_csr,
  mu_ratio,
  online_update,
  pg_step,
  cd_dense,
  cd_csr,
  bpp_dense,
  bpp_csr,
  holdout,
  dot,
  ...vectorKernels,
]

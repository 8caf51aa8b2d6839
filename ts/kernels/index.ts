import { dot } from './dot.js'
import { gram } from './gram.js'
import { mu_update } from './mu_update.js'
import type { KernelSpec } from './spec.js'
import { sweep_dense } from './sweep_dense.js'
import { xht_csr } from './xht_csr.js'
import { xht_dense } from './xht_dense.js'
import { xtw_dense } from './xtw_dense.js'

/** Every kernel of the package. Tests, benchmarks and docs walk this list. */
export const kernels: readonly KernelSpec[] = [xht_dense, xtw_dense, xht_csr, gram, mu_update, dot, sweep_dense]

import type { BackendId, FitSpec, Rule, Weights } from '../backends/backend.js'
import type { MatrixView } from '../core/matrix.js'
import { entryCount } from '../core/matrix.js'
import { type Family, familyOf } from '../kernels/beta.js'
import { beta_terms } from '../kernels/beta_terms.js'
import { beta_xht_csr } from '../kernels/beta_xht_csr.js'
import { bpp_csr } from '../kernels/bpp_csr.js'
import { bpp_dense } from '../kernels/bpp_dense.js'
import { bpp_update } from '../kernels/bpp_update.js'
import { cd_csr } from '../kernels/cd_csr.js'
import { cd_dense } from '../kernels/cd_dense.js'
import { dot } from '../kernels/dot.js'
import { gram } from '../kernels/gram.js'
import { hals_update } from '../kernels/hals_update.js'
import { mu_ratio } from '../kernels/mu_ratio.js'
import { mu_update } from '../kernels/mu_update.js'
import { pg_step } from '../kernels/pg_step.js'
import { sgd_update } from '../kernels/sgd_update.js'
import type { Dims } from '../kernels/spec.js'
import { svrmu_update } from '../kernels/svrmu_update.js'
import { wh_dense } from '../kernels/wh_dense.js'
import { xht_csr } from '../kernels/xht_csr.js'
import { xht_dense } from '../kernels/xht_dense.js'

/** What is to be computed: backends are asked about it and ranked for it. */
export interface Instance {
  readonly X: MatrixView
  readonly spec: FitSpec
  readonly weights?: Weights
}

/**
 * Rough figures by which backends are ranked before anything is timed. The CPU rates are measured on server cores with
 * the kernels of this package, per thread; the GPU rates are guesses on the low side, since a device can be anything.
 */
interface Cost {
  /** GFLOP/s on dense and on sparse X. */
  readonly dense: number
  readonly sparse: number
  readonly scalesWithThreads: boolean
  /** Seconds before the first iteration that do not depend on the problem: workers, devices, pipelines. */
  readonly startup: number
  /** GB/s at which X gets there. */
  readonly upload: number
  /** Steps of optimizers: GB/s of the arrays' memory, to which a second thread hardly adds, and seconds for one step of none. */
  readonly arrays: number
  readonly call: number
}

/** Backends whose arrays the host can address: gradients and parameters do not travel. */
const HOSTED: readonly BackendId[] = ['native', 'wasm', 'reference']

const COSTS: Readonly<Record<BackendId, Cost>> = {
  cuda: { dense: 4000, sparse: 200, scalesWithThreads: false, startup: 0.3, upload: 8, arrays: 500, call: 5e-5 },
  webgpu: { dense: 600, sparse: 60, scalesWithThreads: false, startup: 0.3, upload: 4, arrays: 100, call: 2e-3 },
  native: { dense: 80, sparse: 12, scalesWithThreads: true, startup: 0.005, upload: 8, arrays: 12, call: 2e-5 },
  wasm: { dense: 32, sparse: 8, scalesWithThreads: true, startup: 0.08, upload: 4, arrays: 8, call: 2e-5 },
  reference: { dense: 0.6, sparse: 0.4, scalesWithThreads: false, startup: 0, upload: 1, arrays: 0.3, call: 8e-5 },
}

/** Whether a device of this backend is made for a number of CPU threads. */
export function usesThreads(id: BackendId): boolean {
  return COSTS[id].scalesWithThreads
}

/** Updating the factor of `rows` rows whose other factor has `columns`: its products with X, and the rule. */
function updateFlops({ X, spec, weights }: Instance, rows: number, columns: number, measure: 0 | 1): number {
  const { rank, beta, rule, rounds = 1 } = spec
  const family = familyOf(X, beta, weights)
  const factor = { rows, rank, l1: 0, l2: 0 }
  // for β = 1 without weights the push is one row for all
  const push = beta === 1 && !weights ? 0 : 1
  const bend = rule === 'pg' ? 1 : 0
  const dims = { ...factor, columns, nonzeros: entryCount(X), push, bend, measure, weighted: weights ? 1 : 0 }
  if (family === 'gram') {
    const products = (X.kind === 'dense' ? xht_dense : xht_csr).flops(dims) + gram.flops({ rows: columns, rank })
    return products + rounds * GRAM_RULES[rule](factor)
  }
  return rounds * roundFlops(family, rule, rows, columns, dims)
}

/** Of the rules that take products with X once for all rounds: one round. */
const GRAM_RULES: Readonly<Record<Rule, (factor: Dims) => number>> = {
  mu: mu_update.flops,
  hals: hals_update.flops,
  bpp: bpp_update.flops,
  product: () => 0,
  sgd: d => sgd_update.flops({ ...d, remember: 0 }),
  svrmu: svrmu_update.flops,
  // the gradient's F·G, which the others form by themselves
  pg: d => xht_dense.flops({ ...d, columns: d.rank }) + pg_step.flops(d),
}

/** Of the other families: one round, with its products. */
function roundFlops(family: Family, rule: Rule, rows: number, columns: number, dims: Dims): number {
  const { push, bend } = dims
  if (rule === 'hals') return (family === 'entries' ? cd_csr : cd_dense).flops(dims)
  if (rule === 'bpp') return (family === 'entries' ? bpp_csr : bpp_dense).flops(dims)
  const move = (rule === 'pg' ? pg_step : mu_ratio).flops(dims)
  if (family === 'entries') return beta_xht_csr.flops(dims) + move
  // C times the squared norms of the other factor's rows gives the bounds of the curvature
  const bounds = 2 * bend * rows * columns
  return wh_dense.flops(dims) + beta_terms.flops(dims) + (1 + push) * xht_dense.flops(dims) + bounds + move
}

/**
 * Flops of one iteration with its loss, as the kernels' specs count them: both updates, or that of W alone where H is
 * fixed, and by the Gram identity the inner products of the loss.
 */
export function iterationFlops(instance: Instance): number {
  const { X, spec, weights } = instance
  const { rank, beta, fixed } = spec
  const updates =
    updateFlops(instance, X.rows, X.columns, 1) + (fixed ? 0 : updateFlops(instance, X.columns, X.rows, 0))
  return familyOf(X, beta, weights) === 'gram' ? updates + dot.flops({ length: (X.columns + rank) * rank }) : updates
}

/** Estimated seconds for a whole fit. */
export function estimateSeconds(id: BackendId, instance: Instance, iterations: number, threads: number): number {
  const { X, spec, weights } = instance
  const cost = COSTS[id]
  const tiles = X.kind === 'dense' || familyOf(X, spec.beta, weights) === 'tile'
  // half as many float64 fit a vector; the reference has them anyway
  const width = spec.dtype === 'f64' && id !== 'reference' ? 0.5 : 1
  const rate = (tiles ? cost.dense : cost.sparse) * width * (cost.scalesWithThreads ? threads : 1)
  const uploadBytes = entryCount(X) * (X.kind === 'dense' ? 4 : 16)
  return cost.startup + uploadBytes / (cost.upload * 1e9) + (iterations * iterationFlops(instance)) / (rate * 1e9)
}

/** Estimated seconds of so many steps over `length` parameters, each of which moves `bytes` of an optimizer's arrays. */
export function estimateStepSeconds(id: BackendId, length: number, bytes: number, steps: number): number {
  const { startup, upload, arrays, call } = COSTS[id]
  // a gradient goes there, and the parameters come back
  const travel = HOSTED.includes(id) ? 0 : (8 * length) / upload
  return startup + steps * (call + (bytes / arrays + travel) / 1e9)
}

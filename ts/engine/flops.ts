import type { Rule } from '../backends/backend.js'
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
import type { Instance } from './costs.js'

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

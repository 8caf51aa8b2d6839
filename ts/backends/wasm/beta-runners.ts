import type { Dims } from '../../kernels/spec.js'
import { bppRowScratch } from './kernels.js'
import { roundUp } from './layout.js'
import type { Runner } from './run-kernel.js'

/** The optional dims of rules. */
export function boundsOf({ rank, moving = rank, most = Number.POSITIVE_INFINITY }: Dims): readonly [number, number] {
  return [moving, most]
}

/** The kernels of ts/kernels for losses other than the plain Frobenius one, in terms of the exports. */
export const BETA_RUNNERS: Readonly<Record<string, Runner>> = {
  wh_dense({ kernels, dims: { rows, columns, rank, stride }, p, size, scratch }) {
    const more = scratch(size * rank * roundUp(rows, 4))
    kernels.wh_dense(rows, columns, rank, p.W, size * rank, p.H, size * stride, p.U, size * columns, more)
  },
  beta_terms({ kernels, dims, p, size }) {
    const { rows, columns, beta } = dims
    const stride = size * dims.stride
    const v = dims.weighted ? p.V : 0
    const pushed = dims.push ? p.P : 0
    const c = dims.bend ? p.C : 0
    const loss = dims.measure ? p.loss : 0
    kernels.beta_terms(rows, columns, beta, p.X, stride, v, stride, p.U, size * columns, pushed, c, loss)
  },
  beta_xht_csr({ kernels, dims, p, size }) {
    const { rows, rank, beta, zeros } = dims
    const stride = size * rank
    kernels.beta_xht_csr(
      ...([rows, rank, beta, p.indptr, p.indptr + 4, p.indices, p.values, dims.weighted ? p.weights : 0] as const),
      ...([p.F, stride, p.O, stride, p.norms, p.N, dims.push ? p.P : 0, stride] as const),
      ...([dims.bend ? p.L : 0, dims.measure ? p.loss : 0, zeros] as const),
    )
  },
  mu_ratio({ kernels, dims, p, size }) {
    const { rows, rank, gamma, l1, l2, shared } = dims
    const limits = boundsOf(dims)
    const stride = size * rank
    kernels.mu_ratio(rows, rank, p.F, stride, p.N, stride, p.P, shared ? 0 : stride, gamma, l1, l2, ...limits)
  },
  pg_step({ kernels, dims, p, size }) {
    const { rows, rank, step, l1, l2, shared } = dims
    const stride = size * rank
    const [pStride, lStride] = [shared & 1 ? 0 : stride, shared & 2 ? 0 : size]
    kernels.pg_step(
      ...([rows, rank, p.F, stride, p.N, stride, p.P, pStride, p.L, lStride, step, l1, l2] as const),
      ...([...boundsOf(dims), p.violation] as const),
    )
  },
  cd_dense({ kernels, dims, p, size, scratch }) {
    const { rows, columns, rank, beta, l1, l2 } = dims
    const stride = size * dims.stride
    const model = scratch(8 * roundUp(columns, 4))
    kernels.cd_dense(
      ...([rows, columns, rank, beta, p.X, stride, dims.weighted ? p.V : 0, stride, p.O, size * columns] as const),
      ...([p.F, size * rank, l1, l2, ...boundsOf(dims), model, dims.measure ? p.loss : 0, p.violation] as const),
    )
  },
  cd_csr({ kernels, dims, p, size, scratch }) {
    const { rows, columns, rank, beta, l1, l2 } = dims
    const stride = size * rank
    const more = scratch(size * (rank + 2) * roundUp(columns, 4))
    kernels.cd_csr(
      ...([rows, rank, beta, p.indptr, p.indices, p.values, dims.weighted ? p.weights : 0] as const),
      ...([p.O, stride, dims.zeros ? p.sums : 0, p.F, stride, l1, l2, ...boundsOf(dims), more] as const),
      ...([dims.measure ? p.loss : 0, p.violation] as const),
    )
  },
  bpp_dense({ kernels, dims, p, size, scratch }) {
    const { rows, columns, rank, l1, l2 } = dims
    const stride = size * dims.stride
    kernels.bpp_dense(
      ...([rows, columns, rank, p.X, stride, p.V, stride, p.O, size * rank, p.F, size * rank, l1, l2] as const),
      ...([...boundsOf(dims), scratch(bppRowScratch(rank)), dims.measure ? p.loss : 0, p.violation] as const),
    )
  },
  bpp_csr({ kernels, dims, p, size, scratch }) {
    const { rows, rank, l1, l2 } = dims
    const stride = size * rank
    kernels.bpp_csr(
      ...([rows, rank, p.indptr, p.indices, p.values, p.weights, p.O, stride, p.F, stride, l1, l2] as const),
      ...([...boundsOf(dims), scratch(bppRowScratch(rank)), dims.measure ? p.loss : 0, p.violation] as const),
    )
  },
  holdout({ kernels, dims, p, size }) {
    const { rows, columns, row, column, seed, threshold, complement } = dims
    kernels.holdout(rows, columns, row, column, seed, threshold, complement, p.V, size * columns)
  },
}

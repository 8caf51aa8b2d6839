// How the spec of each kernel maps to dispatches of its shader.
import type { Dims } from '../../kernels/spec.js'
import {
  betaEntries,
  betaTile,
  betaXhtDense,
  type Modelled,
  muRatio,
  onlineUpdate,
  stagingOf,
  type Wanted,
} from './beta-calls.js'
import { bppCsr, bppDense, bppThreads, bppUpdate, type Pivoted } from './bpp-calls.js'
import type { Call, Operand } from './calls.js'
import { cdCsr, cdDense, type Scratch, sharesFor } from './descent-calls.js'
import { SLOT } from './family.js'
import { SMALLEST_BUFFER } from './gpu.js'
import type { Room } from './plan.js'
import { gramOf, ONE_PART, square, xhtCsr, xhtDense, xtwDense } from './product-calls.js'
import { type Bounds, extrapolateBy, halsLanes, halsUpdate, muRows, muUpdate, pgStep } from './rule-calls.js'
import { shapeFor } from './shapes.js'
import { gramBoundOf, sgdTerms, sgdUpdate, svrmuUpdate } from './stochastic-calls.js'

/** Binding offsets are multiples of 256 bytes on every device. */
export const KERNEL_ALIGNMENT: number = SMALLEST_BUFFER / 4

export type Windows = Record<string, Operand | undefined>

/** How each spec maps to a dispatch; `windows` holds undefined for empty buffers. */
export const CALLS: Record<string, (dims: Dims, windows: Windows, room: Room) => Call | readonly Call[]> = {
  xht_dense({ rows, columns, rank, stride }, { X, Ht, N }, { shaping }) {
    const sizes = { rows, columns, rank, stride, firstRow: 0, parts: ONE_PART, partLength: 0 }
    return xhtDense({ ...sizes, shape: shapeFor('xht_dense', rows, rank, shaping), X, Ht, N: N! })
  },
  xtw_dense({ rows, columns, rank, stride }, { X, W, A }, { shaping }) {
    const sizes = { rows, columns, rank, stride, firstRow: 0, parts: ONE_PART, accumulate: true }
    return xtwDense({ ...sizes, shape: shapeFor('xtw_dense', columns, rank, shaping), X, W, A: A!, S: undefined })
  },
  xht_csr({ rows, rank }, { indptr, indices, values, Ht, N }) {
    const sizes = { rows, rank, firstRow: 0, parts: 1, partLength: 0 }
    return xhtCsr({ ...sizes, indptr: indptr!, indices, values, Ht, N: N! })
  },
  gram({ rows, rank }, { F, G }, { shaping }) {
    const shape = shapeFor('gram', rank, rank, shaping)
    return gramOf({ rows, rank, shape, parts: ONE_PART, accumulate: true, F, G: G! })
  },
  mu_update({ rows, rank, ...d }, { F, N, G, old }, room) {
    const own = { rows, rank, height: muRows(rows, rank, room), bounds: boundsOf({ rank, ...d }) }
    return muUpdate({ ...own, N: whole(N), G: whole(G), F: old!, into: F! })
  },
  hals_update({ rows, rank, ...d }, { F, N, G, terms }, room) {
    const own = { rows, rank, lanes: halsLanes(rows, rank, room), rounds: 1, bounds: boundsOf({ rank, ...d }) }
    return halsUpdate({ ...own, N: whole(N), G: G!, F: F!, violation: from(terms) })
  },
  bpp_update({ rows, rank, ...d }, { F, N, G, terms, scratch }, room) {
    const own = { rows, rank, bounds: boundsOf({ rank, ...d }), threads: bppThreads(rows, rank, room, false) }
    return bppUpdate({ ...own, N: whole(N), G: G!, F: F!, scratch: scratch!, violation: from(terms) })
  },
  bpp_dense({ columns, stride, ...d }, { X, V, O, ...windows }, room) {
    const place = (operand: Operand | undefined) => ({ operand, first: 0, stride })
    const tile = { X: place(X), V: place(V), holdout: undefined, row: 0, turned: false }
    return bppDense({ ...pivoted(d, windows, room), ...tile, columns, O })
  },
  bpp_csr(dims, { indptr, indices, values, weights, O, ...windows }, room) {
    return bppCsr({ ...pivoted(dims, windows, room), indptr: indptr!, indices, values, weights, O })
  },
  cd_dense({ rows, columns, stride, beta, rank, ...d }, { X, V, O, F, terms }, room) {
    const place = (operand: Operand | undefined, step: number) => ({ operand, first: 0, stride: step })
    const own = { rows, columns, rank, beta, bounds: boundsOf({ rank, ...d }), firstRow: 0, row: 0, turned: false }
    return cdDense({
      ...{ ...own, shares: sharesFor(rows, columns, room), X: place(X, stride), O: place(O, columns), F: F! },
      ...{ V: d.weighted ? place(V, stride) : undefined, holdout: undefined, scratch: scratchOf(rows, d, terms!) },
    })
  },
  cd_csr({ rows, beta, rank, nonzeros, ...d }, { indptr, indices, values, weights, O, sums, F, terms }, room) {
    const own = { rows, rank, beta, bounds: boundsOf({ rank, ...d }), firstRow: 0 }
    return cdCsr({
      ...{ ...own, shares: sharesFor(rows, nonzeros / rows, room), indptr: indptr!, indices, values, O, F: F! },
      beside: d.zeros ? { sums: { operand: sums!, parts: 1 } } : { weights },
      scratch: scratchOf(rows, d, terms!),
    })
  },
  pg_step({ rows, rank, step, shared, ...d }, { F, N, P, L, terms }) {
    const own = { rows, rank, step, bounds: boundsOf({ rank, ...d }), shared: (shared & 1) === 1, measure: true }
    const curvature = { operand: L!, terms: 1, step: 0, stride: shared & 2 ? 0 : 1 }
    return pgStep({ ...own, N: whole(N), P: whole(P), L: curvature, F: F!, violation: from(terms) })
  },
  mu_ratio({ rows, rank, gamma, shared, ...d }, { F, N, P }) {
    const own = { rows, rank, gamma, bounds: boundsOf({ rank, ...d }), shared: shared === 1 }
    return muRatio({ ...own, N: whole(N), P: whole(P), F: F! })
  },
  online_update({ rows, rank, gamma, keep, shared, ...d }, { F, A, B, N, P }) {
    const own = { rows, rank, gamma, keep, bounds: boundsOf({ rank, ...d }), shared: shared === 1 }
    return onlineUpdate({ ...own, N: whole(N), P: whole(P), F: F!, A: A!, B: B! })
  },
  beta_tile({ stride, ...d }, { Q, P, C, ...windows }) {
    return betaTile({ ...modelled({ ...d, stride }, windows), stride, wanted: wantedOf(d), Q, P, C })
  },
  beta_xht_dense({ ...d }, { N, P, ...windows }, room) {
    const own = { turned: d.turned === 1, measured: d.measure === 1, first: 0, accumulate: true }
    const staging = stagingOf(d.rank, P !== undefined, room)
    return betaXhtDense({ ...modelled(d, windows), ...own, staging, parts: ONE_PART, partLength: 0, N: N!, D: P })
  },
  beta_xht_csr({ rows, rank, beta, nonzeros, zeros, ...d }, windows) {
    const { indptr, indices, values, weights, F, O, norms, N, P, L, terms, scratch } = windows
    const panel = { first: 0, count: rows }
    const partLength = listLength(nonzeros)
    const own = { panel, rank, parts: 1, beta, wanted: wantedOf(d), zeros: zeros === 1, partLength, firstTerm: 0 }
    const product = (list: number, columns: number, Ht: Operand | undefined, into: Operand) => {
      const from = { buffer: scratch!.buffer, offset: list * partLength * 4, size: partLength * 4 }
      const sizes = { rows, rank: columns, firstRow: 0, parts: 1, partLength: 0, accumulate: true }
      return xhtCsr({ ...sizes, indptr: indptr!, indices, values: from, Ht, N: into })
    }
    return [
      betaEntries({ ...own, indptr: indptr!, indices, values, weights, F, O, entries: scratch, terms }),
      product(0, rank, O, N!),
      ...(d.push ? [product(1, rank, O, P!)] : []),
      ...(d.bend ? [product(2, 1, norms, L!)] : []),
    ]
  },
  gram_bound({ rank }, { G, terms, scratch }) {
    return gramBoundOf({ rank, G: G!, list: undefined, into: 0, bounds: terms!, iterates: scratch! })
  },
  sgd_update({ rows, rank, scale, limit, ...d }, { F, N, G, D, terms, scratch, slot }, room) {
    const noise = { size: d.noise, seed: d.seed, draws: 1, draw: 0, row: d.first }
    const own = { rows, rank, scale, limit, noise, bounds: boundsOf({ rank, ...d }), stride: { kind: 'told' } as const }
    const places = { found: undefined, rate: SLOT.told, taken: SLOT.taken, slot: slot! }
    const sums = { operand: terms!, products: sgdTerms(rows, rank) }
    return [
      xhtDense({ ...square(rank, rows, room), X: F, Ht: G, N: scratch! }),
      sgdUpdate({ ...own, ...places, N: whole(N), P: scratch!, F: F!, D, terms: sums }),
    ]
  },
  svrmu_update({ rows, rank, count, total, ratio, ...d }, { F, N, M, F0, A, G, K, S, scratch }, room) {
    const bytes = listLength(rows * rank) * 4
    const [P, R, Q] = [0, 1, 2].map(at => ({ ...scratch!, offset: at * bytes, size: bytes }))
    const product = (X: Operand | undefined, Ht: Operand | undefined, into: Operand) =>
      xhtDense({ ...square(rank, rows, room), X, Ht, N: into })
    const own = { rows, rank, count, total, ratio, bounds: boundsOf({ rank, ...d }) }
    return [
      ...[product(F, G, P), product(F0, K, R), product(F0, S, Q)],
      svrmuUpdate({ ...own, N: whole(N), M: whole(M), A: whole(A), P, R, Q, F: F! }),
    ]
  },
  extrapolate({ length, most = Number.POSITIVE_INFINITY }, { F, P, momentum }) {
    return extrapolateBy({ length, most, momentum: momentum!, F: F!, P: P! })
  },
}

function scratchOf(rows: number, { measure }: Dims, operand: Operand): Scratch {
  const firstSpill = measure ? 2 * rows : rows
  return { operand, firstTerm: 0, firstLoss: measure ? rows : undefined, firstSpill }
}

/** Rows that go to the minimum of systems of their own. */
function pivoted({ rows, rank, measure, ...d }: Dims, { F, terms, scratch }: Windows, room: Room): Pivoted {
  const own = { rows, rank, threads: bppThreads(rows, rank, room, true), bounds: boundsOf({ rank, ...d }) }
  return { ...own, F: F!, scratch: scratch!, violation: from(terms), firstLoss: measure ? rows : undefined }
}

/** A whole matrix as the tile of one. */
function modelled({ rows, columns, rank, stride, beta, weighted }: Dims, { W, Ht, X, V, terms }: Windows): Modelled {
  const place = (operand: Operand | undefined) => ({ operand, first: 0, stride })
  return {
    ...{ rows, columns, rank, beta, firstRow: 0, row: 0, holdout: undefined, adds: false },
    ...{ X: place(X), V: weighted ? place(V) : undefined, W, Ht, terms },
  }
}

function wantedOf({ push, bend, measure }: Dims): Wanted {
  return { pull: true, push: push === 1, bend: bend === 1, measure: measure === 1 }
}

/** Entries from one of several lists in a buffer to the next: each begins where a binding may. */
export function listLength(entries: number): number {
  return Math.max(1, Math.ceil(entries / KERNEL_ALIGNMENT)) * KERNEL_ALIGNMENT
}

function whole(operand: Operand | undefined) {
  return { operand: operand!, parts: 1 }
}

function from(operand: Operand | undefined) {
  return { operand: operand!, first: 0 }
}

function boundsOf({ rank, moving = rank, most = Number.POSITIVE_INFINITY, l1, l2 }: Dims): Bounds {
  return { moving, most, l1, l2 }
}

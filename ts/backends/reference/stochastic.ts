import { gramBound } from '../../core/gram-bound.js'
import { sgd_update } from '../../kernels/sgd_update.js'
import type { Dims } from '../../kernels/spec.js'
import { svrmu_update } from '../../kernels/svrmu_update.js'
import type { Batch, FitSpec } from '../backend.js'
import { movingRuns } from '../runs.js'
import { type BatchStep, type Bounds, boundedStep, unitStep } from '../stochastic-steps.js'
import { sidesOfBatch } from './batch.js'
import { factorRows, scalarsOf, squaredNorms } from './family.js'
import { Gram, gramOf } from './gram.js'
import type { Side, Sides } from './side.js'

/** What batches of one fit leave for each other. */
export interface StochasticState {
  /** The last gradient of Hᵀ, columns × rank. */
  gradient: Float64Array | undefined
  /** Of all of W at the last refresh. */
  bounds: Bounds | undefined
  snapshot: Snapshot | undefined
}

/** The factors that `svrmu` measures its batches against, with their products over all rows. */
interface Snapshot {
  readonly W: Float64Array
  readonly Ht: Float64Array
  readonly A: Float64Array
  readonly S: Float64Array
}

/** A batch of projected stochastic gradient steps: its rows of W, the loss, then H. */
export function* sgdBatch(
  spec: FitSpec,
  all: Sides,
  batch: Batch,
  state: StochasticState,
): Generator<void, { loss: number; step: BatchStep }> {
  const { rank, rounds = 1 } = spec
  const { safety, noise = 0, seed = 0, limit = Number.POSITIVE_INFINITY } = spec.sgd!
  const { first, count, rateW = 0, rateH = 0, draw = 0, refresh = false } = batch
  const { W, H, squaredNorm } = yield* sidesOfBatch(all, batch, rank)
  const gram = new Gram(spec, squaredNorm)
  const common = { noise, seed, limit }
  const drawOf = (round: number) => (draw * (rounds + 1) + round) % 2 ** 32

  const { N, G } = yield* gram.products(W)
  const stepW = safety > 0 ? unitStep(Math.min(rateW, safety), gramBound(G, rank) + W.penalty.l2) : rateW
  for (let round = 0; round < rounds; round++) {
    const dims = { ...scalarsOf(spec, W), ...common, rate: stepW, scale: 1, first, draw: drawOf(round) }
    move(W, { ...dims, remember: 0 }, { N, G, D: new Float64Array(0) })
    yield
  }
  const loss = yield* gram.loss(W)

  const own = yield* gram.products(H)
  const total = all.W.rows
  if (safety > 0 && (refresh || !state.bounds)) {
    const S = yield* gramOf(all.W.F, total, rank)
    state.bounds = {
      eigenvalue: gramBound(S, rank),
      squaredNorm: squaredNorms(all.W.F, rank).reduce((a, b) => Math.max(a, b), 0),
    }
  }
  const rates = { rate: rateH, safety, count, total, l2: H.penalty.l2 }
  const stepH = safety > 0 ? boundedStep(rates, state.bounds!, gramBound(own.G, rank)) : rateH
  state.gradient ??= new Float64Array(H.F.length)
  const dims = { ...scalarsOf(spec, H), ...common, rate: stepH, scale: total / count, first: 0 }
  const sums = move(H, { ...dims, draw: drawOf(rounds), remember: 1 }, { ...own, D: state.gradient })
  yield
  return { loss, step: { rateW: stepW, rateH: stepH, squaredGradient: sums[0], alignment: sums[1] } }
}

/** Moves the rows of a side, the first of them that of `dims`; answers the sums. */
function move(
  { F, rows, frozen }: Side,
  dims: Dims,
  { N, G, D }: Readonly<Record<'N' | 'G' | 'D', Float64Array>>,
): Float64Array {
  const sums = new Float64Array(2)
  for (const run of movingRuns(frozen, 0, rows)) {
    const of = (list: Float64Array) => factorRows(list, dims.rank, run.first, run.first + run.rows)
    const own = { ...dims, rows: run.rows, first: dims.first + run.first }
    sgd_update.reference(own, { F: of(F), N: of(N), G, D: of(D), sums })
  }
  return sums
}

/** A batch of multiplicative updates of its rows of W, the loss, then H with reduced variance. */
export function* svrmuBatch(
  spec: FitSpec,
  all: Sides,
  batch: Batch,
  state: StochasticState,
): Generator<void, { loss: number }> {
  const { rank, ratio = 1 } = spec
  if (batch.refresh || !state.snapshot) {
    const { N: A, G: S } = yield* new Gram(spec, 0).products(all.H)
    state.snapshot = { W: all.W.F.slice(), Ht: all.H.F.slice(), A, S }
  }
  const { snapshot } = state
  const { W, H, squaredNorm } = yield* sidesOfBatch(all, batch, rank)
  const gram = new Gram({ ...spec, rule: 'mu' }, squaredNorm)
  yield* gram.update(W, spec.rounds ?? 1)
  const loss = yield* gram.loss(W)
  const { N, G } = yield* gram.products(H)
  const kept = snapshot.W.subarray(batch.first * rank, (batch.first + batch.count) * rank)
  const { N: M, G: K } = yield* gram.products({ ...H, O: kept })
  const dims = { ...scalarsOf(spec, H), count: batch.count, total: all.W.rows, ratio }
  for (const { first, rows } of movingRuns(H.frozen, 0, H.rows)) {
    const of = (list: Float64Array) => factorRows(list, rank, first, first + rows)
    const before = { F0: of(snapshot.Ht), A: of(snapshot.A), S: snapshot.S }
    svrmu_update.reference({ ...dims, rows }, { F: of(H.F), N: of(N), M: of(M), ...before, G, K })
  }
  yield
  return { loss }
}

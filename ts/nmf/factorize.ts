import type { BackendId, Rule } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import { abortError, NonnegError } from '../core/errors.js'
import { type MatrixInput, toMatrixView } from '../core/input.js'
import { type DenseView, denseView } from '../core/matrix.js'
import { scanMatrix } from '../core/scan.js'
import { explainPlan, type Plan, type PlanOptions, planFit, type Refusal, type Request } from '../engine/plan.js'
import { type Handover, runFit, type StopReason } from './fit-loop.js'
import { constantFactor, type Start, startFactors } from './init.js'
import { specsOf } from './loss.js'
import { observe } from './observed.js'
import { refuseZeros, weightedSquaredNorm } from './observed-entries.js'
import {
  checkNotEmpty,
  type FactorizeOptions,
  type HistoryEntry,
  type ResolvedOptions,
  resolveOptions,
} from './options.js'
import { gradientScale, lossScale, scaleExponent, scaleFactor, scaleMatrix, scaleSpec } from './scale.js'

/** A finished factorisation. */
export interface Factorization {
  /** rows × rank */
  readonly W: DenseView
  /** rank × columns */
  readonly H: DenseView
  /**
   * The β-divergence of X from W·H, summed over all entries (observed ones, times their weights, where X has a mask or
   * weights), without penalties: ½‖X − WH‖² for Frobenius.
   */
  readonly loss: number
  /**
   * ‖X − WH‖ / ‖X‖ in the Frobenius norm whatever the loss, over the entries that the loss is over and with their weights;
   * 0 where X is all zeros.
   */
  readonly relativeError: number
  readonly iterations: number
  readonly reason: StopReason
  readonly history: readonly HistoryEntry[]
  /** The solver that finished: `'auto'` is settled by then. */
  readonly solver: Rule
  readonly backend: BackendId
  /** True where the backend stood on an emulation, whose times say nothing about the hardware. */
  readonly emulated: boolean
  /** Seconds from the call to the result: checks, upload, iterations and read-back. */
  readonly seconds: number
  /** Backends that failed in flight before the one that finished. */
  readonly handovers: readonly Handover[]
  readonly plan: Plan
  /** Which backend was chosen, which were not, and why, in words. */
  explain(): string
}

/**
 * Factorises a non-negative matrix X (rows × columns) into W (rows × rank) and H (rank × columns), both ≥ 0, so that a
 * β-divergence of X from W·H plus penalties is small (Févotte & Idier, "Algorithms for nonnegative matrix factorization
 * with the β-divergence", Neural Computation 2011); by default ½‖X − WH‖², without penalties. Multiplicative updates,
 * and coordinate descent for the Frobenius loss and below β = 1, never raise it in exact arithmetic; in f32 the reported
 * Frobenius loss wavers by about 10⁻⁷ of ‖X‖².
 *
 * X is dense row-major (`{ data, rows, columns, stride?, offset? }`), CSR (`{ indptr, indices, values, rows, columns }`),
 * an array of rows, an ml-matrix or an ndarray. It is copied where the backend needs it and never written to; leave it
 * alone until the promise settles.
 *
 * @throws NonnegError ERR_NONNEG_SHAPE, _NEGATIVE, _NOT_FINITE, _ZERO, _DTYPE for X, mask and weights, with the place of
 * the entry; _RANK, _OPTION for options; _NO_BACKEND, _BACKEND, _MEMORY, _DEVICE_LOST from the machine; _ABORTED, whose cause is the
 * signal's reason. All come as rejections, before any work starts where they can.
 */
export async function factorize(X: MatrixInput, options: FactorizeOptions): Promise<Factorization> {
  return await solve(X, resolveOptions(options))
}

/** The work behind `factorize`; with `fixedH` (rank × columns) only W is sought, from a constant start. */
export async function solve(X: MatrixInput, resolved: ResolvedOptions, fixedH?: DenseView): Promise<Factorization> {
  try {
    return await solveChecked(X, resolved, fixedH)
  } catch (error) {
    // engines say so in their own words when an array cannot be had
    if (error instanceof RangeError && /allocation failed|typed array length|array buffer/i.test(error.message)) {
      const message = `there is not enough memory for this problem (${error.message})`
      throw new NonnegError('ERR_NONNEG_MEMORY', message, { cause: error, detail: { rank: resolved.rank } })
    }
    throw error
  }
}

async function solveChecked(input: MatrixInput, resolved: ResolvedOptions, fixedH?: DenseView): Promise<Factorization> {
  const start = performance.now()
  const { rank, dtype, signal, timeBudgetMs, beta, threads, fast, backend } = resolved
  if (signal?.aborted) throw abortError(signal)
  const view = await inSlices(toMatrixView(input), signal)
  checkNotEmpty(view)
  const { rows, columns } = view
  if (fixedH && fixedH.columns !== columns) {
    throw new NonnegError('ERR_NONNEG_SHAPE', `X has ${columns} columns, the model was fitted to ${fixedH.columns}`)
  }
  const observed = await inSlices(observe(view, resolved.mask, resolved.weights), signal)
  const given = await inSlices(scanMatrix(observed.X, 'X'), signal)
  const { weights } = observed
  const asked = specsOf(resolved, view, weights !== undefined, fixedH ? 'H' : undefined)
  // an exponent of 0, nearly always, copies nothing
  const k = scaleExponent(given.largest, asked[0])
  if (beta <= 0) await inSlices(refuseZeros(given.X, weights, resolved, k), signal)
  const scan = k === 0 ? given : await inSlices(scanMatrix(await inSlices(scaleMatrix(given.X, -2 * k, dtype)), 'X'))
  const specs = asked.map(spec => scaleSpec(spec, k))
  const planOptions = { backend, threads, fast, iterations: resolved.maxIterations }
  const falling = resolved.fallback && backend !== 'auto'
  const plan = await (falling ? planWithFallback : planFit)({ X: scan.X, specs, weights }, planOptions)
  const factors = await inSlices(startOf(resolved, rows, columns, scan.sum / observed.count, k, fixedH), signal)
  const problem = { X: scan.X, squaredNorm: scan.squaredNorm, weights, ...factors }
  const deadline = timeBudgetMs === undefined ? undefined : start + timeBudgetMs
  const scales = { lossScale: lossScale(beta, k), violationScale: gradientScale(beta, k) }
  const result = await runFit(problem, specs, plan, { ...resolved, ...scales }, deadline)
  const squares = weights ? await inSlices(weightedSquaredNorm(scan.X, weights)) : scan.squaredNorm
  const W = denseView(result.factors.W, rows, rank)
  const H = denseView(result.factors.H, rank, columns)
  return {
    W: k === 0 ? W : await inSlices(scaleFactor(W, k, dtype)),
    H: k === 0 ? H : await inSlices(scaleFactor(H, k, dtype)),
    loss: result.loss * scales.lossScale,
    relativeError: squares === 0 ? 0 : Math.sqrt((2 * Math.max(0, result.frobeniusLoss)) / squares),
    iterations: result.history.length,
    reason: result.reason,
    history: result.history,
    solver: result.solver,
    backend: result.backend,
    emulated: result.emulated,
    seconds: (performance.now() - start) / 1000,
    handovers: result.handovers,
    plan,
    explain: () => explainPlan(plan),
  }
}

/** The start, in the scale of X / 4ᵏ. */
function* startOf(
  resolved: ResolvedOptions,
  rows: number,
  columns: number,
  mean: number,
  k: number,
  fixedH: DenseView | undefined,
): Generator<void, Start> {
  const { rank, dtype, init } = resolved
  const H = fixedH && k !== 0 ? yield* scaleFactor(fixedH, -k, dtype) : fixedH
  if (H) return { W: constantFactor(rows, rank, Math.sqrt(mean / rank)), H }
  const start = yield* startFactors(resolved, rows, columns, mean, k)
  if (init === 'random' || k === 0) return start
  return { W: yield* scaleFactor(start.W, -k, dtype), H: yield* scaleFactor(start.H, -k, dtype) }
}

/** The named backend first, where it can do the job, then what `'auto'` would try. */
async function planWithFallback(request: Request, asked: PlanOptions): Promise<Plan> {
  const plans: Plan[] = []
  const failures: NonnegError[] = []
  for (const backend of [asked.backend, 'auto'] as const) {
    try {
      plans.push(await planFit(request, { ...asked, backend }))
    } catch (error) {
      if (!(error instanceof NonnegError && error.code === 'ERR_NONNEG_NO_BACKEND')) throw error
      failures.push(error)
    }
  }
  if (plans.length === 0) throw failures[0]
  const refusals = [...plans, ...failures.map(error => error.detail)].flatMap(({ refusals }) => refusals as Refusal[])
  const first = <T extends { id: BackendId }>(list: readonly T[]) =>
    list.filter((one, place) => list.findIndex(({ id }) => id === one.id) === place)
  const candidates = first(plans.flatMap(plan => plan.candidates))
  const chosen = candidates.map(({ id }) => id)
  return { ...plans[0], candidates, refusals: first(refusals).filter(({ id }) => !chosen.includes(id)) }
}

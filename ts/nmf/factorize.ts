import { type BackendId, type Factors, hasViolations } from '../backends/backend.js'
import type { Streaming } from '../backends/memory.js'
import { inSlices } from '../core/breathe.js'
import { abortError, NonnegError } from '../core/errors.js'
import type { MatrixInput } from '../core/input.js'
import { type DenseView, denseView } from '../core/matrix.js'
import { explainStreaming, type Plan, planFit, planWithFallback } from '../engine/plan.js'
import { explainRanking } from '../engine/ranking.js'
import { type Checkpoint, checkIdentity } from './checkpoint.js'
import { deadComponents, inverse, movingFirst, reordered } from './components.js'
import { Feed } from './feed.js'
import { type Handover, type LoopResult, runFit, type StopReason } from './fit-loop.js'
import { identityFor, loopOptions } from './loop-options.js'
import type { FactorizeOptions, HistoryEntry, ResolvedOptions } from './options.js'
import { observedSquares, type Prepared, prepare } from './prepare.js'
import { resolveOptions } from './resolve-options.js'
import { scaleFactor } from './scale.js'
import { denseRows, movesRows, placesOf, rowOrder, shuffledProblem, shuffledSpec } from './shuffle.js'
import { type Candidate, drawsBatches, SOLVERS, type SolverName } from './solvers.js'
import { startFactors } from './start.js'
import type { Criterion } from './stopping.js'

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
  /** Components that add nothing to W·H: their column of W or their row of H is all zeros. */
  readonly deadComponents: readonly number[]
  readonly iterations: number
  readonly reason: StopReason
  /** What a fit that converged has reached; undefined for the other reasons. */
  readonly criterion: Criterion | undefined
  readonly history: readonly HistoryEntry[]
  /** The solver that finished: `'auto'` is settled by then. */
  readonly solver: SolverName
  readonly backend: BackendId
  /** True where the backend stood on an emulation, whose times say nothing about the hardware. */
  readonly emulated: boolean
  /** Seconds from the call to the result: checks, upload, iterations and read-back. */
  readonly seconds: number
  /** Backends that failed in flight before the one that finished. */
  readonly handovers: readonly Handover[]
  /** How much of X the backend was sent again and again; undefined where all of it had room there. */
  readonly streams: Streaming | undefined
  readonly plan: Plan
  /** Which solver and backend were chosen, which were not, and why, in words. */
  explain(): string
  /**
   * The end of this fit, for another to go on from with a larger `maxIterations`; W and H must not have been changed. Throws
   * ERR_NONNEG_ABORTED where an abort has cut an iteration short.
   */
  checkpoint(): Checkpoint
}

/** A factorisation on its way: the promise of a `Factorization`, whose iterations can be followed as they come. */
export interface RunningFit extends Promise<Factorization> {
  /**
   * Every iteration from the first, in order, while the fit goes on by itself: `for await (const step of fit.steps())`.
   * Leaving the loop early ends the fit, whose promise then brings the factors that there are, with the reason 'aborted'.
   * What the fit rejects with is thrown here too.
   */
  steps(): AsyncIterableIterator<HistoryEntry>
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
 * the entry; _RANK, _OPTION for options; _NO_BACKEND, _BACKEND, _MEMORY, _DEVICE_LOST from the machine; _DIVERGED where
 * `safe: false` let rates be too large; _ABORTED, whose cause is the
 * signal's reason. All come as rejections, before any work starts where they can.
 */
export function factorize(X: MatrixInput, options: FactorizeOptions): RunningFit {
  const feed = new Feed()
  return feed.of(async () => {
    const resolved = resolveOptions(options)
    const onProgress = (entry: HistoryEntry) => {
      resolved.onProgress?.(entry)
      feed.push(entry)
    }
    return await solve(X, { ...resolved, onProgress }, { stop: feed.left })
  })
}

/** What a fit can be given beside its options. */
export interface Given {
  /** rank × columns: only W is sought, from a constant start. */
  readonly H?: DenseView
  /** Ends the fit with the factors that there are. */
  readonly stop?: AbortSignal
}

/** The work behind `factorize`. */
export async function solve(X: MatrixInput, resolved: ResolvedOptions, given: Given = {}): Promise<Factorization> {
  try {
    return await solveChecked(X, resolved, given)
  } catch (error) {
    // engines say so in their own words when an array cannot be had
    if (error instanceof RangeError && /allocation failed|typed array length|array buffer/i.test(error.message)) {
      const message = `there is not enough memory for this problem (${error.message})`
      throw new NonnegError('ERR_NONNEG_MEMORY', message, { cause: error, detail: { rank: resolved.rank } })
    }
    throw error
  }
}

async function solveChecked(input: MatrixInput, resolved: ResolvedOptions, given: Given): Promise<Factorization> {
  const start = performance.now()
  const { signal, timeBudgetMs } = resolved
  if (signal?.aborted) throw abortError(signal)
  const prepared = await prepare(input, resolved, given.H && 'H')
  const { columns, X, weights, squaredNorm } = prepared
  if (given.H && given.H.columns !== columns) {
    throw new NonnegError('ERR_NONNEG_SHAPE', `X has ${columns} columns, the model was fitted to ${given.H.columns}`)
  }
  const candidates = resumable(prepared, resolved)
  checkViolations(candidates, resolved)
  const plan = await planOf(prepared, candidates, resolved)
  const factors = await startFactors(prepared, resolved, plan, given.H)
  const order = given.H ? undefined : await orderOf(prepared, candidates[0], resolved)
  const problem = { X, squaredNorm, weights, ...factors }
  const deadline = timeBudgetMs === undefined ? undefined : start + timeBudgetMs
  const options = { ...loopOptions(prepared, candidates, resolved, order), stop: given.stop }
  const mixed = order ? await inSlices(shuffledProblem(problem, order), signal) : problem
  const own = order ? candidates.map(({ name, spec }) => ({ name, spec: shuffledSpec(spec, order) })) : candidates
  const result = await runFit(mixed, own, plan, options, deadline)
  const squares = await observedSquares(prepared)
  return {
    ...(await factorsOf(result.factors, prepared, resolved, order)),
    loss: result.loss * options.lossScale,
    relativeError: squares === 0 ? 0 : Math.sqrt((2 * Math.max(0, result.frobeniusLoss)) / squares),
    iterations: result.history.length,
    reason: result.reason,
    criterion: result.criterion,
    history: result.history,
    solver: result.solver,
    backend: result.backend,
    emulated: result.emulated,
    seconds: (performance.now() - start) / 1000,
    handovers: result.handovers,
    streams: result.memory.streams,
    plan,
    explain: () =>
      [
        explainSolver(result, resolved),
        ...explainHandovers(result),
        ...explainStreaming(result.backend, result.memory, result.turnedFull),
        explainRanking(plan, { failed: result.handovers.map(({ id }) => id), backend: result.backend }),
      ].join('\n'),
    checkpoint: () => wholeCheckpoint(result.checkpoint),
  }
}

function wholeCheckpoint(checkpoint: Checkpoint | undefined): Checkpoint {
  if (checkpoint) return checkpoint
  throw new NonnegError(
    'ERR_NONNEG_ABORTED',
    'the abort cut an iteration short: no fit can go on from there bit for bit',
    {
      fix: 'take checkpoints on the way, with onCheckpoint, or start from these factors with init',
    },
  )
}

/** Refuses to wait for what no solver at hand reports. */
function checkViolations(candidates: readonly Candidate[], { violationTolerance }: ResolvedOptions): void {
  const [{ name, spec }] = candidates
  if (violationTolerance === 0 || hasViolations(spec.rule)) return
  throw new NonnegError('ERR_NONNEG_OPTION', `violationTolerance: solver '${name}' reports no projected gradient`, {
    detail: { option: 'violationTolerance', solver: name },
    fix: "use solver: 'hals', or tolerance",
  })
}

/** The solvers that would do; where a fit goes on from a checkpoint, that of the checkpoint, if all else is the same. */
function resumable(prepared: Prepared, resolved: ResolvedOptions): readonly Candidate[] {
  const { resume } = resolved
  if (!resume) return prepared.candidates
  const { solver, identity } = resume.state
  const same = prepared.candidates.filter(({ name }) => name === solver)
  if (same.length === 0) {
    throw new NonnegError('ERR_NONNEG_OPTION', `resume: the checkpoint was made with solver: '${solver}'`, {
      detail: { option: 'resume', solver },
      fix: `use solver: '${solver}'`,
    })
  }
  checkIdentity(identity, identityFor(prepared, same[0], resolved))
  return same
}

export async function planOf(
  { X, weights }: Prepared,
  candidates: readonly Candidate[],
  { backend, byDevice, threads, fast, webgpu, maxIterations, fallback }: ResolvedOptions,
): Promise<Plan> {
  const falling = fallback && backend !== 'auto'
  const request = { X, specs: candidates.map(({ spec }) => spec), weights }
  const asked = { backend, byDevice, threads, fast, webgpu, iterations: maxIterations }
  return await (falling ? planWithFallback : planFit)(request, asked)
}

/** The row of X at each place of the fit, where it is not that of X. */
async function orderOf(
  { rows, weights }: Prepared,
  { name }: Candidate,
  { batches, seed, signal }: ResolvedOptions,
): Promise<Uint32Array | undefined> {
  if (!drawsBatches(name) || !batches.shuffle || !movesRows(weights)) return undefined
  return await inSlices(rowOrder(rows, seed), signal)
}

/** The factors in the scale and order of the caller. */
async function factorsOf(
  factors: Factors,
  { rows, columns, k }: Prepared,
  { rank, dtype, frozenParts }: ResolvedOptions,
  order: Uint32Array | undefined,
): Promise<Pick<Factorization, 'W' | 'H' | 'deadComponents'>> {
  const back = inverse(movingFirst(rank, frozenParts.components))
  const own = await inSlices(reordered(factors, back))
  const mixed = denseView(own.W, rows, rank)
  const W = order ? await inSlices(denseRows(mixed, placesOf(order))) : mixed
  const H = denseView(own.H, rank, columns)
  const dead = await inSlices(deadComponents(own, rank))
  if (k === 0) return { W, H, deadComponents: dead }
  const [w, h] = [await inSlices(scaleFactor(W, k, dtype)), await inSlices(scaleFactor(H, k, dtype))]
  return { W: w, H: h, deadComponents: dead }
}

/** One line for each backend that failed in flight. */
function explainHandovers({ handovers, backend }: LoopResult): string[] {
  return handovers.map(({ id, reason, iteration }, place) => {
    const next = handovers[place + 1]?.id ?? backend
    return `${id} failed in flight (${reason}), ${next} went on from iteration ${iteration}`
  })
}

function explainSolver({ solver, reason, criterion, history }: LoopResult, { solver: asked }: ResolvedOptions): string {
  const how = asked === 'auto' ? 'for this loss and X' : 'by name'
  const end = {
    gain: 'the gain is below the tolerance',
    violation: 'the projected gradient is below its tolerance',
    target: 'the loss asked for is reached',
  }
  const why = criterion ? `converged: ${end[criterion]}` : reason
  return `solver ${solver} (${SOLVERS[solver].summary}) ${how}, ${history.length} iterations, ${why}`
}

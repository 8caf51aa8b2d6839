import type { Rule } from '../backends/backend.js'
import { BACKEND_IDS } from '../backends/registry.js'
import {
  between,
  checkNames,
  checkObject,
  checkSignal,
  finite,
  flag,
  oneOf,
  optionalFunction,
  refuse,
  whole,
} from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { entryCount, type MatrixView } from '../core/matrix.js'
import { webgpuChoice } from '../engine/webgpu-choice.js'
import { resolveBatchOptions } from './batch-options.js'
import { Checkpoint } from './checkpoint.js'
import { resolveFrozen } from './frozen.js'
import { LOSSES, type LossName } from './loss.js'
import type { FactorizeOptions, HoldoutMask, InitName, MaskInput, OwnStart, ResolvedOptions } from './options.js'
import { SOLVER_NAMES, SOLVERS, type SolverName } from './solvers.js'

const KNOWN: Readonly<Record<keyof FactorizeOptions, true>> = {
  rank: true,
  loss: true,
  solver: true,
  batchRows: true,
  forgetFactor: true,
  shuffle: true,
  rounds: true,
  ratio: true,
  learningRate: true,
  scheduler: true,
  safe: true,
  noise: true,
  updateLimit: true,
  step: true,
  init: true,
  starts: true,
  startIterations: true,
  alphaW: true,
  alphaH: true,
  l1Ratio: true,
  maxW: true,
  maxH: true,
  frozen: true,
  mask: true,
  weights: true,
  maxIterations: true,
  tolerance: true,
  patience: true,
  violationTolerance: true,
  targetLoss: true,
  timeBudgetMs: true,
  seed: true,
  backend: true,
  fallback: true,
  webgpu: true,
  threads: true,
  fast: true,
  dtype: true,
  storage: true,
  onProgress: true,
  onCheckpoint: true,
  checkpointEvery: true,
  resume: true,
  signal: true,
  onAbort: true,
}

const INITS: readonly InitName[] = ['auto', 'random', 'nndsvd', 'nndsvda', 'nndsvdar']

function betaOf(loss: unknown): number {
  if (typeof loss === 'number' && Number.isFinite(loss)) return loss
  if (typeof loss === 'string' && Object.hasOwn(LOSSES, loss)) return LOSSES[loss as LossName]
  throw refuse('loss', loss, `one of ${Object.keys(LOSSES).join(', ')}, or a finite number β`)
}

function startOf(init: unknown): InitName | OwnStart {
  if (typeof init === 'string') return oneOf('init', init, INITS)
  if (typeof init !== 'object' || init === null || !('W' in init || 'H' in init)) {
    throw refuse('init', init, `one of ${INITS.join(', ')}, or an object with W or H or both`)
  }
  return init as OwnStart
}

/** What a mask that is a matrix holds is looked at together with X, and so are weights. */
function checkMask(mask: unknown, init: InitName | OwnStart): void {
  checkObject('mask', mask, 'a matrix or { holdout }')
  if (!isHoldout(mask as MaskInput)) return
  const { holdout, seed = 0, complement = false, ...rest } = mask as HoldoutMask
  between('mask.holdout', holdout, 0, 1)
  whole('mask.seed', seed, 0, 2 ** 32 - 1)
  flag('mask.complement', complement)
  for (const name of Object.keys(rest)) {
    throw new NonnegError('ERR_NONNEG_OPTION', `a hold-out mask has no "${name}"`, { detail: { option: 'mask', name } })
  }
  if (typeof init !== 'string' || init === 'random' || init === 'auto') return
  const message = `init: '${init}' would look at the entries that the mask holds out`
  throw new NonnegError('ERR_NONNEG_OPTION', message, { detail: { option: 'init' }, fix: "use init: 'random'" })
}

export function isHoldout(mask: MaskInput): mask is HoldoutMask {
  return 'holdout' in mask
}

/** An option that is of no use beside another; better refused than ignored. */
function unfit(option: string, message: string, fix: string = `leave ${option} out`): NonnegError {
  return new NonnegError('ERR_NONNEG_OPTION', message, { detail: { option }, fix })
}

/** What rules know nothing of, and a solver that does. */
const BEYOND: Partial<Record<Rule, readonly [readonly ('mask' | 'weights')[], SolverName]>> = {
  sgd: [['mask', 'weights'], 'smu'],
  svrmu: [['mask', 'weights'], 'smu'],
}

function solverOf(options: FactorizeOptions, beta: number): SolverName | 'auto' {
  const solver = oneOf('solver', options.solver ?? 'auto', ['auto', ...SOLVER_NAMES])
  if (solver === 'auto') return solver
  const { suits, rule } = SOLVERS[solver]
  if (suits && !suits(beta)) {
    throw unfit('solver', `solver: '${solver}' is not for β = ${beta}`, "use solver: 'auto', or another loss")
  }
  const [unknown, other] = BEYOND[rule] ?? [[], solver]
  for (const name of unknown) {
    if (options[name] !== undefined) throw unfit(name, `solver: '${solver}' takes no ${name}`, `use solver: '${other}'`)
  }
  return solver
}

function stepOf({ step }: FactorizeOptions, solver: SolverName | 'auto'): number | undefined {
  if (step === undefined) return undefined
  if (solver === 'pg') return between('step', step, 0, Number.POSITIVE_INFINITY)
  throw unfit('step', `step is for solver: 'pg'; the solver is '${solver}'`)
}

function startsOf({ starts = 1 }: FactorizeOptions, init: InitName | OwnStart): number {
  whole('starts', starts, 1, 10_000)
  if (starts === 1 || init === 'random' || init === 'auto') return starts
  throw unfit('starts', "several starts are for init: 'random'; the others are always the same")
}

function bound(name: 'maxW' | 'maxH', value: number | undefined): number | undefined {
  return value === undefined ? undefined : between(name, value, 0, Number.POSITIVE_INFINITY)
}

function checkRunning({ timeBudgetMs, threads, onProgress, onCheckpoint, signal, resume }: FactorizeOptions): void {
  if (timeBudgetMs !== undefined) finite('timeBudgetMs', timeBudgetMs)
  if (threads !== undefined) whole('threads', threads, 1, 1024)
  optionalFunction('onProgress', onProgress)
  optionalFunction('onCheckpoint', onCheckpoint)
  checkSignal(signal)
  if (resume !== undefined && !(resume instanceof Checkpoint)) throw refuse('resume', resume, 'a Checkpoint')
}

/** Where the work is done. A device that was passed in to `'auto'` is asked for, and may hand over as `'auto'` may. */
function placeOf(options: FactorizeOptions): Pick<ResolvedOptions, 'backend' | 'byDevice' | 'fallback' | 'webgpu'> {
  const asked = oneOf('backend', options.backend ?? 'auto', ['auto', ...BACKEND_IDS])
  const choice = webgpuChoice(options.webgpu, asked, flag('fallback', options.fallback ?? false))
  return { ...choice, fallback: options.fallback ?? choice.byDevice }
}

/**
 * Checks every option before any work starts.
 * @throws NonnegError ERR_NONNEG_RANK, ERR_NONNEG_OPTION
 */
export function resolveOptions(options: FactorizeOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw refuse('rank', undefined, 'a whole number ≥ 1')
  checkNames(options, Object.keys(KNOWN), 'option')
  const { mask, weights, timeBudgetMs, threads, onProgress, onCheckpoint, resume, signal, targetLoss } = options
  const rank = whole('rank', options.rank, 1, 65536)
  const beta = betaOf(options.loss ?? 'frobenius')
  const solver = solverOf(options, beta)
  const init = startOf(options.init ?? 'auto')
  if (mask !== undefined) checkMask(mask, init)
  if (weights !== undefined) checkObject('weights', weights, 'a matrix')
  checkRunning(options)
  const alphaW = finite('alphaW', options.alphaW ?? 0)
  const { alphaH = 'same', l1Ratio = 0 } = options
  if (finite('l1Ratio', l1Ratio) > 1) throw refuse('l1Ratio', l1Ratio, 'a number from 0 to 1')
  const frozenParts = resolveFrozen(options.frozen, rank, resume === undefined ? init : 'resumed')
  return {
    rank,
    beta,
    solver,
    step: stepOf(options, solver),
    batches: resolveBatchOptions(options, solver),
    init,
    starts: startsOf(options, init),
    startIterations: whole('startIterations', options.startIterations ?? 20, 1),
    alphaW,
    alphaH: alphaH === 'same' ? alphaW : finite('alphaH', alphaH),
    l1Ratio,
    maxW: bound('maxW', options.maxW),
    maxH: bound('maxH', options.maxH),
    frozenParts,
    frozen: frozenParts.components.length,
    mask,
    weights,
    maxIterations: whole('maxIterations', options.maxIterations ?? 200, 1),
    tolerance: finite('tolerance', options.tolerance ?? 1e-4),
    patience: whole('patience', options.patience ?? 1, 1),
    violationTolerance: finite('violationTolerance', options.violationTolerance ?? 0),
    targetLoss: targetLoss === undefined ? undefined : finite('targetLoss', targetLoss),
    timeBudgetMs,
    seed: whole('seed', options.seed ?? 0, 0),
    ...placeOf(options),
    threads,
    fast: flag('fast', options.fast ?? false),
    dtype: oneOf('dtype', options.dtype ?? 'f32', ['f32', 'f64']),
    storage: options.storage === undefined ? undefined : oneOf<'f16'>('storage', options.storage, ['f16']),
    onProgress,
    onCheckpoint,
    checkpointEvery: whole('checkpointEvery', options.checkpointEvery ?? 100, 1),
    resume,
    signal,
    onAbort: oneOf('onAbort', options.onAbort ?? 'throw', ['throw', 'return']),
  }
}

/** Refuses what no factorisation can be made of. @throws NonnegError ERR_NONNEG_SHAPE */
export function checkNotEmpty(X: MatrixView): void {
  if (X.rows > 0 && X.columns > 0) return
  const detail = { rows: X.rows, columns: X.columns, entries: entryCount(X) }
  throw new NonnegError('ERR_NONNEG_SHAPE', `X is empty: ${X.rows} × ${X.columns}`, { detail })
}

import { inBytes, type Memory, totalBytes } from '../backends/memory.js'
import type { MatrixInput } from '../core/input.js'
import { entryCount } from '../core/matrix.js'
import { explainStreaming, type Plan } from '../engine/plan.js'
import { explainRanking } from '../engine/ranking.js'
import { planOf } from './factorize.js'
import type { FactorizeOptions, ResolvedOptions } from './options.js'
import { type Prepared, prepare } from './prepare.js'
import { resolveOptions } from './resolve-options.js'
import { drawsBatches, type SolverName } from './solvers.js'

/** What a fit would take, before it takes it. */
export interface FitPlan {
  /** The solver that stands first; another where the backend lacks it. */
  readonly solver: SolverName
  /** The backend that would be tried first. */
  readonly backend: Plan['candidates'][number]['id']
  readonly estimatedSeconds: number
  /**
   * Bytes by purpose: on the backend, and as `host` those of JavaScript beside it: starts, results, and copies of X. Where not
   * all of X has room on the backend, `streams` says in how many panels it goes there, and how many bytes that is an iteration.
   */
  readonly bytes: Memory & { readonly host: number }
  /** Bytes in all. */
  readonly total: number
  readonly plan: Plan
  /** All of this in words. */
  explain(): string
}

/**
 * Arrays of JavaScript: the start and the result in full, X in another scale, the transpose that sparse X is sent with, X and
 * the start with their rows mixed, and in half precision what of X is sent again and again.
 */
function hostBytes(
  { X, rows, columns, k, candidates }: Prepared,
  { rank, dtype, batches, storage }: Pick<ResolvedOptions, 'rank' | 'dtype' | 'batches' | 'storage'>,
  streams: Memory['streams'],
): number {
  const size = dtype === 'f64' ? 8 : 4
  const factors = (rows + columns) * rank * size
  const copy = entryCount(X) * (X.kind === 'dense' ? size : size + 4)
  const mixed = drawsBatches(candidates[0].name) && batches.shuffle ? copy + factors : 0
  const halves = storage === 'f16' ? (streams?.bytesPerIteration ?? 0) : 0
  return 2 * factors + (k === 0 ? 0 : copy) + (X.kind === 'csr' ? copy : 0) + mixed + halves
}

/**
 * What `factorize(X, options)` would take of memory and time, without taking it: X is looked at and checked as a fit would.
 * @throws NonnegError ERR_NONNEG_MEMORY where no backend has room; else as `factorize` does before any work
 */
export async function plan(X: MatrixInput, options: FactorizeOptions): Promise<FitPlan> {
  const resolved = resolveOptions(options)
  const prepared = await prepare(X, resolved)
  const made = await planOf(prepared, prepared.candidates, resolved)
  const [{ id, estimatedSeconds }] = made.candidates
  const bytes = { ...made.memory, host: hostBytes(prepared, resolved, made.memory.streams) }
  const total = totalBytes(bytes) + bytes.host
  const { name } = prepared.candidates[0]
  const parts = (['X', 'weights', 'factors', 'workspace', 'host'] as const)
    .filter(purpose => bytes[purpose] > 0)
    .map(purpose => `${purpose} ${inBytes(bytes[purpose])}`)
  const memory = `memory ${inBytes(total)}: ${parts.join(', ')}`
  const explain = () =>
    [`solver ${name}`, memory, ...explainStreaming(id, made.memory), explainRanking(made)].join('\n')
  return { solver: name, backend: id, estimatedSeconds, bytes, total, plan: made, explain }
}

import type { BackendId, Device } from '../backends/backend.js'
import { BACKEND_IDS } from '../backends/registry.js'
import type { WebgpuOptions } from '../backends/webgpu/options.js'
import { availableThreads, environment } from '../core/environment.js'
import { NonnegError } from '../core/errors.js'
import { type DeviceOptions, withDevice } from './devices.js'
import { type BackendReport, probeBackend, reportOnGiven } from './probe.js'

/** A backend that can do the job. */
export interface Candidate {
  readonly id: BackendId
  readonly estimatedSeconds: number
  /** Of one that stands by: its device has said that it can do the job. */
  readonly isAsked?: true
}

/** A backend that cannot, or may not, and why. */
export interface Refusal {
  readonly id: BackendId
  readonly reason: string
  readonly fix: string | null
  /** It could, but for what it takes of memory. */
  readonly isTooLarge?: boolean
}

/** Which backends will be tried, in which order, and why the others are not. */
export interface Ranking {
  readonly candidates: readonly Candidate[]
  readonly refusals: readonly Refusal[]
  readonly threads: number
  /** Whether WASM may use relaxed SIMD. */
  readonly fast: boolean
  /** What the caller says of the GPU. */
  readonly webgpu?: WebgpuOptions
  /** How the backend was chosen: by name, or by estimate. */
  readonly chosenBy: 'option' | 'environment' | 'estimate'
}

export interface RankingOptions {
  readonly backend?: BackendId | 'auto'
  readonly threads?: number
  readonly fast?: boolean
  readonly webgpu?: WebgpuOptions
}

/** What backends are ranked for. */
export interface Job<T extends object> {
  /** @param answer what its device has said, where that has been asked: it may take longer than it seemed */
  estimatedSeconds(id: BackendId, threads: number, answer?: T): number
  /** Why a backend that can do it does not where none is asked for by name. */
  readonly unasked?: (id: BackendId) => string | undefined
  /** What it takes on an open device, which alone knows its limits, or why it cannot be done there. */
  answer(device: Device): T | Omit<Refusal, 'id'>
}

/** A backend that is not ranked yet. */
interface Waiting<T> {
  readonly report: BackendReport
  readonly estimatedSeconds: number
  /** Where it was asked, and takes longer than others seem to. */
  readonly answer?: T
}

/** Threads of a fit or an optimizer: the option, else NONNEG_THREADS, else what the machine offers (at most 64). */
export function resolveThreads(option: number | undefined): number {
  if (option !== undefined) return option
  const variable = environment('NONNEG_THREADS')
  if (variable === undefined) return Math.min(64, availableThreads())
  const threads = Number(variable)
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new NonnegError('ERR_NONNEG_OPTION', `NONNEG_THREADS is "${variable}", not a whole number from 1 to 1024`)
  }
  return threads
}

function requested(option: BackendId | 'auto' | undefined): { id: BackendId | undefined; by: Ranking['chosenBy'] } {
  if (option !== undefined && option !== 'auto') return { id: option, by: 'option' }
  const variable = environment('NONNEG_BACKEND')
  if (variable === undefined || variable === 'auto') return { id: undefined, by: 'estimate' }
  const id = BACKEND_IDS.find(known => known === variable)
  if (id) return { id, by: 'environment' }
  throw new NonnegError(
    'ERR_NONNEG_OPTION',
    `NONNEG_BACKEND is "${variable}"; known are auto, ${BACKEND_IDS.join(', ')}`,
  )
}

/** A refusal of a device that was asked: what it says of a fix is about the job, not about what the machine lacks. */
interface Answered extends Refusal {
  readonly isAnswer?: boolean
}

async function answerOf<T extends object>(
  { id, available, emulated, reason, fix }: BackendReport,
  job: Job<T>,
  options: DeviceOptions,
  byName: boolean,
): Promise<Answered | T> {
  if (!available) return { id, reason: reason ?? 'absent', fix }
  if (emulated && !byName) {
    return { id, reason: 'emulated on the CPU: proves correctness, never faster', fix: `ask for it: backend: '${id}'` }
  }
  const unasked = byName ? undefined : job.unasked?.(id)
  if (unasked !== undefined) return { id, reason: unasked, fix: `ask for it: backend: '${id}'` }
  try {
    const answer = await withDevice(id, options, async device => job.answer(device))
    return 'reason' in answer ? { ...answer, id, isAnswer: true } : answer
  } catch (error) {
    const ownFix = error instanceof NonnegError ? error.fix : undefined
    return { id, reason: error instanceof Error ? error.message : String(error), fix: ownFix ?? null }
  }
}

/**
 * Ranks the backends for one job. A backend asked for by name is the only candidate; otherwise all that can do it, by
 * estimated seconds. Emulated backends are used only when asked for by name. Answers what the first of them said as well.
 * @throws NonnegError ERR_NONNEG_NO_BACKEND with every refusal and its reason when none is left, _MEMORY where one of them
 * has but no room
 */
export async function rankBackends<T extends object>(
  job: Job<T>,
  options: RankingOptions,
): Promise<{ readonly ranking: Ranking; readonly answer: T }> {
  const threads = resolveThreads(options.threads)
  const { fast = false, webgpu } = options
  const { id: named, by } = requested(options.backend)
  const ids = named ? [named] : BACKEND_IDS
  const candidates: Candidate[] = []
  const refusals: Refusal[] = []
  const fixes: (string | null)[] = []
  let first: T | undefined
  // estimates first, and only as many devices are opened as it takes to find one that will do
  const reports = await Promise.all(
    ids.map(id => (id === 'webgpu' && webgpu?.device ? reportOnGiven() : probeBackend(id))),
  )
  const bySeconds = (a: Waiting<T>, b: Waiting<T>) => a.estimatedSeconds - b.estimatedSeconds
  const waiting = reports
    .map((report): Waiting<T> => ({ report, estimatedSeconds: job.estimatedSeconds(report.id, threads) }))
    .sort(bySeconds)
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { report, estimatedSeconds } = next
    const { id, available, emulated } = report
    if (first !== undefined && available && !emulated && job.unasked?.(id) === undefined) {
      candidates.push({ id, estimatedSeconds, ...(next.answer && { isAsked: true }) })
      continue
    }
    const answer = next.answer ?? (await answerOf(report, job, { threads, fast, webgpu }, named !== undefined))
    if ('reason' in answer) {
      const { isAnswer, ...refusal } = answer as Answered
      refusals.push(refusal)
      if (isAnswer) fixes.push(refusal.fix)
      continue
    }
    const known = job.estimatedSeconds(id, threads, answer)
    if (next.answer === undefined && known > estimatedSeconds) {
      // others may do better than it seemed
      waiting.push({ report, estimatedSeconds: known, answer })
      waiting.sort(bySeconds)
    } else {
      candidates.push({ id, estimatedSeconds: known })
      first = answer
    }
  }
  if (first === undefined) {
    const list = refusals.map(refusal => `${refusal.id}: ${refusal.reason}`).join('; ')
    const message = named
      ? `the ${named} backend cannot do this: ${refusals[0].reason}`
      : `no backend can do this: ${list}`
    const fix = [...fixes, ...refusals.map(refusal => refusal.fix)].find(found => found) ?? undefined
    const code = refusals.some(({ isTooLarge }) => isTooLarge) ? 'ERR_NONNEG_MEMORY' : 'ERR_NONNEG_NO_BACKEND'
    throw new NonnegError(code, message, { detail: { refusals }, fix })
  }
  return { ranking: { candidates, refusals, threads, fast, webgpu, chosenBy: by }, answer: first }
}

/** A ranking in words, one line a backend. */
export function explainRanking(ranking: Ranking): string {
  const chosen = ranking.candidates.map(({ id, estimatedSeconds, isAsked }, place) => {
    const role = place === 0 ? 'chosen' : isAsked ? 'stands by' : 'stands by, not asked yet'
    return `${id}: ${role}, ${estimatedSeconds.toPrecision(2)} s estimated`
  })
  const refused = ranking.refusals.map(({ id, reason, fix }) => `${id}: refused, ${reason}${fix ? ` (${fix})` : ''}`)
  const how = { option: 'by name', environment: 'by NONNEG_BACKEND', estimate: 'by estimate' }[ranking.chosenBy]
  const { threads } = ranking
  return [`backend ${how}, ${threads} thread${threads === 1 ? '' : 's'}`, ...chosen, ...refused].join('\n')
}

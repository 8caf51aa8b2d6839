import type { BackendId, Device } from '../backends/backend.js'
import { BACKEND_IDS } from '../backends/registry.js'
import type { WebgpuOptions } from '../backends/webgpu/options.js'
import { availableThreads, environment } from '../core/environment.js'
import { NonnegError } from '../core/errors.js'
import { problemsIn, type SettingProblem } from '../core/setting-problems.js'
import { loadsDrivers, startupSeconds } from './costs.js'
import { type DeviceOptions, withDevice } from './devices.js'
import { absentAnyway, type BackendReport, probeBackend, reportOnGiven } from './probe.js'

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
  /** Nobody knows whether it could: to look takes longer than another takes for all of it. */
  readonly isNotLookedFor?: boolean
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
  /** How the backend was chosen: by name, by a GPU device that was passed in under `'auto'`, or by estimate. */
  readonly chosenBy: 'option' | 'environment' | 'device' | 'estimate'
}

export interface RankingOptions {
  readonly backend?: BackendId | 'auto'
  /** The backend is that of a device which was passed in, and nobody has named it. Default false. */
  readonly byDevice?: boolean
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
  readonly id: BackendId
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
    throw new NonnegError('ERR_NONNEG_OPTION', `NONNEG_THREADS is "${variable}", not a whole number from 1 to 1024`, {
      detail: { variable: 'NONNEG_THREADS', value: variable },
      fix: 'set it to such a number, or unset it',
    })
  }
  return threads
}

function requested({ backend: option, byDevice = false }: RankingOptions): {
  readonly id: BackendId | undefined
  readonly by: Ranking['chosenBy']
} {
  if (option !== undefined && option !== 'auto') return { id: option, by: byDevice ? 'device' : 'option' }
  const variable = environment('NONNEG_BACKEND')
  if (variable === undefined || variable === 'auto') return { id: undefined, by: 'estimate' }
  const id = BACKEND_IDS.find(known => known === variable)
  if (id) return { id, by: 'environment' }
  throw new NonnegError(
    'ERR_NONNEG_OPTION',
    `NONNEG_BACKEND is "${variable}"; known are auto, ${BACKEND_IDS.join(', ')}`,
    { detail: { variable: 'NONNEG_BACKEND', value: variable }, fix: 'set it to one of these, or unset it' },
  )
}

/** Environment variables that say something of every backend, and whose values are not understood. */
export function commonProblems(): readonly SettingProblem[] {
  return problemsIn([() => resolveThreads(undefined), () => requested({})])
}

const EMULATED = 'emulated on the CPU: proves correctness, never faster'

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
  if (emulated && !byName) return { id, reason: EMULATED, fix: `ask for it: backend: '${id}'` }
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

/** A backend that is not looked for, as the first candidate will be done before it has started. */
function notLookedFor(id: BackendId, { id: first, estimatedSeconds }: Candidate): Refusal {
  const [start, all] = [startupSeconds(id), estimatedSeconds].map(seconds => seconds.toPrecision(2))
  const reason = `not looked for: it takes ${start} s to start, ${first} ${all} s in all, estimated`
  return { id, reason, fix: `ask for it: backend: '${id}'`, isNotLookedFor: true }
}

/**
 * Ranks the backends for one job. A backend asked for by name is the only candidate; otherwise all that can do it, by
 * estimated seconds. Emulated backends are used only when asked for by name, and drivers are loaded only where what they
 * drive could be done first. Answers what the first of the candidates said as well.
 * @throws NonnegError ERR_NONNEG_NO_BACKEND with every refusal and its reason when none is left, _MEMORY where one of them
 * has but no room
 */
export async function rankBackends<T extends object>(
  job: Job<T>,
  options: RankingOptions,
): Promise<{ readonly ranking: Ranking; readonly answer: T }> {
  const threads = resolveThreads(options.threads)
  const { fast = false, webgpu } = options
  const { id: named, by } = requested(options)
  const ids = named ? [named] : BACKEND_IDS
  const candidates: Candidate[] = []
  const refusals: Refusal[] = []
  const fixes: (string | null)[] = []
  let first: T | undefined
  const isGiven = (id: BackendId) => id === 'webgpu' && webgpu?.device !== undefined
  const isFar = (id: BackendId) => loadsDrivers(id) && !isGiven(id)
  const reportOn = (id: BackendId) => (isGiven(id) ? reportOnGiven() : probeBackend(id))
  const bySeconds = (a: Waiting<T>, b: Waiting<T>) => a.estimatedSeconds - b.estimatedSeconds
  const waiting = ids
    .map((id): Waiting<T> => ({ id, estimatedSeconds: job.estimatedSeconds(id, threads) }))
    .sort(bySeconds)
  // estimates first, and only as many devices are opened as it takes to find one that will do
  const near = await Promise.all(ids.filter(id => !isFar(id)).map(reportOn))
  const isThere = (id: BackendId) => job.unasked?.(id) === undefined && near.some(one => one.id === id && one.available)
  const soonest = waiting.find(({ id }) => isThere(id))?.estimatedSeconds ?? Number.POSITIVE_INFINITY
  await Promise.all(ids.filter(id => startupSeconds(id) < soonest).map(reportOn))
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { id, estimatedSeconds } = next
    const isLate = candidates.length > 0 && isFar(id) && startupSeconds(id) >= candidates[0].estimatedSeconds
    if (isLate && !next.answer && !absentAnyway(id)) {
      refusals.push(notLookedFor(id, candidates[0]))
      continue
    }
    const report = await reportOn(id)
    const { available, emulated } = report
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
      waiting.push({ id, estimatedSeconds: known, answer })
      waiting.sort(bySeconds)
    } else {
      candidates.push({ id, estimatedSeconds: known })
      first = answer
    }
  }
  if (first === undefined) {
    const isFull = refusals.some(({ isTooLarge }) => isTooLarge)
    const able: (string | null)[] = []
    const tight: (string | null)[] = []
    for (const [at, { id, reason, fix }] of refusals.entries()) {
      if (reason !== EMULATED) continue
      // as nothing else is left, nobody is to be sent to what would refuse it too, nor away from what would do it
      const answer = await answerOf(await reportOn(id), job, { threads, fast, webgpu }, true)
      if ('reason' in answer) {
        const { isAnswer: _, ...refusal } = answer as Answered
        refusals[at] = { ...refusal, reason: `${reason}, and ${refusal.reason}` }
        if (refusal.isTooLarge) tight.push(refusal.fix)
      } else able.push(fix)
    }
    // but where a backend that computes for itself lacks only room, an emulation is no better than what it says
    if (!isFull) fixes.unshift(...able, ...tight)
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

/** How the work went that a ranking was made for. */
export interface Outcome {
  /** Backends that failed on the way, in this order. */
  readonly failed: readonly BackendId[]
  /** The one that did the rest. */
  readonly backend: BackendId
}

/** What became of a candidate, or may become of it. */
function roleOf({ id, isAsked }: Candidate, place: number, outcome: Outcome | undefined): string {
  const isFirst = place === 0
  if (outcome?.failed.includes(id)) return isFirst ? 'chosen, failed in flight' : 'failed in flight'
  if (isFirst) return 'chosen'
  if (id === outcome?.backend) return 'went on'
  return isAsked ? 'stands by' : 'stands by, not asked yet'
}

/** A ranking in words, one line a backend; with what came of it, once that is known. */
export function explainRanking(ranking: Ranking, outcome?: Outcome): string {
  const chosen = ranking.candidates.map((candidate, place) => {
    const { id, estimatedSeconds } = candidate
    return `${id}: ${roleOf(candidate, place, outcome)}, ${estimatedSeconds.toPrecision(2)} s estimated`
  })
  const refused = ranking.refusals.map(({ id, reason, fix }) => `${id}: refused, ${reason}${fix ? ` (${fix})` : ''}`)
  const ways = {
    option: 'by name',
    environment: 'by NONNEG_BACKEND',
    device: 'by the GPU device passed in',
    estimate: 'by estimate',
  }
  const { threads, chosenBy } = ranking
  return [`backend ${ways[chosenBy]}, ${threads} thread${threads === 1 ? '' : 's'}`, ...chosen, ...refused].join('\n')
}

import type { BackendId, Device, FitSpec } from '../backends/backend.js'
import { inBytes, type Memory, totalBytes } from '../backends/memory.js'
import { BACKEND_IDS } from '../backends/registry.js'
import { availableThreads, environment } from '../core/environment.js'
import { NonnegError } from '../core/errors.js'
import { estimateSeconds, type Instance } from './costs.js'
import { type DeviceOptions, withDevice } from './devices.js'
import { type BackendReport, probeBackend } from './probe.js'

/** What is to be fitted, with the specs that would do, best first. */
export interface Request extends Omit<Instance, 'spec'> {
  readonly specs: readonly FitSpec[]
}

/** A backend that can do the job. */
export interface Candidate {
  readonly id: BackendId
  readonly estimatedSeconds: number
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
export interface Plan {
  readonly candidates: readonly Candidate[]
  readonly refusals: readonly Refusal[]
  readonly threads: number
  /** What the fit takes on the first of them. */
  readonly memory: Memory
  /** Whether WASM may use relaxed SIMD. */
  readonly fast: boolean
  /** How the backend was chosen: by name, or by estimate. */
  readonly chosenBy: 'option' | 'environment' | 'estimate'
}

export interface PlanOptions {
  readonly backend?: BackendId | 'auto'
  readonly threads?: number
  readonly fast?: boolean
  readonly iterations: number
}

/** Threads of a fit: the option, else NONNEG_THREADS, else what the machine offers (at most 64). */
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

function requested(option: BackendId | 'auto' | undefined): { id: BackendId | undefined; by: Plan['chosenBy'] } {
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

/** The first of the specs that the device takes; else why it does not take the last. */
export function chooseSpec(device: Device, { X, specs, weights }: Request): { spec: FitSpec } | { reason: string } {
  let reason = ''
  for (const spec of specs) {
    const support = device.supports(X, spec, weights)
    if (support.supported) return { spec }
    reason = support.reason
  }
  return { reason }
}

const SMALLER = "lower the rank, take a sparse X or a part of the rows, or dtype: 'f32'"

/** What a fit takes on a device, or why there is no room for it. */
export function memoryOn(device: Device, spec: FitSpec, { X, weights }: Request): Memory | { readonly reason: string } {
  const memory = device.memory(X, spec, weights)
  const total = totalBytes(memory)
  const { memoryLimit = Number.POSITIVE_INFINITY } = device
  if (total <= memoryLimit) return memory
  const parts = `X ${inBytes(memory.X)}, factors ${inBytes(memory.factors)}`
  return { reason: `the fit takes ${inBytes(total)} (${parts}), and there are ${inBytes(memoryLimit)}` }
}

/** Asks the device about this very instance, as only an open device knows its limits. */
async function answerOf(
  report: BackendReport,
  request: Request,
  options: DeviceOptions,
  byName: boolean,
): Promise<Refusal | Memory> {
  const { id } = report
  if (!report.available) return { id, reason: report.reason ?? 'absent', fix: report.fix }
  if (report.emulated && !byName) {
    return { id, reason: 'emulated on the CPU: proves correctness, never faster', fix: `ask for it: backend: '${id}'` }
  }
  try {
    return await withDevice(id, options, async device => {
      const chosen = chooseSpec(device, request)
      if ('reason' in chosen) return { id, reason: chosen.reason, fix: null }
      const memory = memoryOn(device, chosen.spec, request)
      return 'reason' in memory ? { id, reason: memory.reason, fix: SMALLER, isTooLarge: true } : memory
    })
  } catch (error) {
    return { id, reason: error instanceof Error ? error.message : String(error), fix: null }
  }
}

/**
 * Ranks the backends for one problem. A backend asked for by name is the only candidate; otherwise all that can do the
 * job, by estimated seconds. Emulated backends are used only when asked for by name.
 * @throws NonnegError ERR_NONNEG_NO_BACKEND with every refusal and its reason when none is left, _MEMORY where one of them
 * has but no room
 */
export async function planFit(request: Request, options: PlanOptions): Promise<Plan> {
  const threads = resolveThreads(options.threads)
  const fast = options.fast ?? false
  const { id: named, by } = requested(options.backend)
  const ids = named ? [named] : BACKEND_IDS
  const candidates: Candidate[] = []
  const refusals: Refusal[] = []
  let memory: Memory | undefined
  const instance = { ...request, spec: request.specs[0] }
  // estimates first, and only as many devices are opened as it takes to find one that will do
  const reports = await Promise.all(ids.map(probeBackend))
  const estimated = reports
    .map(report => ({ report, seconds: estimateSeconds(report.id, instance, options.iterations, threads) }))
    .sort((a, b) => a.seconds - b.seconds)
  for (const { report, seconds } of estimated) {
    if (candidates.length > 0 && report.available && !report.emulated) {
      candidates.push({ id: report.id, estimatedSeconds: seconds })
      continue
    }
    const answer = await answerOf(report, request, { threads, fast }, named !== undefined)
    if ('reason' in answer) refusals.push(answer)
    else {
      candidates.push({ id: report.id, estimatedSeconds: seconds })
      memory = answer
    }
  }
  if (memory === undefined) {
    const list = refusals.map(refusal => `${refusal.id}: ${refusal.reason}`).join('; ')
    const message = named
      ? `the ${named} backend cannot do this: ${refusals[0].reason}`
      : `no backend can do this: ${list}`
    const fix = refusals.map(refusal => refusal.fix).find(found => found) ?? undefined
    const code = refusals.some(({ isTooLarge }) => isTooLarge) ? 'ERR_NONNEG_MEMORY' : 'ERR_NONNEG_NO_BACKEND'
    throw new NonnegError(code, message, { detail: { refusals }, fix })
  }
  return { candidates, refusals, memory, threads, fast, chosenBy: by }
}

const NONE_CAN: readonly string[] = ['ERR_NONNEG_NO_BACKEND', 'ERR_NONNEG_MEMORY']

/** The named backend first, where it can do the job, then what `'auto'` would try. */
export async function planWithFallback(request: Request, asked: PlanOptions): Promise<Plan> {
  const plans: Plan[] = []
  const failures: NonnegError[] = []
  for (const backend of [asked.backend, 'auto'] as const) {
    try {
      plans.push(await planFit(request, { ...asked, backend }))
    } catch (error) {
      if (!(error instanceof NonnegError && NONE_CAN.includes(error.code))) throw error
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

/** The plan in words, one line a backend. */
export function explainPlan(plan: Plan): string {
  const chosen = plan.candidates.map((candidate, place) => {
    const seconds = candidate.estimatedSeconds.toPrecision(2)
    return `${candidate.id}: ${place === 0 ? 'chosen' : 'stands by, not asked yet'}, ${seconds} s estimated`
  })
  const refused = plan.refusals.map(({ id, reason, fix }) => `${id}: refused, ${reason}${fix ? ` (${fix})` : ''}`)
  const how = { option: 'by name', environment: 'by NONNEG_BACKEND', estimate: 'by estimate' }[plan.chosenBy]
  return [`backend ${how}, ${plan.threads} thread${plan.threads === 1 ? '' : 's'}`, ...chosen, ...refused].join('\n')
}

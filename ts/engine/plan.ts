import type { BackendId, Device, FitSpec } from '../backends/backend.js'
import { inBytes, type Memory, totalBytes } from '../backends/memory.js'
import { NonnegError } from '../core/errors.js'
import { busRate, estimateSeconds, type Instance } from './costs.js'
import { iterationFlops } from './flops.js'
import { type Ranking, type RankingOptions, type Refusal, rankBackends } from './ranking.js'

/** What is to be fitted, with the specs that would do, best first. */
export interface Request extends Omit<Instance, 'spec'> {
  readonly specs: readonly FitSpec[]
}

/** Which backends will be tried, in which order, and why the others are not. */
export interface Plan extends Ranking {
  /** What the fit takes on the first of them. */
  readonly memory: Memory
}

export interface PlanOptions extends RankingOptions {
  readonly iterations: number
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
export function memoryOn(
  device: Device,
  spec: FitSpec,
  { X, weights }: Request,
): Memory | { readonly reason: string; readonly fix: string } {
  const memory = device.memory(X, spec, weights)
  const total = totalBytes(memory)
  const { backend, memoryLimit = Number.POSITIVE_INFINITY } = device
  if (total <= memoryLimit) return memory
  const all = { X: memory.X, factors: memory.factors, workspace: memory.workspace }
  const parts = Object.entries(all).map(([purpose, bytes]) => `${purpose} ${inBytes(bytes)}`)
  const reason = `the fit takes ${inBytes(total)} at least (${parts.join(', ')}), and there are ${inBytes(memoryLimit)}`
  // only WebGPU is told how much there is, and it has no other element type
  const limit = `set webgpu.memoryLimit (or NONNEG_WEBGPU_MEMORY) to ${Math.ceil(total)} or more`
  const fix = backend === 'webgpu' ? `${limit}, lower the rank, or choose another backend` : SMALLER
  return { reason, fix }
}

/** What to leave out of a request that a device does not take, where that is all it lacks. */
function fixFor(device: Device, { X, specs, weights }: Request): string | null {
  const { storage, ...spec } = specs[specs.length - 1]
  if (storage === undefined || !device.supports(X, spec, weights).supported) return null
  return `leave storage: '${storage}' out, or choose backend: 'webgpu' on a GPU that has it`
}

/** Whether a device does this very instance, and what that takes. */
function answerOf(device: Device, request: Request): Memory | Omit<Refusal, 'id'> {
  const chosen = chooseSpec(device, request)
  if ('reason' in chosen) return { reason: chosen.reason, fix: fixFor(device, request) }
  const memory = memoryOn(device, chosen.spec, request)
  return 'reason' in memory ? { ...memory, isTooLarge: true } : memory
}

/**
 * What a backend sends again and again, in words; nothing where all of X has room.
 * @param turnedFull whether it was found on the way that there is no room
 */
export function explainStreaming(id: BackendId, { streams }: Memory, turnedFull = false): string[] {
  if (!streams) return []
  const { panels, staying, bytesPerIteration } = streams
  const rate = busRate(id)
  const seconds = (bytesPerIteration / rate).toPrecision(2)
  const sent = `${inBytes(bytesPerIteration)} an iteration, ${seconds} s at ${inBytes(rate)} a second, which is assumed`
  const why = turnedFull ? 'turned out to be full, and ' : ''
  return [`${id} ${why}streams X in ${panels} panels, ${staying} of which stay: ${sent}`]
}

/**
 * Ranks the backends for one problem, as `rankBackends` does.
 * @throws NonnegError ERR_NONNEG_NO_BACKEND, _MEMORY
 */
export async function planFit(request: Request, options: PlanOptions): Promise<Plan> {
  const instance = { ...request, spec: request.specs[0] }
  const flops = iterationFlops(instance)
  const { ranking, answer } = await rankBackends<Memory>(
    {
      estimatedSeconds: (id, threads, memory) =>
        estimateSeconds(id, instance, flops, options.iterations, threads, memory?.streams?.bytesPerIteration),
      answer: device => answerOf(device, request),
    },
    options,
  )
  return { ...ranking, memory: answer }
}

const NONE_CAN: readonly string[] = ['ERR_NONNEG_NO_BACKEND', 'ERR_NONNEG_MEMORY']

/** A plan, or the error that says that no backend can do it. */
async function planUnlessNone(request: Request, options: PlanOptions): Promise<Plan | NonnegError> {
  try {
    return await planFit(request, options)
  } catch (error) {
    if (error instanceof NonnegError && NONE_CAN.includes(error.code)) return error
    throw error
  }
}

function refusalsOf(made: Plan | NonnegError): readonly Refusal[] {
  return made instanceof NonnegError ? (made.detail.refusals as Refusal[]) : made.refusals
}

/** The named backend first, where it can do the job, then what `'auto'` would try. */
export async function planWithFallback(request: Request, asked: PlanOptions): Promise<Plan> {
  const byName = await planUnlessNone(request, asked)
  const byEstimate = await planUnlessNone(request, { ...asked, backend: 'auto' })
  const both = [byName, byEstimate]
  const plans = both.filter((one): one is Plan => !(one instanceof NonnegError))
  if (byName instanceof NonnegError && plans.length === 0) throw byName
  // why a backend that was asked for by name cannot do it says more than why it would not have been chosen
  const refusals = both.flatMap(refusalsOf)
  const first = <T extends { id: BackendId }>(list: readonly T[]) =>
    list.filter((one, place) => list.findIndex(({ id }) => id === one.id) === place)
  // what was refused by name would be refused again; what is not chosen by estimate may well do it by name
  const refused = byName instanceof NonnegError ? refusalsOf(byName).map(({ id }) => id) : []
  const candidates = first(plans.flatMap(plan => plan.candidates)).filter(({ id }) => !refused.includes(id))
  const chosen = candidates.map(({ id }) => id)
  return { ...plans[0], candidates, refusals: first(refusals).filter(({ id }) => !chosen.includes(id)) }
}

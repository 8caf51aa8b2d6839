import type { BackendId } from '../backends/backend.js'
import { BACKEND_IDS } from '../backends/registry.js'
import type { OptimizerSpec, Vectors } from '../backends/vectors.js'
import { checkNames, checkObject, checkSignal, flag, oneOf, refuse, whole } from '../core/checks.js'
import { abortError, inWords, NonnegError } from '../core/errors.js'
import type { FloatArray } from '../core/matrix.js'
import { borrowDevice, type Loan } from '../engine/devices.js'
import { planOptimizer } from '../engine/optimizer-plan.js'
import type { Ranking } from '../engine/ranking.js'
import { webgpuChoice } from '../engine/webgpu-choice.js'
import { isScheduler } from '../schedulers/composed.js'
import type { Kind, Setup } from './kind.js'
import { KINDS } from './kinds.js'
import { Optimizer } from './optimizer.js'
import {
  COMMON_OPTIONS,
  GROUP_SETTINGS,
  type GroupOptions,
  type OptimizerKind,
  type OptimizerOptions,
} from './options.js'

const KIND_NAMES = Object.keys(KINDS) as OptimizerKind[]

/** Without the names whose value is undefined, which stand for the default. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}

function checkParams(params: unknown): asserts params is FloatArray {
  if (!(params instanceof Float32Array || params instanceof Float64Array)) {
    const message = `the parameters are ${inWords(params)}, not a Float32Array or Float64Array`
    throw new NonnegError('ERR_NONNEG_DTYPE', message)
  }
  if (params.length === 0) throw new NonnegError('ERR_NONNEG_SHAPE', 'there are no parameters')
}

/** The groups, each with settings of its own where it has some. */
function groupsOf({ groups }: OptimizerOptions, length: number): readonly GroupOptions[] {
  if (groups === undefined) return [{ length }]
  if (!Array.isArray(groups) || groups.length === 0) throw refuse('groups', groups, 'a list of lengths')
  const own: readonly GroupOptions[] = groups.map((group, k) => {
    const options = typeof group === 'number' ? { length: group } : group
    checkObject(`groups[${k}]`, options, 'a length or { length, … }')
    checkNames(options, ['length', ...GROUP_SETTINGS], 'setting of a group')
    return { ...given(options), length: whole(`groups[${k}].length`, options.length, 1) }
  })
  const total = own.reduce((sum, group) => sum + group.length, 0)
  if (total === length) return own
  const lengths = own.map(group => group.length)
  throw new NonnegError('ERR_NONNEG_SHAPE', `groups of ${lengths.join(', ')} are ${total} parameters, not ${length}`, {
    detail: { groups: lengths, length },
  })
}

function checkScheduler(scheduler: unknown): void {
  if (isScheduler(scheduler) && Array.isArray(scheduler.learningRates)) return
  // what a name stands for depends on how long the run is, which an optimizer does not know
  const { message, detail } = refuse('scheduler', scheduler, 'a scheduler')
  throw new NonnegError('ERR_NONNEG_OPTION', message, {
    detail,
    fix: 'schedulerFrom(name, { learningRate, totalSteps }) makes one by name',
  })
}

function setupOf(kind: Kind, options: OptimizerOptions, length: number): Setup {
  const known = Object.keys(kind.options)
  checkNames(given(options), [...COMMON_OPTIONS, ...known], `option of the kind ${options.kind}`)
  const groups = groupsOf(options, length)
  const filled = { ...kind.options, ...given(options) } as OptimizerOptions
  const { scheduler } = filled
  if (options.scheduler !== undefined) checkScheduler(options.scheduler)
  const each = groups.map((group, k) => {
    const { length: _, ...settings } = group
    checkNames(settings, known, `setting of a group of the kind ${options.kind}`)
    if (scheduler && settings.learningRate !== undefined) {
      const message = `groups[${k}].learningRate is ${settings.learningRate}, and the scheduler sets the rates`
      throw new NonnegError('ERR_NONNEG_OPTION', message, { fix: 'give the scheduler learningRates' })
    }
    return { ...filled, ...settings }
  })
  const rates = scheduler?.learningRates.length ?? 1
  if (rates !== 1 && rates !== groups.length) {
    throw new NonnegError('ERR_NONNEG_SHAPE', `the scheduler has ${rates} rates for ${groups.length} groups`)
  }
  return { length, groups: groups.map(group => group.length), options: filled, each }
}

/** Below this an array is stepped on the calling thread: a device is opened without workers to keep idle. */
const FEW = 1 << 16

/** The arrays on the first of the backends that has room for them after all. */
async function open(
  ranking: Ranking,
  length: number,
  spec: OptimizerSpec,
): Promise<{ readonly id: BackendId; readonly loan: Loan; readonly vectors: Vectors }> {
  const { candidates, fast, webgpu } = ranking
  const threads = length <= FEW ? 1 : ranking.threads
  let first: unknown
  for (const { id } of candidates) {
    const loan = await borrowDevice(id, { threads, fast, webgpu }).catch(error => {
      first ??= error
    })
    if (!loan) continue
    try {
      return { id, loan, vectors: await loan.device.createOptimizer(length, spec) }
    } catch (error) {
      first ??= error
      await loan.giveBack(error)
    }
  }
  throw first
}

/** `createOptimizer`. */
export async function makeOptimizer(params: FloatArray, options: OptimizerOptions): Promise<Optimizer> {
  checkParams(params)
  checkObject('options', options, 'an object')
  const name = oneOf('kind', options.kind, KIND_NAMES)
  const setup = setupOf(KINDS[name], options, params.length)
  const { threads, fast = false, nonFinite = 'throw', signal, scheduler } = setup.options
  const asked = oneOf('backend', setup.options.backend ?? 'auto', ['auto', ...BACKEND_IDS])
  const choice = webgpuChoice(setup.options.webgpu, asked, false)
  if (threads !== undefined) whole('threads', threads, 1, 1024)
  flag('fast', fast)
  oneOf('nonFinite', nonFinite, ['throw', 'skip', 'pass'])
  checkSignal(signal)
  const method = KINDS[name].make(setup)
  if (signal?.aborted) throw abortError(signal)
  const arrays = ['p', 'g', ...(method.needs.arrays ?? [])]
  const spec: OptimizerSpec = { ...method.needs, arrays, groups: setup.groups }
  const dtype = params instanceof Float64Array ? 'f64' : 'f32'
  const ranking = await planOptimizer({ length: params.length, spec, dtype }, { ...choice, threads, fast })
  const { id, loan, vectors } = await open(ranking, params.length, spec)
  try {
    if (signal?.aborted) throw abortError(signal)
    await vectors.upload('p', params)
    await method.begin?.(vectors)
  } catch (error) {
    await vectors[Symbol.asyncDispose]()
    await loan.giveBack(error)
    throw error
  }
  const own = setup.each.map(({ learningRate }) => learningRate ?? 0)
  const scheduled = scheduler?.learningRates
  return new Optimizer({
    params,
    kind: name,
    groups: setup.groups,
    method,
    scheduler,
    learningRates: scheduled ? own.map((_, k) => scheduled[scheduled.length > 1 ? k : 0]) : own,
    nonFinite,
    signal,
    backend: id,
    ranking,
    loan,
    vectors,
  })
}

import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { denseView, type FloatArray, transposeDense } from '../../core/matrix.js'
import {
  type Batch,
  checkBatches,
  checkIterations,
  checkLengths,
  type Factors,
  type Fit,
  type FitSpec,
  hasViolations,
  isForBatchesAlone,
  type MomentumState,
  type Problem,
  type RunControls,
  type SweepReport,
} from '../backend.js'
import { type BatchStep, columnsOf } from '../stochastic-steps.js'
import { batchRunner } from './batch-rules.js'
import type { BatchRunner } from './batch-runner.js'
import { Batches, type Outcome } from './batches.js'
import { prepare, record, type Step } from './calls.js'
import { deviceColumns, familyFor, uploadData } from './data.js'
import { familyIn, measureIn } from './families.js'
import { type DotGroups, type Family, type Pair, type Setting, SLOT, type State, stateAfter } from './family.js'
import { type Gpu, READ_PIECE, type Source } from './gpu.js'
import { Motion, type Now } from './motion.js'
import { Owned } from './owned.js'
import { padded, type Room } from './plan.js'
import { inSlot, type Measured, outcomeOf, violationOf } from './slots.js'
import { unpadded, uploadRows, uploadTransposed } from './upload.js'

/** Attempts at iterations whose outcomes stay on the device until they are read back together: a hundred and a few. */
const SLOTS = 104
/** Dispatches in one submission; bounds the time it takes to record them. */
const MOST_STEPS = 1024

/** Everything recorded for one state of the factors. */
interface Recorded {
  readonly begin: Step[]
  /** Up to the next state, its loss, and where the fit extrapolates what becomes of it. */
  readonly iteration: Step[]
  /** The loss of this state, after `begin`. */
  readonly evaluation: Step[]
  /** After an evaluation: extrapolation goes on from here. */
  readonly adoption: Step[]
}

interface Parts {
  readonly setting: Setting
  readonly family: Family
  /** Where the fit is one of batches. */
  readonly runner: BatchRunner | undefined
  readonly owned: Owned
  readonly recorded: readonly Recorded[]
  readonly ring: GPUBuffer
  readonly staging: GPUBuffer
  readonly stagingBytes: number
}

/** How steps are submitted. */
interface Submission {
  /** Whether `begin` comes first; default: where it has not run on the factors as they are. */
  readonly begins?: boolean
  /** What each of their slots is told. */
  readonly told?: readonly (Uint32Array<ArrayBuffer> | undefined)[]
}

/** A fit whose X, W and Hᵀ stay in the GPU's memory; iterations follow each other without the host. */
export class GpuFit implements Fit {
  readonly #parts: Parts
  readonly #batches: Batches = new Batches()
  #current: State = 0
  /** Whether `begin` has run on the factors as they are. */
  #ready = false
  /** The loss of the last iteration. */
  #loss: number = Number.POSITIVE_INFINITY
  #disposed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Uploads the problem. On failure nothing stays allocated. */
  static async create(gpu: Gpu, problem: Problem, spec: FitSpec, room: Room, dots: DotGroups): Promise<GpuFit> {
    const owned = new Owned(gpu)
    try {
      return await createFit(gpu, owned, problem, spec, room, dots)
    } catch (error) {
      owned.destroy()
      throw error
    }
  }

  #check(): void {
    if (this.#disposed) throw new NonnegError('ERR_NONNEG_DISPOSED', 'this fit has been disposed of')
    this.#parts.setting.gpu.check()
  }

  /** The buffers that hold the factors now, and what goes with them. */
  #now(): Now {
    const { setting, family } = this.#parts
    return { W: setting.W[this.#current], Ht: setting.Ht[this.#current], left: family.left.buffer }
  }

  #outcome(slot: Float32Array, measure: Measured): Outcome {
    const { family, setting } = this.#parts
    const terms = family.termCount > 0 ? setting.dots.terms : 0
    return outcomeOf(slot, measure, { terms, mayFall: setting.motion !== undefined })
  }

  /** Submits steps, after what must be there before them, and the copy of the slots that they fill; resolves when done. */
  async #submit(steps: Iterable<Step>, first: number, count: number, o: Submission = {}): Promise<void> {
    const { begins = !this.#ready, told = [] } = o
    const { setting, ring, staging } = this.#parts
    const { gpu, motion } = setting
    const { done } = gpu.scoped(() => {
      const encoder = gpu.device.createCommandEncoder()
      if (begins) {
        record(encoder, this.#parts.recorded[this.#current].begin)
        motion?.keep(encoder, this.#now())
        this.#ready = true
      }
      told.forEach((words, at) => {
        if (words) gpu.device.queue.writeBuffer(ring, (first + at) * SLOT.bytes + SLOT.told * 4, words)
      })
      record(encoder, steps)
      encoder.copyBufferToBuffer(ring, first * SLOT.bytes, staging, first * SLOT.bytes, count * SLOT.bytes)
      gpu.device.queue.submit([encoder.finish()])
    })
    await Promise.all([done, gpu.settle()])
  }

  /** The first slots, read back. */
  async #slots(count: number): Promise<Float32Array[]> {
    const { setting, staging } = this.#parts
    const copy = await setting.gpu.readMapped(staging, count * SLOT.bytes)
    return Array.from({ length: count }, (_, slot) => new Float32Array(copy, slot * SLOT.bytes, SLOT.bytes / 4))
  }

  async #collect(count: number, measure: Measured = this.#parts.family): Promise<Outcome[]> {
    return (await this.#slots(count)).map(slot => this.#outcome(slot, measure))
  }

  *#iterations(first: number, count: number): Generator<Step> {
    const { recorded, setting } = this.#parts
    for (let slot = first; slot < first + count; slot++) {
      yield* inSlot(recorded[this.#current].iteration, slot)
      this.#current = stateAfter(setting, this.#current, setting.spec.rounds ?? 1)
    }
  }

  async run(iterations: number, controls: RunControls = {}): Promise<SweepReport> {
    this.#check()
    const { recorded, setting } = this.#parts
    checkIterations(setting.spec)
    const attempts = {
      most: Math.max(1, Math.floor(MOST_STEPS / recorded[0].iteration.length)),
      kept: SLOTS,
      submit: (first: number, count: number) => this.#submit(this.#iterations(first, count), first, count),
      collect: (count: number) => this.#collect(count),
    }
    try {
      const report = await this.#batches.run(iterations, attempts, controls, hasViolations(setting.spec.rule))
      this.#loss = report.losses.at(-1) ?? this.#loss
      return report
    } catch (error) {
      // buffers that go under a run fail in many ways; this is the reason for all of them
      this.#check()
      throw error
    }
  }

  async evaluate(beta: number = this.#parts.setting.spec.beta): Promise<number> {
    this.#check()
    const { setting, recorded } = this.#parts
    if (beta !== setting.spec.beta) return await this.#evaluateOther(beta)
    await this.#submit(recorded[this.#current].evaluation, 0, 1)
    const [{ loss }] = await this.#collect(1)
    return loss
  }

  /** Another loss of the same factors, in buffers that are there for this call alone. */
  async #evaluateOther(beta: number): Promise<number> {
    const { setting } = this.#parts
    const owned = new Owned(setting.gpu)
    try {
      const measure = await measureIn({ ...setting, owned }, beta)
      const { steps, uniforms } = await prepare(setting.gpu, measure.measure(this.#current))
      owned.keep(uniforms)
      await this.#submit(steps, 0, 1)
      const [{ loss }] = await this.#collect(1, measure)
      return loss
    } finally {
      owned.destroy()
    }
  }

  async factors(): Promise<Factors> {
    this.#check()
    const { setting, runner, staging, stagingBytes } = this.#parts
    const { gpu, spec, width, motion } = setting
    const { rows, columns } = setting.data
    const sources = ({ W, Ht }: { W: GPUBuffer; Ht: GPUBuffer }): Source[] => [
      { buffer: W, bytes: rows * width * 4 },
      { buffer: Ht, bytes: columns * width * 4 },
    ]
    const momentum = motion ? [...sources(motion.before), motion.source] : []
    const left = (runner?.left() ?? []).map(buffer => ({ buffer, bytes: columns * width * 4 }))
    const [W, Ht, ...more] = await gpu.read([...sources(this.#now()), ...momentum, ...left], staging, stagingBytes)
    const upright = (bytes: ArrayBuffer) => inSlices(unpadded(bytes, rows, spec.rank, width))
    const turned = async (bytes: ArrayBuffer): Promise<FloatArray> => {
      const packed = await inSlices(unpadded(bytes, columns, spec.rank, width))
      return await inSlices(transposeDense(packed, columns, spec.rank))
    }
    const factors = { W: await upright(W), H: await turned(Ht) }
    if (runner && left.length > 0) return { ...factors, ...runner.named(await Promise.all(more.map(turned))) }
    if (!motion) return factors
    const [before, beforeHt, numbers] = more
    const state: MomentumState = {
      W: await upright(before),
      H: await turned(beforeHt),
      numbers: Motion.numbersOf(numbers, this.#loss),
    }
    return { ...factors, momentum: state }
  }

  async runBatches(batches: readonly Batch[], controls: RunControls = {}): Promise<SweepReport> {
    this.#check()
    const { setting, runner } = this.#parts
    checkBatches(batches, setting.data.rows, setting.spec)
    if (!runner) {
      throw new NonnegError('ERR_NONNEG_UNSUPPORTED', 'this fit has no room for batches', {
        fix: 'say so in its spec: batches: true',
      })
    }
    const ready = await runner.prepare(batches)
    await runner.begin()
    const taken: BatchStep[] = []
    this.#ready = false
    let done = 0
    const attempts = {
      most: Math.max(1, Math.floor(MOST_STEPS / Math.max(1, ...ready.map(({ steps }) => steps.length)))),
      kept: SLOTS,
      submit: (first: number, count: number) => {
        const own = ready.slice(done + first, done + first + count)
        const steps = own.flatMap((batch, at) => inSlot(batch.steps, first + at))
        const told = batches.slice(done + first, done + first + count).map(batch => runner.told(batch))
        return this.#submit(steps, first, count, { begins: false, told })
      },
      collect: async (count: number) => {
        const slots = await this.#slots(count)
        const outcomes = slots.map((slot, at) => this.#outcome(slot, ready[done + at].measure))
        taken.push(...slots.flatMap(slot => runner.stepOf(slot) ?? []))
        done += count
        return outcomes
      },
    }
    try {
      const report = await this.#batches.run(batches.length, attempts, controls, false)
      runner.done(report.iterations)
      return setting.spec.rule === 'sgd' ? { ...report, steps: columnsOf(taken) } : report
    } catch (error) {
      this.#check()
      throw error
    }
  }

  async setFactors(factors: Factors): Promise<void> {
    this.#check()
    const { setting, recorded, runner } = this.#parts
    const { gpu, spec, motion } = setting
    const { rows, columns } = setting.data
    checkLengths(factors, rows, spec.rank, columns)
    await this.#upload(factors, this.#now())
    this.#ready = false
    const { momentum } = factors
    await runner?.put(factors, (H, into) => this.#uploadHt(H, into))
    if (!motion) return
    motion.write(gpu, momentum?.numbers)
    if (!momentum) return
    await this.#upload(momentum, motion.before)
    this.#loss = momentum.numbers[3]
    const { evaluation, adoption } = recorded[this.#current]
    await this.#submit([...evaluation, ...adoption], 0, 1)
  }

  async #upload({ W, H }: Pick<Factors, 'W' | 'H'>, into: { W: GPUBuffer; Ht: GPUBuffer }): Promise<void> {
    const { gpu, spec, width, data } = this.#parts.setting
    await uploadRows(gpu, into.W, denseView(Float32Array.from(W), data.rows, spec.rank), 0, data.rows, width)
    await this.#uploadHt(H, into.Ht)
  }

  async #uploadHt(H: FloatArray, into: GPUBuffer): Promise<void> {
    const { gpu, spec, width, data } = this.#parts.setting
    await uploadTransposed(gpu, into, denseView(Float32Array.from(H), spec.rank, data.columns), data.columns, width)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#parts.runner?.destroy()
    this.#parts.owned.destroy()
  }
}

/** A factor's buffers. */
async function pair(owned: Owned, bytes: number, twice: boolean): Promise<Pair> {
  const buffer = await owned.storage(bytes)
  return [buffer, twice ? await owned.storage(bytes) : buffer]
}

async function createFit(
  gpu: Gpu,
  owned: Owned,
  problem: Problem,
  spec: FitSpec,
  room: Room,
  dots: DotGroups,
): Promise<GpuFit> {
  const { X } = problem
  const { rows } = X
  const { rank, rounds = 1 } = spec
  const fixed = spec.fixed === 'H'
  const batches = (spec.batches ?? false) && !fixed
  const width = padded(rank)
  const columns = deviceColumns(X)
  const [descends, half] = [spec.rule === 'hals', spec.storage === 'f16']
  const data = await uploadData(gpu, owned, problem, { fixed, beta: spec.beta, batches, descends, half, room })
  const [bytesW, bytesHt] = [rows * width * 4, columns * width * 4]
  // batches move some rows of W alone, in place, and rounds that have to wait leave the factors where they are
  const inPlace = batches || (spec.extrapolate && rounds > 1)
  const alternates = spec.rule === 'mu' && !inPlace && familyFor(data, spec.beta) === 'gram'
  const W = await pair(owned, bytesW, alternates)
  const Ht = await pair(owned, bytesHt, alternates && !fixed)
  const ring = await owned.storage(SLOTS * SLOT.bytes)
  const stagingBytes = Math.max(SLOTS * SLOT.bytes, Math.min(READ_PIECE, bytesW + bytesHt))
  const staging = await owned.staging(stagingBytes)
  const slot = { buffer: ring, offset: 0, size: SLOT.bytes }
  const motion = spec.extrapolate ? await Motion.create(owned, bytesW, bytesHt, fixed) : undefined
  const setting: Setting = { gpu, owned, spec, data, room, dots, width, columns, W, Ht, alternates, motion, slot }
  // where batches alone move the factors, the family measures their loss
  const noRule = { ...spec, rule: 'product', fixed: 'H' } as const
  const forBatches = isForBatchesAlone(spec.rule)
  const family = await familyIn(forBatches ? { ...setting, spec: noRule } : setting)
  const runner = await batchRunner(setting)
  await motion?.keepLeft(owned, fixed ? 0 : family.left.bytes)
  await uploadRows(gpu, W[0], problem.W, 0, rows, width)
  await uploadTransposed(gpu, Ht[0], problem.H, columns, width)
  if (motion) {
    await uploadRows(gpu, motion.before.W, problem.W, 0, rows, width)
    await uploadTransposed(gpu, motion.before.Ht, problem.H, columns, width)
    motion.write(gpu)
  }

  const { maxW = Number.POSITIVE_INFINITY, maxH = Number.POSITIVE_INFINITY } = spec
  const iteration = (state: State) => {
    const next = stateAfter(setting, state, rounds)
    const now = { W: W[next], Ht: Ht[next], left: family.left.buffer }
    return [
      ...family.updateW(state),
      ...(motion ? [motion.moveOn('W', W[next], maxW)] : []),
      ...family.updateH(state),
      ...(motion && !fixed ? [motion.moveOn('Ht', Ht[next], maxH)] : []),
      ...(fixed ? [] : family.begin(next)),
      ...family.loss(next),
      ...(family.termCount > 0 ? [violationOf(family, setting)] : []),
      ...(motion ? motion.judge(now, family.parts, slot) : []),
    ]
  }
  const lists = ([0, 1] as const).flatMap(state => [
    family.begin(state),
    forBatches ? [] : iteration(state),
    family.measure(state),
    motion ? [motion.adopt(family.parts, slot)] : [],
  ])
  const { steps, uniforms } = await prepare(gpu, lists.flat())
  owned.keep(uniforms)
  const cut = lists.map(list => steps.splice(0, list.length))
  const recorded = [0, 4].map(first => {
    const [begin, iteration, evaluation, adoption] = cut.slice(first, first + 4)
    return { begin, iteration, evaluation, adoption }
  })
  return new GpuFit({ setting, owned, family, runner, recorded, ring, staging, stagingBytes })
}

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
  hasViolations,
  type MomentumState,
  type RunControls,
  type SweepReport,
} from '../backend.js'
import type { Memory } from '../memory.js'
import { type BatchStep, columnsOf } from '../stochastic-steps.js'
import type { BatchRunner } from './batch-runner.js'
import { Batches, type Outcome } from './batches.js'
import { prepare, type Step } from './calls.js'
import { measureIn } from './families.js'
import { type Family, type Setting, SLOT, type State, stateAfter } from './family.js'
import type { Source } from './gpu.js'
import { Motion, type Now } from './motion.js'
import { Owned } from './owned.js'
import { inSlot, type Measured, outcomeOf, SLOTS } from './slots.js'
import { type Command, Submissions } from './submissions.js'
import { unpadded, uploadRows, uploadTransposed } from './upload.js'

/**
 * Dispatches in one submission, as recording them takes time. A GPU is done with one in about the 10 µs that it takes to record
 * the next, and waits for the first submission to be recorded as a whole: it is short, and others follow while it runs. A driver
 * on the CPU takes far longer to run them, and runs on the processor that records.
 */
const MOST_STEPS = 128
const MOST_STEPS_EMULATED = 1024

/** Everything recorded for one state of the factors. */
export interface Recorded {
  readonly begin: Step[]
  /** Up to the next state, its loss, and where the fit extrapolates what becomes of it. */
  readonly iteration: Step[]
  /** The loss of this state, after `begin`. */
  readonly evaluation: Step[]
  /** After an evaluation: extrapolation goes on from here. */
  readonly adoption: Step[]
}

/** What a fit is made of. */
export interface Parts {
  readonly setting: Setting
  readonly family: Family
  /** Where the fit is one of batches. */
  readonly runner: BatchRunner | undefined
  readonly owned: Owned
  readonly recorded: readonly Recorded[]
  readonly ring: GPUBuffer
  readonly staging: GPUBuffer
  readonly stagingBytes: number
  /** As `Fit.memory` has it. */
  readonly memory: Memory | undefined
}

/** How steps are submitted. */
interface Submission {
  /** Whether `begin` comes first; default: where it has not run on the factors as they are. */
  readonly begins?: boolean
  /** What each of their slots is told. */
  readonly told?: readonly (Uint32Array<ArrayBuffer> | undefined)[]
  /** Looked at where X is not all there. */
  readonly signal?: AbortSignal
}

/** A fit whose X, W and Hᵀ stay in the GPU's memory; iterations follow each other without the host. */
export class GpuFit implements Fit {
  readonly memory: Memory | undefined
  readonly #parts: Parts
  readonly #batches: Batches = new Batches()
  readonly #submissions: Submissions
  #current: State = 0
  /** Whether `begin` has run on the factors as they are. */
  #ready = false
  /** The loss of the last iteration. */
  #loss: number = Number.POSITIVE_INFINITY
  #disposed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.memory = parts.memory
    this.#submissions = new Submissions(parts.setting.gpu, parts.setting.data.streams)
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

  /**
   * Submits steps, after what must be there before them, and the copy of the slots that they fill. Resolves when all is done,
   * to false where the signal has ended it before.
   */
  async #submit(steps: Iterable<Step>, first: number, count: number, o: Submission = {}): Promise<boolean> {
    const done = await this.#submissions.run(this.#commands(steps, first, count, o), o.signal)
    // what has been cut short may have left products of some rows alone
    this.#ready &&= done
    return done
  }

  *#commands(steps: Iterable<Step>, first: number, count: number, o: Submission): Generator<Command> {
    const { setting, ring, staging, recorded } = this.#parts
    const { gpu, motion } = setting
    const { begins = !this.#ready, told = [] } = o
    if (begins) {
      yield* recorded[this.#current].begin
      const now = this.#now()
      if (motion) yield encoder => motion.keep(encoder, now)
      this.#ready = true
    }
    for (const [at, words] of told.entries()) {
      const offset = (first + at) * SLOT.bytes + SLOT.told * 4
      if (words) yield () => gpu.device.queue.writeBuffer(ring, offset, words)
    }
    yield* steps
    yield encoder =>
      encoder.copyBufferToBuffer(ring, first * SLOT.bytes, staging, first * SLOT.bytes, count * SLOT.bytes)
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

  /** Attempts of so many steps that one submission may have. */
  #most(steps: number): number {
    const most = this.#parts.setting.room.parallel ? MOST_STEPS : MOST_STEPS_EMULATED
    return Math.max(1, Math.floor(most / steps))
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
    const { signal } = controls
    const attempts = {
      most: setting.data.streams ? 1 : this.#most(recorded[0].iteration.length),
      kept: SLOTS,
      submit: (first: number, count: number) => this.#submit(this.#iterations(first, count), first, count, { signal }),
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
      most: this.#most(Math.max(1, ...ready.map(({ steps }) => steps.length))),
      kept: SLOTS,
      submit: (first: number, count: number) => {
        const own = ready.slice(done + first, done + first + count)
        const steps = own.flatMap((batch, at) => inSlot(batch.steps, first + at))
        const told = batches.slice(done + first, done + first + count).map(batch => runner.told(batch))
        return this.#submit(steps, first, count, { begins: false, told, signal: controls.signal })
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
    await motion.write(gpu, momentum?.numbers)
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

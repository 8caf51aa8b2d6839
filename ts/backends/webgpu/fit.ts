import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { denseView, transposeDense } from '../../core/matrix.js'
import {
  checkLengths,
  type Factors,
  type Fit,
  type FitSpec,
  type Problem,
  type RunControls,
  type SweepReport,
} from '../backend.js'
import { lossBeyondFrobenius } from '../frobenius-mu.js'
import { Batches } from './batches.js'
import { type Call, dotOf, muUpdate, prepare, record, type Step } from './calls.js'
import { type Gpu, SMALLEST_BUFFER } from './gpu.js'
import { Owned } from './owned.js'
import { padded, type Room } from './plan.js'
import { csrProducts, denseProducts, gramBuffer, gramCalls, gramParts } from './products.js'
import { uploadRows, uploadTransposed } from './upload.js'

/** Iterations whose losses are kept on the device until they are read back together. */
const SLOTS = 64
/** f32 partial sums that one slot has room for. */
const SLOT_LENGTH = SMALLEST_BUFFER / 4
/** Dispatches in one submission; bounds the time it takes to record them. */
const MOST_STEPS = 1024

/** How the inner products of the loss are split over workgroups: their partial sums fill a slot at most. */
export interface DotGroups {
  readonly ab: number
  readonly cd: number
}

/** Everything recorded for one state of the factors: index 0 or 1 says which of the two copies is current. */
interface Recorded {
  readonly gram: Step[]
  readonly iteration: Step[]
  readonly products: Step[]
  /** By slot. */
  readonly loss: Step[]
}

interface Parts {
  readonly gpu: Gpu
  readonly owned: Owned
  readonly problem: Problem
  readonly rank: number
  readonly W: readonly [GPUBuffer, GPUBuffer]
  readonly Ht: readonly [GPUBuffer, GPUBuffer]
  readonly recorded: readonly [Recorded, Recorded]
  readonly ring: GPUBuffer
  readonly staging: readonly [GPUBuffer, GPUBuffer]
  readonly dots: DotGroups
}

/** Both copies of a factor: updates read one and write the other. */
async function pair(owned: Owned, bytes: number): Promise<[GPUBuffer, GPUBuffer]> {
  return [await owned.storage(bytes), await owned.storage(bytes)]
}

/** A factor that no update writes, in the place of both copies. */
async function single(owned: Owned, bytes: number): Promise<[GPUBuffer, GPUBuffer]> {
  const buffer = await owned.storage(bytes)
  return [buffer, buffer]
}

/** A fit whose X, W and Hᵀ stay in the GPU's memory; iterations cross in batches, with their losses. */
export class GpuFit implements Fit {
  readonly #parts: Parts
  readonly #batches: Batches = new Batches()
  #current: 0 | 1 = 0
  #gramReady = false
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
    this.#parts.gpu.check()
  }

  /** ½‖X‖² − ⟨A, Hᵀ⟩ + ½⟨S, H·Hᵀ⟩ from the partial sums of one slot. */
  #loss(slot: Float32Array): number {
    const { ab, cd } = this.#parts.dots
    let cross = 0
    for (let i = 0; i < ab; i++) cross += slot[i]
    let square = 0
    for (let i = ab; i < ab + cd; i++) square += slot[i]
    return Math.max(0, 0.5 * this.#parts.problem.squaredNorm - cross + 0.5 * square)
  }

  /** Submits steps and the copy of the first `slots` losses; the promise brings them. */
  #submit(steps: Iterable<Step>, slots: number, staging: GPUBuffer): Promise<number[]> {
    const { gpu, ring } = this.#parts
    const bytes = slots * SMALLEST_BUFFER
    const { done } = gpu.scoped(() => {
      const encoder = gpu.device.createCommandEncoder()
      record(encoder, steps)
      encoder.copyBufferToBuffer(ring, 0, staging, 0, bytes)
      gpu.device.queue.submit([encoder.finish()])
    })
    return Promise.all([gpu.readMapped(staging, bytes), done]).then(([copy]) => {
      return Array.from({ length: slots }, (_, slot) => {
        return this.#loss(new Float32Array(copy, slot * SMALLEST_BUFFER, SLOT_LENGTH))
      })
    })
  }

  *#iterations(count: number): Generator<Step> {
    const { recorded } = this.#parts
    if (!this.#gramReady) yield* recorded[this.#current].gram
    this.#gramReady = true
    for (let slot = 0; slot < count; slot++) {
      yield* recorded[this.#current].iteration
      this.#current = this.#current === 0 ? 1 : 0
      yield recorded[this.#current].loss[slot]
    }
  }

  async run(iterations: number, controls: RunControls = {}): Promise<SweepReport> {
    this.#check()
    const { staging, recorded } = this.#parts
    const most = Math.max(1, Math.min(SLOTS, Math.floor(MOST_STEPS / (recorded[0].iteration.length + 1))))
    try {
      return await this.#batches.run(iterations, most, controls, (count, turn) => {
        return this.#submit(this.#iterations(count), count, staging[turn])
      })
    } catch (error) {
      // buffers that go under a run fail in many ways; this is the reason for all of them
      this.#check()
      throw error
    }
  }

  async evaluate(beta?: number): Promise<number> {
    this.#check()
    const beyond = beta === undefined ? undefined : lossBeyondFrobenius('WebGPU', beta)
    if (beyond !== undefined) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', beyond)
    const { staging, recorded } = this.#parts
    const { gram, products, loss } = recorded[this.#current]
    const steps = [...(this.#gramReady ? [] : gram), ...products, loss[0]]
    this.#gramReady = true
    const [value] = await this.#submit(steps, 1, staging[0])
    return value
  }

  async factors(): Promise<Factors> {
    this.#check()
    const { problem, rank, W, Ht } = this.#parts
    const { rows, columns } = problem.X
    const left = await this.#packed(W[this.#current], rows, rank)
    const right = await this.#packed(Ht[this.#current], columns, rank)
    return { W: left, H: await inSlices(transposeDense(right, columns, rank)) }
  }

  async runBatches(): Promise<SweepReport> {
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', 'this backend has no batches')
  }

  async setFactors(factors: Factors): Promise<void> {
    this.#check()
    const { gpu, problem, rank, W, Ht } = this.#parts
    const { rows, columns } = problem.X
    checkLengths(factors, rows, rank, columns)
    const width = padded(rank)
    await uploadRows(gpu, W[this.#current], denseView(Float32Array.from(factors.W), rows, rank), 0, rows, width)
    await uploadTransposed(
      gpu,
      Ht[this.#current],
      denseView(Float32Array.from(factors.H), rank, columns),
      columns,
      width,
    )
    this.#gramReady = false
  }

  /** Reads a factor back without the padding of its rows. */
  async #packed(buffer: GPUBuffer, rows: number, rank: number): Promise<Float32Array> {
    const width = padded(rank)
    const packed = new Float32Array(rows * rank)
    let start = 0
    for await (const bytes of this.#parts.gpu.read(buffer, rows * width * 4)) {
      const piece = new Float32Array(bytes)
      for (let at = 0; at < piece.length; ) {
        const row = Math.floor((start + at) / width)
        const column = (start + at) % width
        const run = Math.min(piece.length - at, width - column)
        if (column < rank) {
          packed.set(piece.subarray(at, at + Math.min(run, rank - column)), row * rank + column)
        }
        at += run
      }
      start += piece.length
    }
    return packed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#parts.owned.destroy()
  }
}

async function createFit(
  gpu: Gpu,
  owned: Owned,
  problem: Problem,
  { rank, fixed }: FitSpec,
  room: Room,
  dots: DotGroups,
): Promise<GpuFit> {
  const { X } = problem
  const width = padded(rank)
  const { rows } = X
  const products =
    X.kind === 'dense' ? await denseProducts(gpu, owned, X, width, room) : await csrProducts(gpu, owned, X, width, room)
  const { columns, N, A, S } = products
  const W = await pair(owned, rows * width * 4)
  const Ht = fixed === 'H' ? await single(owned, columns * width * 4) : await pair(owned, columns * width * 4)
  await uploadRows(gpu, W[0], problem.W, 0, rows, width)
  await uploadTransposed(gpu, Ht[0], problem.H, columns, width)
  const gParts = gramParts(columns, width, room)
  const G = await gramBuffer(owned, width, gParts, rows, room)
  const ring = await owned.storage(SLOTS * SMALLEST_BUFFER)
  const staging = [await owned.staging(SLOTS * SMALLEST_BUFFER), await owned.staging(SLOTS * SMALLEST_BUFFER)] as const

  const gram = (state: number) => gramCalls({ F: Ht[state], rows: columns, rank: width, parts: gParts, into: G })
  const update = (F: readonly GPUBuffer[], state: number, count: number, n: typeof N, g: typeof G) =>
    muUpdate({
      rows: count,
      rank: width,
      nParts: n.parts,
      gParts: g.parts,
      F: { buffer: F[state] },
      N: n,
      G: g,
      into: { buffer: F[1 - state] },
    })
  const loss = (state: number, slot: number) =>
    dotOf({
      abGroups: dots.ab,
      cdGroups: dots.cd,
      abLength: columns * width,
      cdLength: width * width,
      a: { operand: A, parts: A.parts },
      b: { buffer: Ht[state] },
      c: { operand: S, parts: S.parts },
      d: { operand: G, parts: G.parts },
      partials: { buffer: ring, offset: slot * SMALLEST_BUFFER, size: SMALLEST_BUFFER },
    })
  const lists: Call[][] = [0, 1].flatMap(state => [
    gram(state),
    [
      ...products.forW(Ht[state]),
      update(W, state, rows, N, G),
      ...products.forH(W[1 - state]),
      ...(fixed === 'H' ? [] : [update(Ht, state, columns, A, S), ...gram(1 - state)]),
    ],
    products.forH(W[state]),
    Array.from({ length: SLOTS }, (_, slot) => loss(state, slot)),
  ])
  const { steps, uniforms } = await prepare(gpu, lists.flat())
  owned.keep(uniforms)
  const cut = lists.map(list => steps.splice(0, list.length))
  const recorded = [0, 4].map(first => {
    const [gram, iteration, products, loss] = cut.slice(first, first + 4)
    return { gram, iteration, products, loss }
  })
  const both = [recorded[0], recorded[1]] as const
  return new GpuFit({ gpu, owned, problem, rank, W, Ht, recorded: both, ring, staging, dots })
}

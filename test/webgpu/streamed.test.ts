import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fit, FitSpec, Problem } from '../../ts/backends/backend.js'
import { totalBytes } from '../../ts/backends/memory.js'
import { createFit } from '../../ts/backends/webgpu/create-fit.js'
import { Gpu, USAGE } from '../../ts/backends/webgpu/gpu.js'
import type { Room } from '../../ts/backends/webgpu/plan.js'
import { goesAlongColumns, memoryWithin } from '../../ts/backends/webgpu/residency.js'
import { arraysOf, memoryOfFit } from '../../ts/backends/webgpu/support.js'
import { fitCase, problemOf, type Wanted } from '../conformance/grid.js'
import { distance } from '../conformance/trajectory.js'
import { dense, problemOf as plainProblem, SPEC } from './plain.js'
import { hasDriver, watched } from './software.js'

// X larger than the memory that fits may take: panels of it take turns.

const [ROWS, COLUMNS] = [109, 45]
/** Bytes of 16 rows as the device pads them: panels of a dense X, in rooms as small as these. */
const PANEL = 16 * 48 * 4
const DENSE = { X: 'dense', rows: ROWS, columns: COLUMNS, rank: 5 } as const
const CSR = { ...DENSE, X: 'csr' } as const
const ITERATIONS = 4

const ROOM: Room = {
  ...{ bindingBytes: 2 ** 27, memoryBytes: Number.POSITIVE_INFINITY, busyThreads: 256 },
  ...{ parallel: false, gramReads: 2 ** 24, tileBytes: 2 ** 26, modelValues: 128, fusedRank: 0, near: 1 },
}
/** As the device of a software driver has them. */
const DOTS = { ab: 3, cd: 1, terms: 2, threads: 64 }

/** Single rows and runs, within panels and across their ends. */
const LINES = { frozenW: Uint32Array.of(0, 14, 15, 16, 17, 60, 108), frozenH: Uint32Array.of(1, 2, 3, 44) }

/** Passes over X of one iteration, its loss included. */
const CASES: readonly { readonly wanted: Wanted; readonly passes: number }[] = [
  { wanted: { ...DENSE, beta: 2, rule: 'mu' }, passes: 1 },
  { wanted: { ...DENSE, beta: 2, rule: 'hals', more: { extrapolate: true, rounds: 2 } }, passes: 1 },
  { wanted: { ...DENSE, beta: 2, rule: 'pg' }, passes: 1 },
  { wanted: { ...DENSE, beta: 2, rule: 'pg', more: LINES }, passes: 1 },
  { wanted: { ...DENSE, beta: 2, rule: 'hals', more: { ...LINES, extrapolate: true } }, passes: 1 },
  { wanted: { ...DENSE, beta: 2, rule: 'bpp' }, passes: 1 },
  // X and its weights for each factor, and once before the first iteration
  { wanted: { ...DENSE, beta: 1, rule: 'mu', weights: 'dense' }, passes: 4 + 2 / ITERATIONS },
  // its rows twice, with the loss, and its columns
  { wanted: { ...DENSE, beta: 1, rule: 'hals', more: { rounds: 2 } }, passes: 3 },
  { wanted: { ...DENSE, beta: 0.5, rule: 'hals', weights: 'dense' }, passes: 6 },
  { wanted: { ...DENSE, beta: 2, rule: 'bpp', weights: 'dense', more: LINES }, passes: 6 },
  // with H as it is, the product with X once for all iterations
  { wanted: { ...DENSE, beta: 2, rule: 'mu', fixed: 'H' }, passes: 1 / ITERATIONS },
  { wanted: { ...CSR, beta: 2, rule: 'mu' }, passes: 2 },
  { wanted: { ...CSR, beta: 1, rule: 'mu' }, passes: 2 + 1 / ITERATIONS },
  { wanted: { ...CSR, beta: 1, rule: 'hals' }, passes: 3 },
  { wanted: { ...CSR, beta: 1, rule: 'hals', more: LINES }, passes: 3 },
]

/** A room for so many bytes of X, and for what is formed of a panel at a time. */
function roomFor({ X, weights }: Problem, spec: FitSpec, bytes: number): Room {
  const { factors, workspace } = memoryOfFit(X, spec, weights, 0)
  const panel = X.kind === 'dense' ? arraysOf(X, spec, weights) * PANEL : 0
  return { ...ROOM, memoryBytes: factors + workspace + panel + bytes }
}

/** The same panels and tiles where all of X stays: sums depend on how rows are cut. */
function cutAlike({ X, weights }: Problem, { beta }: FitSpec): Room {
  if (X.kind === 'csr') return ROOM
  return { ...ROOM, ...(beta === 2 && !weights ? { bindingBytes: PANEL } : { tileBytes: PANEL }) }
}

describe.runIf(hasDriver)('WebGPU fits whose X is larger than the memory', () => {
  const watch = watched()
  let gpu: Gpu

  beforeAll(async () => {
    const source = await watch.provider.find()
    if (!source.found) throw new Error(source.reason)
    const adapter = await (source.gpu as GPU).requestAdapter()
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter!.limits
    gpu = new Gpu(
      await adapter!.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } }),
      true,
    )
  })
  afterAll(() => gpu.close())

  /** Bytes of what kernels read and write; the parameters of dispatches come to 2 kB for each panel, however large. */
  function storedBytes(): number {
    const stored = [...watch.live.keys()].filter(({ usage }) => (usage & USAGE.STORAGE) !== 0)
    return stored.reduce((sum, { size }) => sum + size, 0)
  }

  async function outcome(problem: Problem, spec: FitSpec, room: Room, work: (fit: Fit) => Promise<unknown>) {
    const before = watch.live.size
    const fit = await createFit(gpu, problem, spec, room, DOTS)
    const bytes = storedBytes()
    const given = watch.uploaded()
    const report = await work(fit)
    const uploaded = watch.uploaded() - given
    const left = { evaluated: await fit.evaluate(), ...(await fit.factors()) }
    await fit[Symbol.asyncDispose]()
    // the device's own stand-ins may have been made
    expect(watch.live.size - before).toBeLessThanOrEqual(4)
    return { bytes, uploaded, left: { ...left, report } }
  }

  async function iterated(fit: Fit) {
    const { losses, violations, stopped } = await fit.run(ITERATIONS)
    return { losses, violations, stopped }
  }

  it.for(CASES.map(({ wanted, passes }) => [fitCase(wanted).name, wanted, passes] as const))(
    'come to the same bits as those that hold it, and send it as often as they read it: %s',
    async ([, wanted, passes]) => {
      const given = fitCase(wanted)
      const { problem } = await problemOf(given)
      const { X } = problem
      const resident = await outcome(problem, given.spec, cutAlike(problem, given.spec), iterated)
      expect(resident.uploaded).toBe(0)
      const isTurned = X.kind === 'csr' || goesAlongColumns(X, given.spec, problem.weights)
      const matrices = (isTurned ? 2 : 1) * (given.weights === 'dense' ? 2 : 1)
      // panels of a sparse X have 256 bytes at least, and leave up to half as much again
      const least = X.kind === 'dense' ? 2 * matrices * PANEL : (2 * matrices + 1.5) * 256
      const room = roomFor(problem, given.spec, least)
      const streamed = await outcome(problem, given.spec, room, iterated)
      expect(streamed.left).toEqual(resident.left)
      expect(streamed.bytes).toBeLessThan(room.memoryBytes)
      const each = streamed.uploaded / ITERATIONS / passes
      if (X.kind === 'dense') expect(each).toBe(ROWS * 48 * 4)
      else {
        const entries = 8 * X.values.length
        expect(each).toBeGreaterThan(entries)
        expect(each).toBeLessThanOrEqual(entries + 8 * Math.max(ROWS, COLUMNS))
      }
    },
  )

  it.for([
    { ...CSR, beta: 0.5, rule: 'hals', weights: 'dense' },
    { ...CSR, beta: 0.5, rule: 'mu' },
    { ...CSR, beta: 1, rule: 'pg', weights: 'entries' },
    { ...CSR, beta: 2, rule: 'bpp', weights: 'entries', more: LINES },
  ] as const satisfies readonly Wanted[])(
    'come to the same in the least memory that they say they take, and are refused any less: %o',
    async wanted => {
      const given = fitCase(wanted)
      const { problem } = await problemOf(given)
      const { X, weights } = problem
      const none = memoryWithin(X, given.spec, weights, { ...ROOM, memoryBytes: 1 })
      const memoryBytes = Math.ceil(totalBytes(none))
      const resident = await outcome(problem, given.spec, ROOM, iterated)
      const streamed = await outcome(problem, given.spec, { ...ROOM, memoryBytes }, iterated)
      expect(streamed.bytes).toBeLessThan(memoryBytes)
      expect(streamed.uploaded).toBeGreaterThan(0)
      expect(distance(streamed.left.W, resident.left.W)).toBeLessThan(2 ** -16)
      expect(distance(streamed.left.H, resident.left.H)).toBeLessThan(2 ** -16)
      const less = createFit(gpu, problem, given.spec, { ...ROOM, memoryBytes: memoryBytes - 1 }, DOTS)
      await expect(less).rejects.toMatchObject({ code: 'ERR_NONNEG_MEMORY', detail: { needed: memoryBytes } })
    },
  )

  it('make tiles smaller before they send anything', async () => {
    const { spec, ...given } = fitCase({ ...DENSE, beta: 0.5, rule: 'mu' })
    const { problem } = await problemOf({ spec, ...given })
    const all = await outcome(problem, spec, ROOM, iterated)
    const memoryBytes = totalBytes(memoryOfFit(problem.X, spec, undefined, PANEL))
    const own = await outcome(problem, spec, { ...ROOM, memoryBytes, busyThreads: 32 }, iterated)
    expect(own.uploaded).toBe(0)
    expect(own.bytes).toBeLessThan(memoryBytes)
    expect(all.bytes - own.bytes).toBeGreaterThan(2 * (ROWS - 17) * 48 * 4)
    expect(distance(own.left.W, all.left.W)).toBeLessThan(2 ** -16)
    expect(distance(own.left.H, all.left.H)).toBeLessThan(2 ** -16)
  })

  it('send no panel again that there is room for', async () => {
    const { spec, ...given } = fitCase({ ...DENSE, beta: 2, rule: 'mu' })
    const { problem } = await problemOf({ spec, ...given })
    const { uploaded } = await outcome(problem, spec, roomFor(problem, spec, 5 * PANEL), iterated)
    // of seven panels three stay, and four take turns
    const bytesPerIteration = (ROWS - 48) * 48 * 4
    expect(uploaded).toBe(ITERATIONS * bytesPerIteration)
    const { streams } = memoryWithin(problem.X, spec, undefined, roomFor(problem, spec, 5 * PANEL))
    expect(streams).toEqual({ panels: 7, staying: 3, bytesPerIteration })
  })

  it.for([
    { ...DENSE, beta: 2, rule: 'mu' },
    { ...DENSE, beta: 1, rule: 'mu' },
    { ...DENSE, beta: 2, rule: 'sgd', more: { sgd: { safety: 0.95 } } },
    { ...DENSE, beta: 2, rule: 'svrmu' },
  ] as const satisfies readonly Wanted[])('run batches to the same bits: %o', async wanted => {
    const given = fitCase({ ...wanted, more: { ...('more' in wanted ? wanted.more : {}), batches: true } })
    const { problem } = await problemOf(given)
    // tiles end where panels do
    const batches = [0, ...(wanted.beta === 2 ? [30, 70] : [32, 64])].map((first, at, all) => {
      const count = (all[at + 1] ?? ROWS) - first
      return { first, count, keep: 0.75, rateW: 0.5, rateH: 0.75, draw: at, refresh: at === 0 }
    })
    const pass = async (fit: Fit) => (await fit.runBatches(batches)).losses
    const resident = await outcome(problem, given.spec, cutAlike(problem, given.spec), pass)
    const streamed = await outcome(problem, given.spec, roomFor(problem, given.spec, 2 * PANEL), pass)
    expect(streamed.uploaded).toBeGreaterThan(ROWS * 48 * 4)
    expect(streamed.left).toEqual(resident.left)
  })

  it('stop between two panels when aborted, and go on from the last whole iteration', async () => {
    const given = fitCase({ ...DENSE, beta: 2, rule: 'mu' })
    const { problem } = await problemOf(given)
    const room = roomFor(problem, given.spec, 2 * PANEL)
    const whole = await outcome(problem, given.spec, room, iterated)
    const controller = new AbortController()
    const { queue } = gpu.device
    const { writeBuffer } = queue
    const aborted = await outcome(problem, given.spec, room, async fit => {
      // in the middle of the third iteration
      const until = watch.uploaded() + 2.5 * ROWS * 48 * 4
      queue.writeBuffer = (...write: Parameters<typeof writeBuffer>) => {
        writeBuffer(...write)
        if (watch.uploaded() > until) controller.abort()
      }
      const before = watch.uploaded()
      const cut = await fit.run(ITERATIONS, { signal: controller.signal })
      queue.writeBuffer = writeBuffer
      expect(cut).toMatchObject({ iterations: 2, stopped: 'aborted' })
      expect(watch.uploaded() - before).toBeLessThan(2.8 * ROWS * 48 * 4)
      const { losses, violations, stopped } = await fit.run(ITERATIONS - 2)
      return { losses: Float64Array.of(...cut.losses, ...losses), violations, stopped }
    })
    expect(aborted.left).toEqual(whole.left)
  })

  it('are made where the device turns out to be full', async () => {
    const problem = plainProblem(dense(640, 256), 1)
    const wanted = await outcome(problem, SPEC(1), ROOM, iterated)
    const { device } = gpu
    const { createBuffer } = device
    device.createBuffer = descriptor => {
      const taken = [...watch.live.values()].reduce((sum, size) => sum + size, descriptor.size)
      return createBuffer(taken > 640_000 ? { ...descriptor, size: device.limits.maxBufferSize - 4 } : descriptor)
    }
    const own = await outcome(problem, SPEC(1), ROOM, iterated)
    expect(own.uploaded).toBeGreaterThan(0)
    expect(distance(own.left.W, wanted.left.W)).toBeLessThan(2 ** -16)
    expect(distance(own.left.H, wanted.left.H)).toBeLessThan(2 ** -16)
    // where panels have no room either, that is said
    device.createBuffer = descriptor => createBuffer({ ...descriptor, size: device.limits.maxBufferSize - 4 })
    await expect(createFit(gpu, problem, SPEC(1), ROOM, DOTS)).rejects.toMatchObject({ code: 'ERR_NONNEG_MEMORY' })
    device.createBuffer = createBuffer
    const none = { ...ROOM, memoryBytes: 1000 }
    await expect(createFit(gpu, problem, SPEC(1), none, DOTS)).rejects.toMatchObject({
      ...{ code: 'ERR_NONNEG_MEMORY', message: expect.stringMatching(/takes \d+ kB of GPU memory .*1\.00 kB/) },
      fix: expect.stringMatching(/webgpu\.memoryLimit .* to \d+ or more/),
    })
  })
})

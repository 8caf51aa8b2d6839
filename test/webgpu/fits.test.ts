import { afterAll, describe, expect, it, vi } from 'vitest'
import type { Device, FitSpec } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import type { WebgpuLimits } from '../../ts/backends/webgpu/backend.js'
import type { CsrView, DenseView, MatrixView } from '../../ts/core/matrix.js'
import { dense, entriesOf, plainFit, problemOf, SPEC, sparse } from './plain.js'
import { hasDriver, softwareBackend, watched } from './software.js'

const ITERATIONS = 12

/** ‖a − b‖ / ‖b‖ */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return Math.sqrt(difference / norm)
}

/** The same matrix in float64, in a wider buffer full of NaN. */
function strided(X: DenseView): DenseView {
  const stride = X.columns + 3
  const offset = 5
  const data = new Float64Array(offset + X.rows * stride).fill(Number.NaN)
  for (let i = 0; i < X.rows; i++) data.set(X.data.subarray(i * X.columns, (i + 1) * X.columns), offset + i * stride)
  return { ...X, data, stride, offset }
}

/** The same numbers in memory that threads share. */
function inShared<T extends Float32Array | Uint32Array>(values: T): T {
  const copy = new (values.constructor as new (memory: SharedArrayBuffer) => T)(
    new SharedArrayBuffer(values.byteLength),
  )
  copy.set(values)
  return copy
}

function shared(X: DenseView): DenseView {
  return { ...X, data: inShared(X.data as Float32Array) }
}

function sharedCsr({ indptr, indices, values, ...X }: CsrView): CsrView {
  return { ...X, indptr: inShared(indptr), indices: inShared(indices), values: inShared(values as Float32Array) }
}

const CASES: readonly (readonly [string, MatrixView, number, WebgpuLimits])[] = [
  ['dense 1 × 1, rank 1', dense(1, 1), 1, {}],
  ['dense 37 × 29, rank 5', dense(37, 29), 5, {}],
  ['dense 64 × 48, rank 8', dense(64, 48), 8, {}],
  ['dense, float64, strided', strided(dense(41, 30)), 3, {}],
  ['dense, shared memory', shared(dense(20, 12)), 3, {}],
  ['dense, many parts', dense(270, 210), 6, { busyThreads: 1 << 16 }],
  ['dense, many parts, Gram matrices added first', dense(270, 210), 6, { busyThreads: 1 << 16, gramReads: 1 }],
  ['dense in 5 row panels', dense(97, 33), 7, { bindingBytes: 36 * 4 * 23 }],
  ['dense in row panels and parts', dense(270, 203), 5, { bindingBytes: 204 * 4 * 100, busyThreads: 1 << 16 }],
  ['CSR 60 × 41, rank 6', sparse(60, 41, 0.2), 6, {}],
  ['CSR, shared memory', sharedCsr(sparse(60, 41, 0.2)), 6, {}],
  ['CSR, many parts', sparse(300, 207, 0.3), 6, { busyThreads: 1 << 16 }],
  ['CSR, Gram matrices added first', sparse(300, 207, 0.3), 6, { busyThreads: 1 << 16, gramReads: 1 }],
  ['CSR in row panels', sparse(90, 120, 0.1), 4, { bindingBytes: 120 * 4 * 4 }],
]

describe.runIf(hasDriver)('WebGPU fits', () => {
  // one device for all cases of the same limits: each compiles its kernels anew
  const devices = new Map<string, Promise<Device>>()

  function open(limits: WebgpuLimits): Promise<Device> {
    const key = JSON.stringify(limits)
    const device = devices.get(key) ?? softwareBackend(limits).open()
    devices.set(key, device)
    return device
  }

  afterAll(async () => {
    for (const device of devices.values()) await (await device)[Symbol.asyncDispose]()
  })

  it.for(CASES)('%s agrees with a plain float64 loop', async ([, X, rank, limits]) => {
    const device = await open(limits)
    const problem = problemOf(X, rank)
    const before = [problem.W.data.slice(), problem.H.data.slice(), entriesOf(X)]
    expect(device.supports(X, SPEC(rank))).toEqual({ supported: true })
    const fit = await device.createFit(problem, SPEC(rank))
    const slack = 4e-6 * problem.squaredNorm
    const plain = plainFit(problem, ITERATIONS)
    const first = await fit.run(5)
    const half = await fit.evaluate()
    expect(Math.abs(half - plain.losses[4])).toBeLessThanOrEqual(slack)
    const second = await fit.run(ITERATIONS - 5)
    expect([first.stopped, second.stopped]).toEqual(['done', 'done'])
    const losses = [...first.losses, ...second.losses]
    expect(losses).toHaveLength(ITERATIONS)
    for (let i = 0; i < ITERATIONS; i++) {
      expect(Math.abs(losses[i] - plain.losses[i])).toBeLessThanOrEqual(slack + 1e-4 * plain.losses[i])
    }
    for (const { seconds } of [first, second]) {
      for (let i = 1; i < seconds.length; i++) expect(seconds[i]).toBeGreaterThanOrEqual(seconds[i - 1])
    }
    const { W, H } = await fit.factors()
    expect([W.length, H.length]).toEqual([X.rows * rank, rank * X.columns])
    expect(distance(W, plain.W)).toBeLessThan(1e-3)
    expect(distance(H, plain.H)).toBeLessThan(1e-3)
    expect([problem.W.data, problem.H.data, entriesOf(X)]).toEqual(before)
    await fit[Symbol.asyncDispose]()
  })

  it('evaluates the factors before any iteration', async () => {
    const device = await open({})
    const problem = problemOf(dense(31, 18), 3)
    const fit = await device.createFit(problem, SPEC(3))
    let loss = 0
    const x = entriesOf(problem.X)
    for (let i = 0; i < 31; i++) {
      for (let j = 0; j < 18; j++) {
        let residual = x[i * 18 + j]
        for (let r = 0; r < 3; r++) residual -= problem.W.data[i * 3 + r] * problem.H.data[r * 18 + j]
        loss += 0.5 * residual * residual
      }
    }
    expect(Math.abs((await fit.evaluate()) - loss)).toBeLessThanOrEqual(1e-5 * problem.squaredNorm)
    const { W, H } = await fit.factors()
    expect([W, H]).toEqual([problem.W.data, problem.H.data])
    expect(await fit.run(0)).toMatchObject({ iterations: 0, stopped: 'done' })
  })

  it('gives the same bits twice, and however a run is cut', async () => {
    const device = await open({})
    const problem = problemOf(dense(45, 31), 4)
    const outcomes = []
    for (const cuts of [[9], [9], [1, 3, 5]]) {
      const fit = await device.createFit(problem, SPEC(4))
      const losses = []
      for (const count of cuts) losses.push(...(await fit.run(count)).losses)
      outcomes.push({ losses, ...(await fit.factors()) })
      await fit[Symbol.asyncDispose]()
    }
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(outcomes[2]).toEqual(outcomes[0])
  })

  it.for([
    ['dense', dense(24, 16), 2, 6],
    ['sparse', sparse(24, 16, 0.3), 2, 7],
    ['sparse Kullback–Leibler', sparse(24, 16, 0.3), 1, 11],
    // sums of a factor, a tile, its product and the update, for either factor, and the loss
    ['dense Kullback–Leibler', dense(24, 16), 1, 9],
    // the update of either factor has one product more, and no sums
    ['dense β = 3', dense(24, 16), 3, 9],
  ] as const)('records many iterations of a %s fit into few submissions', async ([, X, beta, dispatches]) => {
    const watch = watched()
    const device = await softwareBackend({ fusedRank: 0 }, watch.provider).open()
    const fit = await device.createFit(problemOf(X, 2), { ...SPEC(2), beta })
    await fit.run(20)
    const [submissions, before, made] = [watch.submissions(), watch.dispatches(), watch.made()]
    await fit.run(200)
    expect(watch.dispatches() - before).toBe(200 * dispatches)
    expect(watch.submissions() - submissions).toBeLessThan(150)
    expect(watch.made()).toBe(made)
    await fit[Symbol.asyncDispose]()
    await device[Symbol.asyncDispose]()
  })

  const lines = { frozenW: Uint32Array.of(0, 5, 6, 23), frozenH: Uint32Array.of(3, 15) }
  const held: readonly (readonly [string, Partial<FitSpec>, number])[] = [
    ['a fit', {}, 0],
    ['a fit with frozen parts', lines, 24 + 16],
  ]
  it.for(held)(
    'takes 100 iterations of %s in 600 dispatches, 5 submissions and 2 read-backs, and makes no buffer on the way',
    async ([, frozen, flags]) => {
      const watch = watched()
      const device = await softwareBackend({}, watch.provider).open()
      const [rows, columns, rank] = [24, 16, 4]
      const uploaded = 4 * (rows * columns + rank * (rows + columns) + flags)
      const problem = problemOf(dense(rows, columns), rank)
      // far below what an update leaves, and what drivers may take for zero where they calculate
      problem.W.data[0] = 2 ** -140
      const fit = await device.createFit(problem, { ...SPEC(rank), ...frozen })
      expect(watch.uploaded()).toBe(uploaded)
      const made = watch.made()
      // how iterations are cut depends on how long they take: here no time at all
      const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now())
      expect(await fit.run(100)).toMatchObject({ iterations: 100, stopped: 'done' })
      await fit.factors()
      clock.mockRestore()
      // one Gram matrix of H before the first
      expect(watch.dispatches()).toBeLessThanOrEqual(100 * 6 + 1)
      // a GPU is given the first ones while the others are recorded
      expect(watch.submissions()).toBeLessThanOrEqual(device.emulated ? 5 : 8)
      expect(watch.maps()).toBe(2)
      expect(watch.made()).toBe(made)
      await fit.run(100)
      expect(watch.uploaded()).toBe(uploaded)
      // after these the factors are in the other copies of them
      await fit.run(1)
      const { W, H } = await fit.factors()
      for (const i of frozen.frozenW ?? [])
        for (let r = 0; r < rank; r++) expect(W[i * rank + r]).toBe(problem.W.data[i * rank + r])
      for (const j of frozen.frozenH ?? [])
        for (let r = 0; r < rank; r++) expect(H[r * columns + j]).toBe(problem.H.data[r * columns + j])
      await device[Symbol.asyncDispose]()
    },
  )

  it('hands arrays over as they are where the device takes them so', async () => {
    const watch = watched()
    const device = await softwareBackend({}, watch.provider).open()
    const { queue } = watch.devices[0]
    const { writeBuffer } = queue
    const given = new Set<ArrayBufferLike>()
    queue.writeBuffer = (...write: Parameters<typeof writeBuffer>) => {
      given.add((write[2] as ArrayBufferView).buffer)
      return writeBuffer(...write)
    }
    const [packed, listed] = [dense(24, 16), sparse(24, 16, 0.3)]
    // in rows to be padded, of another type, in memory that threads share
    const others = [dense(24, 15), strided(dense(24, 16)), shared(dense(24, 16))]
    for (const X of [packed, listed, ...others]) {
      await (await device.createFit(problemOf(X, 2), SPEC(2)))[Symbol.asyncDispose]()
    }
    for (const { buffer } of [packed.data, listed.indices, listed.values]) expect(given.has(buffer)).toBe(true)
    for (const { data } of others) expect(given.has(data.buffer)).toBe(false)
    await device[Symbol.asyncDispose]()
  })

  it('takes 150 batches of gradient steps in 2 read-backs, told 3 numbers each, as the reference does', async () => {
    const watch = watched()
    const device = await softwareBackend({}, watch.provider).open()
    const problem = problemOf(dense(24, 16), 4)
    const spec: FitSpec = { ...SPEC(4), rule: 'sgd', batches: true, sgd: { safety: 0.9, noise: 0.125 } }
    const batches = Array.from({ length: 150 }, (_, draw) => {
      const rates = { rateW: 0.5, rateH: 1 / (2 + draw) }
      return { first: 8 * (draw % 3), count: 8, ...rates, draw, refresh: draw % 3 === 0 }
    })
    const fit = await device.createFit(problem, spec)
    const nothing = await fit.runBatches(batches.slice(1), { signal: AbortSignal.abort() })
    expect(nothing).toMatchObject({ iterations: 0, stopped: 'aborted', steps: { rateH: new Float64Array(0) } })
    expect((await fit.factors()).gradient).toBeUndefined()
    const [uploaded, maps] = [watch.uploaded(), watch.maps()]
    const own = await fit.runBatches(batches)
    expect([watch.uploaded() - uploaded, watch.maps() - maps]).toEqual([150 * 12, 2])
    const wanted = await (await (await referenceBackend.open()).createFit(problem, spec)).runBatches(batches)
    expect(distance(own.losses, wanted.losses)).toBeLessThan(1e-4)
    for (const name of ['rateW', 'rateH', 'squaredGradient', 'alignment'] as const) {
      expect(distance(own.steps![name], wanted.steps![name])).toBeLessThan(1e-4)
    }
    await device[Symbol.asyncDispose]()
  })

  it('says why it cannot fit', async () => {
    const device = await open({ bindingBytes: 4096, modelValues: 128 })
    const X = dense(8, 8)
    const reason = (spec: object, matrix: MatrixView = X) => device.supports(matrix, { ...SPEC(2), ...spec })
    // what the software driver has not
    expect(reason({ storage: 'f16' })).toMatchObject({ supported: false, reason: expect.stringMatching(/shader-f16/) })
    expect(reason({ dtype: 'f64' })).toMatchObject({ supported: false, reason: expect.stringMatching(/f32/) })
    expect(reason({ beta: 1 })).toEqual({ supported: true })
    expect(reason({ beta: 1, rule: 'hals' })).toEqual({ supported: true })
    expect(reason({ rule: 'bpp' })).toEqual({ supported: true })
    expect(reason({ rule: 'bpp', beta: 1 })).toMatchObject({ supported: false, reason: expect.stringMatching(/bpp/) })
    expect(reason({ rule: 'bpp', rank: 65 })).toMatchObject({
      supported: false,
      reason: expect.stringMatching(/up to 64 components/),
    })
    expect(reason({ rule: 'bpp', maxH: 1 })).toEqual({ supported: true })
    expect(reason({ extrapolate: true, rounds: 2 })).toEqual({ supported: true })
    expect(reason({ rule: 'hals', extrapolate: true, rounds: 2, maxH: 1, movingW: 1 })).toEqual({ supported: true })
    const mask = { kind: 'holdout', fraction: 0.1, seed: 1 } as const
    expect(device.supports(X, SPEC(2), mask)).toEqual({ supported: true })
    expect(device.supports(X, { ...SPEC(2), rule: 'hals' }, mask)).toEqual({ supported: true })
    expect(device.supports(X, { ...SPEC(2), rule: 'bpp' }, mask)).toEqual({ supported: true })
    expect(device.supports(X, SPEC(2), { kind: 'entries', values: new Float32Array(1) })).toMatchObject({
      supported: false,
    })
    expect(reason({ rank: 200 })).toMatchObject({ supported: false, reason: expect.stringMatching(/larger than/) })
    expect(reason({}, dense(300, 8))).toMatchObject({ supported: false, reason: expect.stringMatching(/^W /) })
    expect(reason({}, dense(8, 300))).toMatchObject({ supported: false, reason: expect.stringMatching(/^H /) })
    expect(reason({ rank: 1 }, sparse(3, 1100, 1))).toMatchObject({ supported: false })
    await expect(device.createFit(problemOf(X, 200), SPEC(200))).rejects.toMatchObject({
      code: 'ERR_NONNEG_UNSUPPORTED',
    })
    // more entries in one column than a binding spans, which only the transposition tells
    const tall: MatrixView = {
      kind: 'csr',
      indptr: Uint32Array.of(0, 600, 1200),
      indices: new Uint32Array(1200),
      values: new Float32Array(1200).fill(1),
      rows: 2,
      columns: 2,
    }
    await expect(device.createFit(problemOf(tall, 1), SPEC(1))).rejects.toMatchObject({
      code: 'ERR_NONNEG_UNSUPPORTED',
    })
    // a row that fits a binding, but not with what coordinate descent keeps beside its model
    const long: MatrixView = {
      kind: 'csr',
      indptr: Uint32Array.from({ length: 257 }, (_, i) => (i === 0 ? 0 : 340)),
      indices: Uint32Array.from({ length: 340 }, (_, at) => Math.floor(at / 2)),
      values: new Float32Array(340).fill(1),
      rows: 256,
      columns: 256,
    }
    const descent = { ...SPEC(1), beta: 1, rule: 'hals' } as const
    expect(device.supports(long, descent)).toEqual({ supported: true })
    await expect(device.createFit(problemOf(long, 1), descent)).rejects.toMatchObject({
      code: 'ERR_NONNEG_UNSUPPORTED',
      message: expect.stringMatching(/models of rows/),
    })
  })
})

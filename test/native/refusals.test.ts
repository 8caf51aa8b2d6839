import { beforeEach, describe, expect, it } from 'vitest'
import { Momentum } from '../../ts/backends/momentum.js'
import type { Addon, NativeFit, NativeFitOptions } from '../../ts/backends/native/addon.js'
import { nativeBackend } from '../../ts/backends/native/backend.js'
import { loadAddon } from '../../ts/backends/native/load.js'
import { denseView } from '../../ts/core/matrix.js'
import { gram } from '../../ts/kernels/gram.js'
import type { Dims } from '../../ts/kernels/spec.js'
import { xht_csr } from '../../ts/kernels/xht_csr.js'
import { addonOrSkip, specOf } from './helpers.js'

// The addon is asked directly: whatever the TypeScript layer lets through must not read or write outside an array.

beforeEach(addonOrSkip)

function addon(): Addon {
  const loaded = loadAddon()
  if (!loaded.addon) throw new Error(loaded.reason)
  return loaded.addon
}

const dense = {
  device: 'cpu',
  isa: '',
  rows: 4,
  columns: 3,
  rank: 2,
  nonzeros: -1,
  squaredNorm: 1,
  threads: 1,
  fixedH: false,
  dtype: 'f32',
  beta: 2,
  rule: 'mu',
  termsW: { l1: 0, l2: 0, moving: 2, most: Number.POSITIVE_INFINITY },
  termsH: { l1: 0, l2: 0, moving: 2, most: Number.POSITIVE_INFINITY },
  step: 1,
  rounds: 1,
  extrapolate: false,
  batches: false,
  sgd: { safety: 0.5, noise: 0, seed: 0, limit: Number.POSITIVE_INFINITY },
  ratio: 1,
  weights: { kind: 'none' },
} as const
const sparse = { ...dense, nonzeros: 5 } as const

function newFit(options: Partial<NativeFitOptions> = {}): NativeFit {
  return new (addon().NativeFit)({ ...dense, ...options })
}

function detached(length: number): Float32Array {
  const array = new Float32Array(length)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}

const shape = expect.objectContaining({ code: 'ERR_NONNEG_SHAPE' })

/** What a call of any type throws or rejects with. */
async function failure(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return 'no failure'
}

describe('a fit refuses', () => {
  it.each([
    ['rows that are no number', { rows: Number.NaN }],
    ['half a row', { rows: 1.5 }],
    ['negative columns', { columns: -1 }],
    ['rank 0', { rank: 0 }],
    ['no thread', { threads: 0 }],
    ['too many entries', { nonzeros: 2 ** 32 }],
    ['a norm that is no number', { squaredNorm: '1' as unknown as number }],
  ])('%s', async (_, options) => {
    expect(await failure(() => newFit(options))).toEqual(shape)
  })

  it.each([
    ['an element type', { dtype: 'f16' as 'f32' }],
    ['a rule', { rule: 'newton' as 'mu' }],
    ['a beta', { beta: Number.NaN }],
    ['a step', { step: -1 }],
    ['a number of rounds', { rounds: 0 }],
    ['a penalty', { termsW: { ...dense.termsW, l1: -1 } }],
    ['a whole penalty', { termsH: { l1: 1, moving: 2, most: 1 } as NativeFitOptions['termsH'] }],
    ['a number of components', { termsW: { ...dense.termsW, moving: 3 } }],
    ['a row that stays', { frozenW: Uint32Array.of(1, 4) }],
    ['a column that stays, once more', { frozenH: Uint32Array.of(1, 1) }],
    ['a list of rows that stay', { frozenW: [1] as unknown as Uint32Array }],
    ['an upper bound', { termsH: { ...dense.termsH, most: 0 } }],
    ['a rule of the Frobenius loss for this loss', { rule: 'bpp', beta: 1 }],
    ['a rule of batches of the Frobenius loss for this loss', { rule: 'svrmu', beta: 1 }],
    ['a safety', { rule: 'sgd', sgd: { ...dense.sgd, safety: -1 } }],
    ['a noise', { rule: 'sgd', sgd: { ...dense.sgd, noise: Number.NaN } }],
    ['a seed', { rule: 'sgd', sgd: { ...dense.sgd, seed: 2 ** 32 } }],
    ['a limit', { rule: 'sgd', sgd: { ...dense.sgd, limit: 0 } }],
    ['any choice for sgd', { rule: 'sgd', sgd: undefined as unknown as NativeFitOptions['sgd'] }],
    ['a share of an update', { rule: 'svrmu', ratio: 0 }],
    ['a share beyond the whole of an update', { rule: 'svrmu', ratio: 1.5 }],
    ['a rule of whole matrices for these weights', { rule: 'product', weights: { kind: 'dense' } }],
  ] satisfies readonly (readonly [string, Partial<NativeFitOptions>])[])('%s that is none', async (_, options) => {
    expect(await failure(() => newFit(options))).toMatchObject({ code: 'ERR_NONNEG_OPTION' })
  })

  it('a device and an instruction set that do not exist, and no options at all', async () => {
    expect(await failure(() => newFit({ device: 'tpu' as 'cpu' }))).toMatchObject({ code: 'ERR_NONNEG_BACKEND' })
    expect(await failure(() => newFit({ isa: 'mmx' }))).toMatchObject({ code: 'ERR_NONNEG_BACKEND' })
    expect(await failure(() => new (addon().NativeFit as unknown as new () => unknown)())).toMatchObject({
      code: 'ERR_NONNEG_OPTION',
    })
  })

  it.each([
    ['sizes beyond the machine', { rows: 1e6, columns: 1e7 }],
    ['sizes beyond 64 bits', { rows: 2 ** 53, columns: 2 ** 53 }],
    ['a rank beyond the machine', { rank: 1e7 }],
    ['a rank beyond 64 bits', { rank: 2 ** 53 }],
    ['sparse factors beyond the machine', { rows: 2 ** 32 - 1, columns: 2 ** 32 - 1, rank: 1000, nonzeros: 10 }],
  ])('%s, for want of memory', async (_, options) => {
    expect(await failure(() => newFit(options))).toMatchObject({ code: 'ERR_NONNEG_MEMORY' })
  })

  it('through the backend too, with advice', async () => {
    const device = await nativeBackend.open()
    const rank = 1e6
    const X = denseView(new Float32Array(100 * 100), 100, 100)
    const factor = denseView(new Float32Array(1), 1, 1)
    await expect(device.createFit({ X, squaredNorm: 1, W: factor, H: factor }, specOf(rank))).rejects.toMatchObject({
      name: 'NonnegError',
      code: 'ERR_NONNEG_MEMORY',
      fix: expect.stringContaining('rank'),
    })
  })

  it.each([
    ['an array that is too short', 4, () => new Float32Array(11), 0, 3],
    ['an array that is too short by its offset', 4, () => new Float32Array(12), 1, 3],
    ['an array that is too short by its stride', 4, () => new Float32Array(12), 0, 4],
    ['an offset beyond the array', 1, () => new Float32Array(12), 2 ** 52, 3],
    ['a stride beyond 64 bits', 4, () => new Float32Array(12), 0, 2 ** 53],
    ['a stride below the columns', 4, () => new Float32Array(12), 0, 2],
    ['more rows than X has', 5, () => new Float32Array(50), 0, 3],
    ['a detached array', 4, () => detached(12), 0, 3],
    ['integers', 4, () => new Int32Array(12) as unknown as Float32Array, 0, 3],
    ['no array', 4, () => [1, 2, 3] as unknown as Float32Array, 0, 3],
  ])('to upload %s', async (_, count, data, offset, stride) => {
    expect(await failure(() => newFit().uploadDense(count, data(), offset, stride))).toEqual(shape)
  })

  it.each([
    ['a short indptr', [0, 1, 2, 5]],
    ['a long indptr', [0, 1, 2, 3, 4, 5]],
    ['a falling indptr', [0, 3, 2, 4, 5]],
    ['an indptr that starts late', [1, 1, 2, 4, 5]],
    ['an indptr that ends elsewhere', [0, 1, 2, 4, 6]],
  ])('%s', async (_, indptr) => {
    expect(await failure(() => newFit(sparse).uploadIndptr(false, Uint32Array.from(indptr)))).toEqual(shape)
  })

  it('indices out of range, short arrays and too many entries', async () => {
    const upload = (indices: number[], values: number, transposed = false, from = 0, count = indices.length) =>
      failure(() =>
        newFit(sparse).uploadEntries(transposed, Uint32Array.from(indices), new Float32Array(values), from, count),
      )
    expect(await upload([0, 1, 2, 0, 1], 5)).toBe('no failure')
    expect(await upload([0, 1, 3, 0, 1], 5)).toEqual(shape)
    expect(await upload([0, 1, 3, 0, 1], 5, true)).toBe('no failure')
    expect(await upload([0, 1, 4, 0, 1], 5, true)).toEqual(shape)
    expect(await upload([0, 1, 2, 0, 1], 4)).toEqual(shape)
    expect(await upload([0, 1, 2], 5, false, 0, 5)).toEqual(shape)
    expect(await upload([0, 1, 2, 0, 1], 5, false, 1)).toEqual(shape)
    expect(await upload([0, 1, 2, 0, 1, 2], 6)).toEqual(shape)
  })

  it('dense rows for a sparse X and the reverse', async () => {
    expect(await failure(() => newFit(sparse).uploadDense(1, new Float32Array(3), 0, 3))).toEqual(shape)
    expect(await failure(() => newFit().uploadIndptr(false, new Uint32Array(5)))).toEqual(shape)
    expect(await failure(() => newFit().uploadEntries(false, new Uint32Array(5), new Float32Array(5), 0, 5))).toEqual(
      shape,
    )
  })

  it('factors of other lengths, types, or detached', async () => {
    const fit = newFit()
    const W = new Float32Array(8)
    const H = new Float32Array(6)
    fit.uploadDense(4, new Float32Array(12), 0, 3)
    expect(await failure(() => fit.setFactors(new Float32Array(7), H))).toEqual(shape)
    expect(await failure(() => fit.setFactors(W, new Float32Array(7)))).toEqual(shape)
    expect(await failure(() => fit.setFactors(detached(8), H))).toEqual(shape)
    expect(await failure(() => fit.setFactors(new Float64Array(8) as unknown as Float32Array, H))).toEqual(shape)
    await fit.setFactors(W, H)
    expect(await failure(() => fit.factors(W, new Float32Array(5)))).toEqual(shape)
    expect(await failure(() => fit.factors(W, detached(6)))).toEqual(shape)
  })

  it('momentum of other lengths or types, and where nothing is extrapolated', async () => {
    const W = new Float32Array(8)
    const H = new Float32Array(6)
    const numbers = new Float64Array(new Momentum().numbers.length)
    const complete = async (options: Partial<NativeFitOptions>) => {
      const fit = newFit(options)
      fit.uploadDense(4, new Float32Array(12), 0, 3)
      await fit.setFactors(W, H)
      return fit
    }
    const fit = await complete({ extrapolate: true })
    for (const call of ['setMomentum', 'momentum'] as const) {
      expect(await failure(() => fit[call](W, H, numbers))).toBe('no failure')
      expect(await failure(() => fit[call](W, new Float32Array(7), numbers))).toEqual(shape)
      expect(await failure(() => fit[call](W, H, new Float64Array(4)))).toEqual(shape)
      expect(await failure(() => fit[call](W, H, W as unknown as Float64Array))).toEqual(shape)
      const other = await complete({})
      expect(await failure(() => other[call](W, H, numbers))).toEqual(shape)
    }
  })

  it('batches of rows that are not there, and where the fit has none', async () => {
    const H = new Float32Array(6)
    const complete = async (options: Partial<NativeFitOptions>) => {
      const fit = newFit(options)
      fit.uploadDense(4, new Float32Array(12), 0, 3)
      await fit.setFactors(new Float32Array(8), H)
      return fit
    }
    /** A batch that there could be, but for what is wrong with it. */
    const one = (wrong: readonly [number, number][] = []) => {
      const numbers = Float64Array.of(0, 3, 0.5, 0.25, 0.25, 1, 0)
      for (const [at, value] of wrong) numbers[at] = value
      return numbers
    }
    const fit = await complete({})
    expect(await failure(() => fit.accumulated(H, H))).toMatchObject({ code: 'ERR_NONNEG_BACKEND' })
    const [first, count, keep, rateW, rateH, draw] = [0, 1, 2, 3, 4, 5]
    for (const numbers of [
      one([[count, 5]]),
      one([[first, -1]]),
      one([[count, 0]]),
      one([[first, 0.5]]),
      one([
        [first, 3],
        [count, 2],
      ]),
      one([[keep, 1.5]]),
      one([[keep, Number.NaN]]),
      one([[rateW, -1]]),
      one([[rateH, Number.NaN]]),
      one([[draw, 0.5]]),
      one([[draw, 2 ** 31]]),
      one().subarray(1),
    ]) {
      expect(await failure(() => fit.runBatches(numbers, 0))).toEqual(shape)
    }
    const rest = one([
      [first, 3],
      [count, 1],
    ])
    expect((await fit.runBatches(Float64Array.of(...one(), ...rest), 0)).losses.length).toBe(2)
    for (const call of ['setAccumulated', 'accumulated'] as const) {
      expect(await failure(() => fit[call](H, H))).toBe('no failure')
      expect(await failure(() => fit[call](H, new Float32Array(7)))).toEqual(shape)
      expect(await failure(() => fit[call](new Float64Array(6), H))).toEqual(shape)
    }
    const none = { code: 'ERR_NONNEG_UNSUPPORTED' }
    for (const options of [{ rule: 'hals' }, { extrapolate: true }, { fixedH: true }] as const) {
      const other = await complete(options)
      expect(await failure(() => other.runBatches(one(), 0))).toMatchObject(none)
    }
    const gradient = await complete({ rule: 'sgd' })
    expect(await failure(() => gradient.run(1, 0))).toMatchObject(none)
    expect(await failure(() => gradient.gradient(H))).toMatchObject({ code: 'ERR_NONNEG_BACKEND' })
    expect((await gradient.runBatches(one(), 0)).steps?.rateH).toHaveLength(1)
    for (const call of ['setGradient', 'gradient'] as const) {
      expect(await failure(() => gradient[call](H))).toBe('no failure')
      expect(await failure(() => gradient[call](new Float32Array(7)))).toEqual(shape)
      expect(await failure(() => gradient[call](new Float64Array(6)))).toEqual(shape)
      expect(await failure(() => fit[call](H))).toEqual(shape)
    }
    for (const call of ['setAccumulated', 'accumulated'] as const) {
      expect(await failure(() => gradient[call](H, H))).toEqual(shape)
    }
  })

  it('to run before X and the factors are there', async () => {
    const early = { code: 'ERR_NONNEG_BACKEND' }
    const fit = newFit()
    expect(await failure(() => fit.run(1, 0))).toMatchObject(early)
    fit.uploadDense(3, new Float32Array(9), 0, 3)
    await fit.setFactors(new Float32Array(8), new Float32Array(6))
    expect(await failure(() => fit.evaluate(2))).toMatchObject(early)
    fit.uploadDense(1, new Float32Array(3), 0, 3)
    expect((await fit.run(1, 0)).stopped).toBe('done')
    const csr = newFit(sparse)
    await csr.setFactors(new Float32Array(8), new Float32Array(6))
    csr.uploadIndptr(false, Uint32Array.of(0, 1, 2, 4, 5))
    csr.uploadEntries(false, new Uint32Array(5), new Float32Array(5), 0, 5)
    expect(await failure(() => csr.run(1, 0))).toMatchObject(early)
  })

  it('iterations and deadlines that are none', async () => {
    const fit = newFit()
    fit.uploadDense(4, new Float32Array(12), 0, 3)
    await fit.setFactors(new Float32Array(8), new Float32Array(6))
    const option = { code: 'ERR_NONNEG_OPTION' }
    expect(await failure(() => fit.evaluate(Number.NaN))).toMatchObject(option)
    expect(await failure(() => fit.run(-1, 0))).toMatchObject(option)
    expect(await failure(() => fit.run(2 ** 31, 0))).toMatchObject(option)
    expect(await failure(() => fit.run(1, 'now' as unknown as number))).toMatchObject(option)
    expect((await fit.run(0, 0)).losses).toHaveLength(0)
  })
})

describe('a kernel refuses', () => {
  const window = (data: Float32Array | Float64Array | Uint32Array, offset = 0, length = data.length) => ({
    data,
    offset,
    length,
  })

  it('windows that are too short, leave their array, or have another type', async () => {
    const device = await nativeBackend.open()
    const call = (F: ReturnType<typeof window>, dims: Dims = { rows: 3, rank: 2 }) =>
      failure(() => device.runKernel(gram, { dims, buffers: { F, G: window(new Float32Array(4)) } }))
    expect(await call(window(new Float32Array(8), 1, 6))).toBe('no failure')
    for (const broken of [
      window(new Float32Array(5)),
      window(new Float32Array(6), 1, 6),
      window(new Float32Array(6), 0, 7),
      window(new Float32Array(6), -1, 6),
      window(new Float64Array(6)),
      window(detached(6), 0, 6),
    ]) {
      expect(await call(broken)).toEqual(shape)
    }
    expect(await call(window(new Float32Array(6)), { rows: 3, rank: 0 })).toEqual(shape)
    expect(await call(window(new Float32Array(6)), { rows: -1, rank: 2 })).toEqual(shape)
    expect(await call(window(new Float32Array(6)), { rows: 2 ** 52, rank: 2 ** 52 })).toEqual(shape)
  })

  it('sparse structures that point outside', async () => {
    const device = await nativeBackend.open()
    const call = (indptr: number[], indices: number[]) =>
      failure(() =>
        device.runKernel(xht_csr, {
          dims: { rows: 2, columns: 3, rank: 1, percent: 50, nonzeros: 2 },
          buffers: {
            indptr: window(Uint32Array.from(indptr)),
            indices: window(Uint32Array.from(indices)),
            values: window(new Float32Array(2)),
            Ht: window(new Float32Array(3)),
            N: window(new Float32Array(2)),
          },
        }),
      )
    expect(await call([0, 1, 2], [0, 2])).toBe('no failure')
    expect(await call([0, 1, 2], [0, 3])).toEqual(shape)
    expect(await call([0, 2, 1], [0, 1])).toEqual(shape)
    expect(await call([0, 1, 3], [0, 1])).toEqual(shape)
  })

  it('names that it does not have', async () => {
    const run = () => addon().runKernel('cpu', '', 'nothing', {}, {})
    expect(await failure(run)).toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
    const half = () => addon().runKernel('cpu', '', 'dot', { length: 0 }, {}, 'f16' as 'f32')
    expect(await failure(half)).toMatchObject({ code: 'ERR_NONNEG_OPTION' })
    const empty = () => addon().runKernel('cpu', '', 'dot', { length: 0 }, {})
    expect(await failure(empty)).toEqual(shape)
  })
})

import { describe, expect, it } from 'vitest'
import { Random } from '../../ts/core/random.js'
import { holdout, holdoutThreshold } from '../../ts/kernels/holdout.js'
import { observe } from '../../ts/nmf/observed.js'
import { refuseZeros, weightedSquaredNorm } from '../../ts/nmf/observed-entries.js'
import { type CsrView, type FactorizeOptions, factorize, type MaskInput, type MatrixInput, NMF } from '../../ts/node.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'
import { bruteLoss, bruteRelativeError, entriesOf, modelOf } from './brute.js'

const ROWS = 24
const COLUMNS = 19
const dense = denseMatrix(ROWS, COLUMNS)
const sparse = sparseMatrix(ROWS, COLUMNS, 30)

const on = (options: Partial<FactorizeOptions> = {}): FactorizeOptions => ({
  rank: 3,
  backend: 'reference',
  dtype: 'f64',
  maxIterations: 8,
  tolerance: 0,
  ...options,
})

const random = new Random(5)
/** About two thirds are observed. */
const bits = Uint8Array.from({ length: ROWS * COLUMNS }, () => (random.below(3) > 0 ? 1 : 0))
const mask = { data: bits, rows: ROWS, columns: COLUMNS }
/** Eighths, which float32 holds. */
const weightData = Float64Array.from({ length: ROWS * COLUMNS }, () => random.below(9) / 8)
const weights = { data: weightData, rows: ROWS, columns: COLUMNS }

/** The CSR matrix of the entries that are not zero, or that a mask shows. */
function csrOf(data: ArrayLike<number>, shown: (at: number) => boolean = at => data[at] !== 0): CsrView {
  const places = Array.from({ length: ROWS * COLUMNS }, (_, at) => at).filter(shown)
  const indptr = Uint32Array.from({ length: ROWS + 1 }, (_, i) => places.filter(at => at < i * COLUMNS).length)
  return {
    kind: 'csr',
    indptr,
    indices: Uint32Array.from(places, at => at % COLUMNS),
    values: Float64Array.from(places, at => data[at]),
    rows: ROWS,
    columns: COLUMNS,
  }
}

const times = (a: ArrayLike<number>, b: ArrayLike<number>) => Float64Array.from(a, (value, at) => value * b[at])

const matrices: readonly [string, typeof dense | typeof sparse][] = [
  ['dense', dense],
  ['sparse', sparse],
]

describe.each(matrices)('of %s X', (_, X) => {
  const cases: readonly [string, Partial<FactorizeOptions>, ArrayLike<number>][] = [
    ['a dense mask', { mask }, bits],
    ['a CSR mask', { mask: csrOf(bits) }, bits],
    ['dense weights', { weights }, weightData],
    ['CSR weights', { weights: csrOf(weightData) }, weightData],
    ['a dense mask and dense weights', { mask, weights }, times(bits, weightData)],
    ['a CSR mask and dense weights', { mask: csrOf(bits), weights }, times(bits, weightData)],
    ['a dense mask and CSR weights', { mask, weights: csrOf(weightData) }, times(bits, weightData)],
    ['a CSR mask and CSR weights', { mask: csrOf(bits), weights: csrOf(weightData) }, times(bits, weightData)],
  ]

  it.each(cases)('%s: loss and relative error are over what is observed', async (_name, options, V) => {
    for (const solver of ['mu', 'hals', 'pg'] as const) {
      for (const loss of [2, 1]) {
        const fit = await factorize(X, on({ ...options, solver, loss }))
        expect(fit.loss / bruteLoss(X, fit, loss, V), `${solver} ${loss}`).toBeCloseTo(1, 9)
        expect(fit.relativeError / bruteRelativeError(X, fit, V)).toBeCloseTo(1, 9)
      }
    }
  })

  it('dense and CSR forms lead to the same fit', async () => {
    for (const loss of [2, 1, 1.5]) {
      const [a, b] = [await factorize(X, on({ mask, loss })), await factorize(X, on({ mask: csrOf(bits), loss }))]
      expect(a.loss / b.loss).toBeCloseTo(1, 9)
      expect(a.W.data[5] / b.W.data[5]).toBeCloseTo(1, 9)
    }
  })

  it.each([false, true])('hold-out is the hashed mask, complement %s', async complement => {
    const V = new Float64Array(ROWS * COLUMNS)
    const dims = { rows: ROWS, columns: COLUMNS, row: 0, column: 0, seed: 7, threshold: holdoutThreshold(0.4) }
    holdout.reference({ ...dims, complement: complement ? 1 : 0 }, { V })
    const hashed = { holdout: 0.4, seed: 7, complement }
    // with a start of its own, whose mean is not that of the observed entries
    const { W, H } = await factorize(X, on())
    const init = { W, H }
    for (const loss of [2, 1]) {
      const fit = await factorize(X, on({ mask: hashed, loss, init }))
      expect(fit.loss / bruteLoss(X, fit, loss, V)).toBeCloseTo(1, 9)
      expect(fit.relativeError / bruteRelativeError(X, fit, V)).toBeCloseTo(1, 9)
      const stored = await factorize(X, on({ mask: { data: V, rows: ROWS, columns: COLUMNS }, loss, init }))
      expect(fit.loss / stored.loss).toBeCloseTo(1, 9)
      const weighted = await factorize(X, on({ mask: hashed, weights, loss, init }))
      expect(weighted.loss / bruteLoss(X, weighted, loss, times(V, weightData))).toBeCloseTo(1, 9)
      const listed = await factorize(X, on({ mask: hashed, weights: csrOf(weightData), loss, init }))
      expect(listed.loss / weighted.loss).toBeCloseTo(1, 9)
    }
  })
})

describe('missing entries', () => {
  it.each([Number.NaN, -999, Number.POSITIVE_INFINITY, 1e300])('may be %s in dense X', async sentinel => {
    const data = dense.data.map((value, at) => (bits[at] ? value : Math.fround(sentinel)))
    const before = data.slice()
    for (const [shown, observed] of [
      ['dense', mask],
      ['csr', csrOf(bits)],
    ] as const) {
      const fit = await factorize({ data, rows: ROWS, columns: COLUMNS }, on({ mask: observed }))
      const clean = await factorize(dense, on({ mask: observed }))
      expect(fit.W, shown).toEqual(clean.W)
      expect(fit.relativeError).toBe(clean.relativeError)
    }
    expect(data).toEqual(before)
  })

  it('may be anything in sparse X', async () => {
    const hidden = csrOf(bits, at => bits[at] === 0)
    const X = csrOf(entriesOf(dense), () => true)
    const values = X.values.map((value, at) => (bits[at] ? value : Number.NaN))
    for (const observed of [mask, csrOf(bits)]) {
      const fit = await factorize({ ...X, values }, on({ mask: observed }))
      const clean = await factorize(X, on({ mask: observed }))
      expect(fit.W).toEqual(clean.W)
    }
    const wrong = factorize({ ...X, values }, on({ mask: hidden }))
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_NONNEG_NOT_FINITE' })
  })

  it('are filled in by the product', async () => {
    // rank 1, so the observed entries say what the others are
    const row = (at: number) => Math.floor(at / COLUMNS)
    const exact = Float64Array.from(bits, (_, at) => (1 + (at % COLUMNS)) * (2 + (row(at) % 5)))
    const holes = exact.map((value, at) => (bits[at] ? value : Number.NaN))
    const fit = await factorize(
      { data: holes, rows: ROWS, columns: COLUMNS },
      on({ rank: 1, mask, solver: 'hals', maxIterations: 200 }),
    )
    for (const [at, value] of modelOf(fit).entries()) expect(value / exact[at]).toBeCloseTo(1, 6)
  })

  it('are what a sparse X does not list, with itself for a mask', async () => {
    const fit = await factorize(sparse, on({ mask: sparse, loss: 'kullback-leibler' }))
    const listed = entriesOf(sparse).map(value => (value > 0 ? 1 : 0))
    expect(fit.loss / bruteLoss(sparse, fit, 1, listed)).toBeCloseTo(1, 9)
    const zeros = await factorize(sparse, on({ mask: sparse, loss: 'itakura-saito' }))
    expect(zeros.loss / bruteLoss(sparse, zeros, 0, listed)).toBeCloseTo(1, 9)
  })

  it('do not count as zeros where β ≤ 0, observed ones do', async () => {
    const data = dense.data.map((value, at) => (bits[at] ? value + 0.1 : 0))
    const X = { data, rows: ROWS, columns: COLUMNS }
    for (const shown of [mask, csrOf(bits)]) await factorize(X, on({ mask: shown, loss: 0 }))
    const at = bits.indexOf(1)
    data[at] = 0
    const detail = { row: Math.floor(at / COLUMNS), column: at % COLUMNS }
    for (const shown of [mask, csrOf(bits)]) {
      const wrong = factorize(X, on({ mask: shown, loss: 0 }))
      await expect(wrong).rejects.toMatchObject({ code: 'ERR_NONNEG_ZERO', detail })
    }
  })

  it('of new rows have a mask of their own', async () => {
    const model = await new NMF(on({ mask, solver: 'hals', maxIterations: 60 })).fit(dense)
    const rows = denseMatrix(4, COLUMNS)
    const plain = await model.transform(rows)
    expect(plain.rows).toBe(4)
    const shown = { data: bits.subarray(0, 4 * COLUMNS), rows: 4, columns: COLUMNS }
    const masked = await model.transform(rows, { mask: shown })
    const loss = (W: typeof plain, V?: Uint8Array) => bruteLoss(rows, { W, H: model.components }, 2, V)
    expect(loss(masked, shown.data)).toBeLessThan(loss(plain, shown.data))
    expect(loss(plain)).toBeLessThan(loss(masked))
  })

  it('leave mask and weights alone', async () => {
    const [V, m] = [weightData.slice(), bits.slice()]
    await factorize(dense, on({ mask, weights }))
    expect([weightData, bits]).toEqual([V, m])
  })

  it('do not depend on the scale of X', async () => {
    const scaled = { ...dense, data: Float64Array.from(dense.data, value => value * 2 ** -60) }
    for (const options of [{ mask }, { mask: csrOf(bits) }, { mask: { holdout: 0.3 } }]) {
      const [a, b] = [await factorize(dense, on(options)), await factorize(scaled, on(options))]
      expect(a.loss / b.loss / 2 ** 120).toBeCloseTo(1, 9)
      expect(b.relativeError).toBeCloseTo(a.relativeError, 9)
    }
  })
})

describe('refused', () => {
  const none = new Uint8Array(ROWS * COLUMNS)
  it.each<[string, { mask?: unknown; weights?: unknown }, string, RegExp]>([
    ['a mask of another shape', { mask: { ...mask, rows: 23 } }, 'ERR_NONNEG_SHAPE', /mask is 23 × 19, X is 24 × 19/],
    ['a CSR mask of another shape', { mask: { ...csrOf(bits), columns: 20 } }, 'ERR_NONNEG_SHAPE', /mask is 24 × 20/],
    ['a mask with too little data', { mask: { ...mask, data: bits.subarray(1) } }, 'ERR_NONNEG_SHAPE', /mask\.data/],
    [
      'a mask of other numbers',
      { mask: { ...mask, data: none.map((_, i) => i) } },
      'ERR_NONNEG_OPTION',
      /mask\[0, 2\] = 2/,
    ],
    ['a mask that shows nothing', { mask: { ...mask, data: none } }, 'ERR_NONNEG_OPTION', /no entry of X is observed/],
    ['an empty CSR mask', { mask: csrOf(none) }, 'ERR_NONNEG_OPTION', /no entry of X is observed/],
    ['a mask in words', { mask: 'all' }, 'ERR_NONNEG_OPTION', /mask is "all"/],
    ['holdout 0', { mask: { holdout: 0 } }, 'ERR_NONNEG_OPTION', /mask\.holdout/],
    ['holdout 1', { mask: { holdout: 1 } }, 'ERR_NONNEG_OPTION', /mask\.holdout/],
    ['a seed beyond 32 bits', { mask: { holdout: 0.5, seed: 2 ** 32 } }, 'ERR_NONNEG_OPTION', /mask\.seed/],
    ['a misspelt field', { mask: { holdout: 0.5, sed: 3 } }, 'ERR_NONNEG_OPTION', /"sed"/],
    ['complement in words', { mask: { holdout: 0.5, complement: 'no' } }, 'ERR_NONNEG_OPTION', /complement/],
    [
      'a negative weight',
      { weights: { ...weights, data: weightData.map(v => -v) } },
      'ERR_NONNEG_NEGATIVE',
      /^weights\[/,
    ],
    ['a weight that is no number', { weights: [[Number.NaN]] }, 'ERR_NONNEG_SHAPE', /weights is 1 × 1/],
    [
      'weights beyond float32',
      { weights: { ...weights, data: weightData.map(v => v * 1e39) } },
      'ERR_NONNEG_DTYPE',
      /float32/,
    ],
    ['weights all zero', { weights: { ...weights, data: none } }, 'ERR_NONNEG_OPTION', /no entry of X is observed/],
  ])('%s', async (_name, options, code, message) => {
    const given = options as { mask?: MaskInput; weights?: MatrixInput }
    await expect(factorize(dense, on(given))).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('what is no number at an observed entry, by its place', async () => {
    const data = dense.data.slice()
    const at = bits.indexOf(1, 40)
    data[at] = Number.NaN
    const place = `X[${Math.floor(at / COLUMNS)}, ${at % COLUMNS}] = NaN`
    for (const shown of [mask, csrOf(bits), { holdout: 0.5 }]) {
      const wrong = factorize({ data, rows: ROWS, columns: COLUMNS }, on({ mask: shown }))
      await expect(wrong).rejects.toMatchObject({ message: expect.stringContaining(place) })
    }
  })
})

describe('what is a million entries long', () => {
  const columns = 1_000_000
  const X = toMatrix(new Float32Array(columns).fill(1))
  const ones = toMatrix(new Uint8Array(columns).fill(1))
  const some = Uint32Array.from({ length: columns / 2 }, (_, p) => 2 * p)
  const pattern = { indptr: Uint32Array.of(0, some.length), indices: some, rows: 1, columns }

  function toMatrix<T>(data: T): {
    kind: 'dense'
    data: T
    rows: number
    columns: number
    stride: number
    offset: number
  } {
    return { kind: 'dense', data, rows: 1, columns, stride: columns, offset: 0 }
  }

  function stepsOf<T>(steps: Generator<void, T>): number {
    let count = 0
    while (!steps.next().done) count++
    return count
  }

  it.each([
    ['a dense mask', () => observe(X, ones, undefined)],
    ['dense weights and a hash', () => observe(X, { holdout: 0.5 }, ones)],
    ['a pattern', () => observe(X, pattern, undefined)],
    ['a norm under a hash', () => weightedSquaredNorm(X, { kind: 'holdout', fraction: 0.5, seed: 0 })],
    ['a search for zeros', () => refuseZeros(X, undefined, { beta: 0, dtype: 'f32' }, 0)],
  ])('is gone through in many steps where it is one row: %s', (_name, steps) => {
    expect(stepsOf<unknown>(steps())).toBeGreaterThan(10)
  })

  it('is gone through in many steps where it is empty rows', () => {
    const empty = { indptr: new Uint32Array(columns + 1), indices: new Uint32Array(0), rows: columns, columns: 1 }
    const nothing: CsrView = { kind: 'csr', ...empty, values: new Float32Array(0) }
    const holdout = { kind: 'holdout', fraction: 0.5, seed: 0 } as const
    const weighted = { kind: 'entries', values: nothing.values } as const
    expect(stepsOf(weightedSquaredNorm(nothing, holdout))).toBeGreaterThan(10)
    expect(stepsOf(refuseZeros(nothing, weighted, { beta: 0, dtype: 'f32' }, 0))).toBeGreaterThan(10)
    const last = { indptr: empty.indptr.slice(), indices: new Uint32Array(1), rows: columns, columns: 1 }
    last.indptr[columns] = 1
    expect(stepsOf(observe(nothing, last, undefined))).toBeGreaterThan(10)
  })
})

describe('entries that float32 rounds to zero', () => {
  const data = Float64Array.from({ length: 12 }, (_, at) => (at === 7 ? 1e-60 : 1))
  const X = { data, rows: 3, columns: 4 }

  it('are refused where the loss would be infinite', async () => {
    const options = on({ rank: 1, loss: 'itakura-saito', dtype: 'f32' })
    await expect(factorize(X, options)).rejects.toMatchObject({
      code: 'ERR_NONNEG_DTYPE',
      detail: { row: 1, column: 3, value: 1e-60 },
    })
    // with all of X as small nothing is rounded to zero
    const small = { ...X, data: data.map(() => 1e-40) }
    expect((await factorize(small, { ...options, maxIterations: 40 })).relativeError).toBeLessThan(1e-3)
  })

  it('are taken in float64, behind a mask, and by other losses', async () => {
    const seen = data.map(value => (value < 1 ? 0 : 1))
    for (const change of [{ dtype: 'f64' }, { mask: { ...X, data: seen } }, { loss: 'kullback-leibler' }] as const) {
      const options = on({ rank: 1, loss: 'itakura-saito', dtype: 'f32', ...change })
      expect((await factorize(X, options)).iterations).toBe(8)
    }
  })
})

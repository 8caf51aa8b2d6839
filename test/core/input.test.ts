import { describe, expect, it } from 'vitest'
import { inSlices } from '../../ts/core/breathe.js'
import { type MatrixInput, toMatrixView } from '../../ts/core/input.js'
import { type CsrView, type DenseView, transposeCsr, transposeDense } from '../../ts/core/matrix.js'
import { scanMatrix } from '../../ts/core/scan.js'

const view = (input: MatrixInput) => inSlices(toMatrixView(input))

function entries(X: DenseView | CsrView): number[][] {
  const out = Array.from({ length: X.rows }, () => new Array<number>(X.columns).fill(0))
  for (let i = 0; i < X.rows; i++) {
    if (X.kind === 'dense') for (let j = 0; j < X.columns; j++) out[i][j] = X.data[X.offset + i * X.stride + j]
    else for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) out[i][X.indices[p]] += X.values[p]
  }
  return out
}

const wanted = [
  [1, 2, 3],
  [4, 5, 6],
]

describe('accepted forms of X', () => {
  const forms: [string, MatrixInput][] = [
    ['packed Float32Array', { data: Float32Array.of(1, 2, 3, 4, 5, 6), rows: 2, columns: 3 }],
    ['stride and offset', { data: Float64Array.of(9, 1, 2, 3, 9, 4, 5, 6), rows: 2, columns: 3, stride: 4, offset: 1 }],
    ['integers', { data: Uint8Array.of(1, 2, 3, 4, 5, 6), rows: 2, columns: 3 }],
    ['plain numbers', { data: [1, 2, 3, 4, 5, 6], rows: 2, columns: 3 }],
    ['array of arrays', wanted],
    ['array of typed rows', wanted.map(row => Float32Array.from(row))],
    ['ml-matrix', { data: wanted.map(row => Float64Array.from(row)), rows: 2, columns: 3 }],
    ['ndarray', { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3], stride: [3, 1], offset: 0 }],
    ['ndarray, column-major', { data: Float64Array.of(1, 4, 2, 5, 3, 6), shape: [2, 3], stride: [1, 2], offset: 0 }],
    ['ndarray, reversed', { data: Float64Array.of(6, 5, 4, 3, 2, 1), shape: [2, 3], stride: [-3, -1], offset: 5 }],
    [
      'CSR',
      { indptr: [0, 3, 6], indices: Int32Array.of(2, 0, 1, 0, 1, 2), values: [3, 1, 2, 4, 5, 6], rows: 2, columns: 3 },
    ],
  ]
  it.each(forms)('%s', async (_name, input) => {
    expect(entries(await view(input))).toEqual(wanted)
  })

  it('does not copy what it can use as it is', async () => {
    const data = new Float32Array(6)
    expect(((await view({ data, rows: 2, columns: 3 })) as DenseView).data).toBe(data)
  })
})

describe('refused forms of X', () => {
  const csr = { indptr: [0, 1], indices: [0], values: [1], rows: 1, columns: 1 }
  it.each<[string, unknown, string, RegExp]>([
    ['null', null, 'ERR_NONNEG_SHAPE', /null/],
    ['a number', 3, 'ERR_NONNEG_SHAPE', /number/],
    ['a flat array', [1, 2, 3], 'ERR_NONNEG_SHAPE', /flat/],
    ['an empty object', {}, 'ERR_NONNEG_SHAPE', /neither/],
    ['too little data', { data: new Float32Array(5), rows: 2, columns: 3 }, 'ERR_NONNEG_SHAPE', /needs 6/],
    [
      'a stride below columns',
      { data: new Float32Array(9), rows: 2, columns: 3, stride: 2 },
      'ERR_NONNEG_SHAPE',
      /stride/,
    ],
    ['fractional rows', { data: new Float32Array(9), rows: 1.5, columns: 3 }, 'ERR_NONNEG_SHAPE', /rows/],
    ['negative columns', { data: new Float32Array(9), rows: 1, columns: -3 }, 'ERR_NONNEG_SHAPE', /columns/],
    ['BigInt data', { data: new BigInt64Array(1), rows: 1, columns: 1 }, 'ERR_NONNEG_DTYPE', /numbers/],
    ['text in flat data', { data: [1, '3'], rows: 1, columns: 2 }, 'ERR_NONNEG_DTYPE', /data\[1\] is "3"/],
    ['null in flat data', { data: [1, null], rows: 1, columns: 2 }, 'ERR_NONNEG_DTYPE', /null/],
    ['a BigInt in flat data', { data: [1n], rows: 1, columns: 1 }, 'ERR_NONNEG_DTYPE', /data\[0\]/],
    ['a null index', { ...csr, indices: [null] }, 'ERR_NONNEG_SHAPE', /indices\[0\]/],
    ['columns beyond 32 bits', { ...csr, columns: 1e12 }, 'ERR_NONNEG_SHAPE', /columns/],
    ['an ndarray without strides', { data: [1], shape: [1, 1] }, 'ERR_NONNEG_SHAPE', /stride/],
    ['ragged rows', [[1, 2], [3]], 'ERR_NONNEG_SHAPE', /row 1/],
    ['text among the numbers', [[1, '2']], 'ERR_NONNEG_DTYPE', /X\[0, 1\]/],
    ['a short indptr', { ...csr, rows: 2 }, 'ERR_NONNEG_SHAPE', /indptr/],
    ['a decreasing indptr', { ...csr, indptr: [0, 1, 0], rows: 2 }, 'ERR_NONNEG_SHAPE', /decreases/],
    ['an indptr that starts late', { ...csr, indptr: [1, 1] }, 'ERR_NONNEG_SHAPE', /indptr\[0\]/],
    ['too few values', { ...csr, values: [] }, 'ERR_NONNEG_SHAPE', /promises 1/],
    ['a fractional index', { ...csr, indices: [0.5] }, 'ERR_NONNEG_SHAPE', /indices\[0\]/],
    ['a negative index', { ...csr, indices: Int32Array.of(-1) }, 'ERR_NONNEG_SHAPE', /indices\[0\]/],
    ['an ndarray whose shape is none', { data: [1], shape: 4, stride: [1, 1] }, 'ERR_NONNEG_SHAPE', /no dimensions/],
    [
      'a bare object among the numbers',
      { data: [Object.create(null)], rows: 1, columns: 1 },
      'ERR_NONNEG_SHAPE',
      /row 0/,
    ],
    ['a bare object for a size', { data: [1], rows: Object.create(null), columns: 1 }, 'ERR_NONNEG_SHAPE', /X.rows is/],
    ['three dimensions', { data: [1], shape: [1, 1, 1], stride: [1, 1, 1], offset: 0 }, 'ERR_NONNEG_SHAPE', /3 dim/],
  ])('%s', async (_name, input, code, message) => {
    await expect(view(input as MatrixInput)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

it('calls the matrix by the name it is given', async () => {
  const wrong = { data: new Float32Array(5), rows: 2, columns: 3 }
  await expect(inSlices(toMatrixView(wrong, 'init.W'))).rejects.toMatchObject({
    message: expect.stringMatching(/^init\.W\.data has 5/),
  })
})

describe('the scan', () => {
  const scan = async (input: MatrixInput) => await inSlices(scanMatrix(await view(input), 'X'))

  it.each<[string, MatrixInput, string, string]>([
    ['negative', { data: [1, 2, 3, -0.5], rows: 2, columns: 2 }, 'ERR_NONNEG_NEGATIVE', 'X[1, 1] = -0.5'],
    ['NaN', { data: [1, Number.NaN, 3, 4], rows: 2, columns: 2 }, 'ERR_NONNEG_NOT_FINITE', 'X[0, 1] = NaN'],
    ['infinite', [[1], [Number.POSITIVE_INFINITY]], 'ERR_NONNEG_NOT_FINITE', 'X[1, 0] = Infinity'],
    ['−∞', [[Number.NEGATIVE_INFINITY]], 'ERR_NONNEG_NOT_FINITE', 'X[0, 0] = -Infinity'],
    [
      'negative in CSR',
      { indptr: [0, 0, 2], indices: [1, 4], values: [1, -2], rows: 2, columns: 5 },
      'ERR_NONNEG_NEGATIVE',
      'X[1, 4] = -2',
    ],
    [
      'an index beyond the columns',
      { indptr: [0, 1], indices: [5], values: [1], rows: 1, columns: 5 },
      'ERR_NONNEG_SHAPE',
      'X.indices[0] = 5',
    ],
  ])('names the place: %s', async (_name, input, code, place) => {
    await expect(scan(input)).rejects.toMatchObject({ code, message: expect.stringContaining(place) })
  })

  it('adds up, and never looks outside the view', async () => {
    const data = Float64Array.of(-1, 1, 2, -1, 3, 4, -1)
    const { sum, squaredNorm } = await scan({ data, rows: 2, columns: 2, stride: 3, offset: 1 })
    expect([sum, squaredNorm]).toEqual([10, 30])
  })

  it('takes −0 for zero', async () => {
    expect((await scan([[-0, 1]])).sum).toBe(1)
  })

  it('adds duplicates in a copy', async () => {
    const input = {
      indptr: [0, 3, 4, 7],
      indices: [1, 0, 1, 2, 2, 2, 2],
      values: [1, 2, 3, 4, 1, 1, 1],
      rows: 3,
      columns: 3,
    }
    const { X, sum, squaredNorm } = await scan(input)
    expect(entries(X)).toEqual([
      [2, 4, 0],
      [0, 0, 4],
      [0, 0, 3],
    ])
    expect((X as CsrView).indptr).toEqual(Uint32Array.of(0, 2, 3, 4))
    expect([sum, squaredNorm]).toEqual([13, 4 + 16 + 16 + 9])
  })
})

describe('transposes', () => {
  it('of CSR', async () => {
    const X = (await view({
      indptr: [0, 2, 2, 4],
      indices: [3, 0, 1, 3],
      values: [1, 2, 3, 4],
      rows: 3,
      columns: 4,
    })) as CsrView
    const T = await inSlices(transposeCsr(X))
    expect(entries(T)).toEqual(entries(X)[0].map((_, j) => entries(X).map(row => row[j])))
    expect([T.rows, T.columns]).toEqual([4, 3])
  })

  it('of dense, beyond one tile', async () => {
    const source = Float32Array.from({ length: 37 * 71 }, (_, i) => i)
    const T = await inSlices(transposeDense(source, 37, 71))
    for (let i = 0; i < 37; i++) for (let j = 0; j < 71; j++) expect(T[j * 37 + i]).toBe(source[i * 71 + j])
  })
})

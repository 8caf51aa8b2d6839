import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DenseView } from '../../ts/core/matrix.js'
import { encodeMatrix } from '../../ts/data/encode.js'
import { parseNpy } from '../../ts/data/npy.js'
import { refusal, rowsOf, utf8 } from './helpers.js'

/** A .npy file put together by hand: `dict` in a header of the version, then `body`. */
function npy(dict: string, body: Uint8Array, version = 1): Uint8Array {
  const header = utf8(`${dict}\n`)
  const wide = version > 1
  const out = new Uint8Array((wide ? 12 : 10) + header.length + body.length)
  out.set([0x93, 78, 85, 77, 80, 89, version, 0])
  const view = new DataView(out.buffer)
  if (wide) view.setUint32(8, header.length, true)
  else view.setUint16(8, header.length, true)
  out.set(header, wide ? 12 : 10)
  out.set(body, out.length - body.length)
  return out
}

function dict(descr: string, shape: string, fortran = false): string {
  return `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape}), }`
}

type Write = (view: DataView, at: number, value: number, little: boolean) => void

interface Kind {
  readonly name: string
  readonly bytes: number
  readonly write: Write
  readonly least: number
  readonly most: number
  readonly Array: typeof Float32Array | typeof Float64Array
}

const big = (value: number) => BigInt(value)
const KINDS: Kind[] = [
  { name: 'b1', bytes: 1, write: (v, at, x) => v.setUint8(at, x), least: 0, most: 1, Array: Float32Array },
  { name: 'i1', bytes: 1, write: (v, at, x) => v.setInt8(at, x), least: -128, most: 127, Array: Float32Array },
  { name: 'u1', bytes: 1, write: (v, at, x) => v.setUint8(at, x), least: 0, most: 255, Array: Float32Array },
  {
    name: 'i2',
    bytes: 2,
    write: (v, at, x, l) => v.setInt16(at, x, l),
    least: -32768,
    most: 32767,
    Array: Float32Array,
  },
  { name: 'u2', bytes: 2, write: (v, at, x, l) => v.setUint16(at, x, l), least: 0, most: 65535, Array: Float32Array },
  {
    name: 'i4',
    bytes: 4,
    write: (v, at, x, l) => v.setInt32(at, x, l),
    least: -(2 ** 31),
    most: 2 ** 31 - 1,
    Array: Float64Array,
  },
  {
    name: 'u4',
    bytes: 4,
    write: (v, at, x, l) => v.setUint32(at, x, l),
    least: 0,
    most: 2 ** 32 - 1,
    Array: Float64Array,
  },
  {
    name: 'i8',
    bytes: 8,
    write: (v, at, x, l) => v.setBigInt64(at, big(x), l),
    least: -(2 ** 53),
    most: 2 ** 53,
    Array: Float64Array,
  },
  {
    name: 'u8',
    bytes: 8,
    write: (v, at, x, l) => v.setBigUint64(at, big(x), l),
    least: 0,
    most: 2 ** 53,
    Array: Float64Array,
  },
  { name: 'f4', bytes: 4, write: (v, at, x, l) => v.setFloat32(at, x, l), least: -1e6, most: 1e6, Array: Float32Array },
  { name: 'f8', bytes: 8, write: (v, at, x, l) => v.setFloat64(at, x, l), least: -1e6, most: 1e6, Array: Float64Array },
]

test('property: every type, byte order, entry order, version and alignment', async () => {
  const problem = fc.constantFrom(...KINDS).chain(kind =>
    fc.record({
      kind: fc.constant(kind),
      values: fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 })).chain(([rows, columns]) =>
        fc
          .array(fc.array(fc.maxSafeInteger(), { minLength: columns, maxLength: columns }), {
            minLength: rows,
            maxLength: rows,
          })
          .map(grid => ({ rows, columns, grid })),
      ),
      little: fc.boolean(),
      fortran: fc.boolean(),
      version: fc.constantFrom(1, 2, 3),
      shift: fc.integer({ min: 0, max: 7 }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(problem, async ({ kind, values, little, fortran, version, shift }) => {
      const { rows, columns } = values
      const span = kind.most - kind.least + 1
      const grid = values.grid.map(row => row.map(x => kind.least + (Math.abs(x) % span)))
      const body = new Uint8Array(rows * columns * kind.bytes)
      const view = new DataView(body.buffer)
      grid.forEach((row, i) => {
        row.forEach((value, j) => {
          kind.write(view, (fortran ? j * rows + i : i * columns + j) * kind.bytes, value, little)
        })
      })
      const order = kind.bytes === 1 ? '|' : little ? '<' : '>'
      const file = npy(dict(`${order}${kind.name}`, `${rows}, ${columns}`, fortran), body, version)
      const shifted = new Uint8Array(file.length + shift)
      shifted.set(file, shift)
      const { matrix } = await parseNpy(shifted.subarray(shift))
      expect(matrix).toMatchObject({ kind: 'dense', rows, columns, stride: columns, offset: 0 })
      expect(matrix.data).toBeInstanceOf(kind.Array)
      expect(rowsOf(matrix)).toEqual(grid)
    }),
    { numRuns: 300 },
  )
})

test('property: what is written is read back bit by bit', async () => {
  const cells = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 3 }))
  const problem = cells.chain(([rows, columns, gap]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      gap: fc.constant(gap),
      data: fc.oneof(
        fc.float32Array({ minLength: 2 + rows * (columns + gap), maxLength: 2 + rows * (columns + gap) }),
        fc.float64Array({ minLength: 2 + rows * (columns + gap), maxLength: 2 + rows * (columns + gap) }),
      ),
    }),
  )
  await fc.assert(
    fc.asyncProperty(problem, async ({ rows, columns, gap, data }) => {
      const view: DenseView = { kind: 'dense', data, rows, columns, stride: columns + gap, offset: 2 }
      const file = Buffer.concat([...encodeMatrix(view, 'npy')])
      const header = file.subarray(0, file.indexOf(10) + 1)
      expect(header.length % 64).toBe(0)
      const { matrix } = await parseNpy(file)
      expect(matrix.data.constructor).toBe(data.constructor)
      expect(rowsOf(matrix)).toEqual(rowsOf(view))
    }),
  )
})

test('an aligned float array is not copied', async () => {
  const file = Buffer.concat([
    ...encodeMatrix({ kind: 'dense', data: Float32Array.of(1, 2), rows: 1, columns: 2, stride: 2, offset: 0 }, 'npy'),
  ])
  const bytes = new Uint8Array(file)
  const { matrix } = await parseNpy(bytes)
  expect(matrix.data.buffer).toBe(bytes.buffer)
})

test('more than one piece of conversion, transposed', async () => {
  const rows = 300
  const columns = 250
  const body = new Uint8Array(Uint16Array.from({ length: rows * columns }, (_, p) => p % 60000).buffer)
  const { matrix } = await parseNpy(npy(dict('<u2', `${rows}, ${columns}`, true), body))
  for (const [i, j] of [
    [0, 0],
    [0, 249],
    [299, 0],
    [299, 249],
    [131, 77],
  ]) {
    expect(matrix.data[i * columns + j]).toBe((j * rows + i) % 60000)
  }
})

test('64-bit integers round as astype does', async () => {
  const values = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -1n]
  const body = new Uint8Array(BigInt64Array.from(values).buffer)
  const { matrix } = await parseNpy(npy(dict('<i8', '1, 4'), body))
  expect(rowsOf(matrix)).toEqual([values.map(Number)])
})

test('a header as Python 2 wrote it, in any order and with double quotes', async () => {
  const header = `{"shape": (2L, 1L), "fortran_order": False, "descr": "<f4"}`
  const { matrix } = await parseNpy(npy(header, new Uint8Array(Float32Array.of(3, 4).buffer)))
  expect(rowsOf(matrix)).toEqual([[3], [4]])
})

describe('what is refused', () => {
  const floats = (count: number) => new Uint8Array(count * 4)
  test.each<[string, Uint8Array, string, RegExp]>([
    ['an empty file', new Uint8Array(0), 'ERR_NONNEG_FORMAT', /empty/],
    ['another file', utf8('1,2,3\n4,5,6\n'), 'ERR_NONNEG_FORMAT', /not a \.npy file/],
    ['a zip', utf8('PK\x03\x04 and so on and on'), 'ERR_NONNEG_FORMAT', /not a \.npy file/],
    ['a new version', npy(dict('<f4', '1, 1'), floats(1), 4), 'ERR_NONNEG_FORMAT', /version 4/],
    ['a vector', npy(dict('<f4', '3,'), floats(3)), 'ERR_NONNEG_SHAPE', /1 dimensions/],
    ['a scalar', npy(dict('<f4', ''), floats(1)), 'ERR_NONNEG_SHAPE', /0 dimensions/],
    ['a cube', npy(dict('<f4', '1, 1, 1'), floats(1)), 'ERR_NONNEG_SHAPE', /3 dimensions/],
    ['half floats', npy(dict('<f2', '1, 2'), floats(1)), 'ERR_NONNEG_DTYPE', /"<f2"/],
    ['complex', npy(dict('<c8', '1, 1'), floats(2)), 'ERR_NONNEG_DTYPE', /"<c8"/],
    ['objects', npy(dict('|O', '1, 1'), floats(1)), 'ERR_NONNEG_DTYPE', /"\|O"/],
    ['strings', npy(dict('<U4', '1, 1'), floats(4)), 'ERR_NONNEG_DTYPE', /"<U4"/],
    ['a name of Object', npy(dict('constructor', '1, 1'), floats(1)), 'ERR_NONNEG_DTYPE', /constructor/],
    [
      'a structure',
      npy(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}`, floats(1)),
      'ERR_NONNEG_DTYPE',
      /structure/,
    ],
    ['too few bytes', npy(dict('<f4', '2, 2'), floats(3)), 'ERR_NONNEG_FORMAT', /need 16 bytes and the file holds 12/],
    ['too many bytes', npy(dict('<f4', '2, 2'), floats(5)), 'ERR_NONNEG_FORMAT', /need 16 bytes and the file holds 20/],
    ['a negative size', npy(dict('<f4', '-1, 2'), floats(2)), 'ERR_NONNEG_FORMAT', /shape/],
    ['an absurd size', npy(dict('<f4', '0, 99999999999999999999'), floats(0)), 'ERR_NONNEG_FORMAT', /shape/],
    ['no shape', npy(`{'descr': '<f4', 'fortran_order': False}`, floats(1)), 'ERR_NONNEG_FORMAT', /header/],
  ])('%s', async (_, bytes, code, message) => {
    const error = await refusal(parseNpy(bytes, { name: 'x.npy' }))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.message).toContain('x.npy')
  })

  test('a file cut anywhere', async () => {
    const whole = npy(dict('<f4', '2, 3'), floats(6))
    for (let length = 0; length < whole.length; length++) {
      expect((await refusal(parseNpy(whole.subarray(0, length)))).code).toBe('ERR_NONNEG_FORMAT')
    }
    expect((await parseNpy(whole)).matrix.rows).toBe(2)
  })
})

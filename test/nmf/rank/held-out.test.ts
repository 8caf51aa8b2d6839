import { describe, expect, it } from 'vitest'
import type { Weights } from '../../../ts/backends/backend.js'
import { Random } from '../../../ts/core/random.js'
import { holdout, holdoutThreshold } from '../../../ts/kernels/holdout.js'
import { sidesUnder, weightsUnder } from '../../../ts/nmf/rank/held-out.js'
import { denseMatrix, sparseMatrix } from '../../conformance/problems.js'

const [rows, columns] = [37, 23]
const hash = { fraction: 0.3, seed: 77 }
const random = new Random(1)

function run<T>(work: Generator<void, T>): { value: T; steps: number } {
  for (let steps = 0; ; steps++) {
    const step = work.next()
    if (step.done) return { value: step.value, steps }
  }
}

/** 1 where an entry is held out. */
const held = new Float64Array(rows * columns)
const dims = { rows, columns, row: 0, column: 0, seed: hash.seed, threshold: holdoutThreshold(hash.fraction) }
holdout.reference({ ...dims, complement: 1 }, { V: held })

describe('either side of a hash', () => {
  const dense = denseMatrix(rows, columns)

  it('is the hash itself where X has no weights', () => {
    for (const complement of [false, true]) {
      expect(run(weightsUnder(dense, undefined, hash, complement)).value).toEqual({
        kind: 'holdout',
        ...hash,
        complement,
      })
    }
    const heldOut = held.reduce((sum, value) => sum + value, 0)
    expect(run(sidesUnder(dense, undefined, hash)).value).toEqual({ observed: rows * columns - heldOut, heldOut })
  })

  it('is the product with dense weights, whatever their stride', () => {
    const stride = columns + 3
    const data = Float32Array.from({ length: rows * stride + 2 }, () => random.below(9) / 8)
    const own: Weights = { kind: 'dense', data, rows, columns, stride, offset: 2 }
    const at = (place: number) => data[2 + Math.floor(place / columns) * stride + (place % columns)]
    for (const complement of [false, true]) {
      const { value } = run(weightsUnder(dense, own, hash, complement))
      const wanted = held.map((one, place) => (complement ? one : 1 - one) * at(place))
      expect(value).toMatchObject({ kind: 'dense', stride: columns, offset: 0 })
      expect([...(value as typeof own).data]).toEqual([...wanted])
    }
    const { observed, heldOut } = run(sidesUnder(dense, own, hash)).value
    expect(heldOut).toBeCloseTo(
      held.reduce((sum, one, place) => sum + one * at(place), 0),
      9,
    )
    expect(observed).toBeCloseTo(
      held.reduce((sum, one, place) => sum + (1 - one) * at(place), 0),
      9,
    )
  })

  it('is the product with weights of listed entries', () => {
    const X = sparseMatrix(rows, columns, 40)
    const own = { kind: 'entries', values: X.values.map(() => random.below(9) / 8) } as const
    const wanted = [0, 0]
    const under = [false, true].map(complement => run(weightsUnder(X, own, hash, complement)).value)
    for (let i = 0; i < rows; i++) {
      for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) {
        const side = held[i * columns + X.indices[p]]
        wanted[side] += own.values[p]
        expect(under.map(weights => (weights as typeof own).values[p])).toEqual(
          side ? [0, own.values[p]] : [own.values[p], 0],
        )
      }
    }
    const { observed, heldOut } = run(sidesUnder(X, own, hash)).value
    expect([observed, heldOut]).toEqual(wanted)
  })

  it('is gone through in many steps where X is one long row, or empty rows', () => {
    const long = 1_000_000
    const row = {
      kind: 'dense',
      data: new Float32Array(long),
      rows: 1,
      columns: long,
      stride: long,
      offset: 0,
    } as const
    expect(run(sidesUnder(row, undefined, hash)).steps).toBeGreaterThan(10)
    expect(run(weightsUnder(row, row, hash, true)).steps).toBeGreaterThan(10)
    const indptr = new Uint32Array(long + 1)
    const nothing = { indptr, indices: new Uint32Array(0), values: new Float32Array(0), rows: long, columns: 1 }
    const empty = { kind: 'csr', ...nothing } as const
    const none = { kind: 'entries', values: nothing.values } as const
    expect(run(sidesUnder(empty, none, hash)).steps).toBeGreaterThan(10)
    expect(run(weightsUnder(empty, none, hash, true)).steps).toBeGreaterThan(10)
  })
})

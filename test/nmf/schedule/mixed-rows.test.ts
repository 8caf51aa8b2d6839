import fc from 'fast-check'
import { expect, it } from 'vitest'
import { denseView, type MatrixView } from '../../../ts/core/matrix.js'
import { mixedRows } from '../../../ts/nmf/schedule/mixed-rows.js'

function mixed(X: MatrixView, order: readonly number[]): MatrixView {
  const steps = mixedRows(X, order)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

const permutation = fc.integer({ min: 1, max: 20 }).chain(rows =>
  fc.shuffledSubarray(
    Array.from({ length: rows }, (_, i) => i),
    { minLength: rows, maxLength: rows },
  ),
)

it('puts the rows of a dense view in their places, in its own array and without a look at what lies between them', () => {
  fc.assert(
    fc.property(permutation, fc.nat(3), fc.nat(3), fc.nat(3), (order, columns, gap, offset) => {
      const [rows, stride] = [order.length, columns + 1 + gap]
      const data = Float32Array.from({ length: offset + rows * stride }, (_, at) => at)
      const X = { ...denseView(data.slice(), rows, columns + 1), stride, offset }
      expect(mixed(X, order)).toBe(X)
      const wanted = data.slice()
      for (const [i, from] of order.entries()) {
        for (let j = 0; j <= columns; j++) wanted[offset + i * stride + j] = offset + from * stride + j
      }
      expect(X.data).toEqual(wanted)
    }),
  )
})

it('copies sparse rows', () => {
  const X = {
    kind: 'csr',
    indptr: Uint32Array.of(0, 2, 2, 3),
    indices: Uint32Array.of(0, 2, 1),
    values: Float32Array.of(1, 2, 3),
    rows: 3,
    columns: 3,
  } as const
  expect(mixed(X, [2, 0, 1])).toEqual({
    ...X,
    indptr: Uint32Array.of(0, 1, 3, 3),
    indices: Uint32Array.of(1, 0, 2),
    values: Float32Array.of(3, 1, 2),
  })
  expect(X.values).toEqual(Float32Array.of(1, 2, 3))
})

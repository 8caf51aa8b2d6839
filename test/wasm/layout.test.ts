import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type GramLayout, gramLayout } from '../../ts/backends/wasm/gram-layout.js'
import { MAX_LANES } from '../../ts/backends/wasm/layout.js'

function expectSound(layout: GramLayout, rows: number, columns: number): void {
  for (const [bounds, end] of [
    [layout.rowBounds, rows],
    [layout.columnBounds, columns],
  ] as const) {
    expect(bounds[0]).toBe(0)
    expect(bounds.at(-1)).toBe(end)
    expect(bounds.length - 1).toBeLessThanOrEqual(MAX_LANES)
    for (let i = 1; i < bounds.length; i++) expect(bounds[i]).toBeGreaterThanOrEqual(bounds[i - 1])
  }
}

/** All of a layout that decides about bits. */
function cutsOf({ scheme, part, rowBounds, columnBounds }: GramLayout): unknown {
  return { scheme, part, rowBounds, columnBounds }
}

const MU = { beta: 2, rule: 'mu' } as const

const size = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 200_000 }))

it('cuts dense X into lanes that cover it and do not depend on threads', () => {
  fc.assert(
    fc.property(
      size,
      size,
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom('f32', 'f64'),
      (rows, columns, rank, dtype) => {
        const shape = { rows, columns, rank, dtype } as const
        const one = gramLayout(shape, MU, 1, 0)
        const many = gramLayout(shape, MU, 16, 64)
        expect(cutsOf(many)).toEqual(cutsOf(one))
        expectSound(one, one.paddedRows, one.paddedColumns)
        expect(many.threads).toBeLessThanOrEqual(16)
        expect(gramLayout(shape, MU, 16, 0).bytes).toBe(many.bytes)
        // no buffer of a thread grows with X beyond a few megabytes and the rows' products
        expect(one.n - one.x).toBeLessThanOrEqual(10 << 20)
      },
    ),
  )
})

it('cuts sparse X into lanes of about equal work', () => {
  const indptr = new Uint32Array(20_001)
  for (let i = 0; i < 20_000; i++) indptr[i + 1] = indptr[i] + (i % 1000 === 0 ? 50_000 : 10)
  const layout = gramLayout(
    { rows: 20_000, columns: 20_000, rank: 16, dtype: 'f32', indptr: [indptr, indptr] },
    MU,
    4,
    0,
  )
  expectSound(layout, 20_000, 20_000)
  expect(layout.rowBounds.length - 1).toBe(MAX_LANES)
  const total = indptr[20_000] + 16 * 20_000
  for (let i = 0; i < MAX_LANES; i++) {
    const [first, last] = [layout.rowBounds[i], layout.rowBounds[i + 1]]
    // no lane has more than its share and one row
    expect(indptr[last] - indptr[first] + 16 * (last - first)).toBeLessThanOrEqual(total / MAX_LANES + 50_016)
  }
})

import { describe, expect, it } from 'vitest'
import { factorize, plan } from '../../ts/node.js'
import { deviceOf, presentOrSkip, VARIANTS } from '../conformance/backends.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'

/** More rows than their factors have memory for anywhere, and no entries. */
const vast = {
  indptr: new Uint32Array(4_000_001),
  indices: new Uint32Array(0),
  values: new Float32Array(0),
  rows: 4_000_000,
  columns: 3,
}

describe('a plan', () => {
  it.each([
    ['dense', denseMatrix(60, 25)],
    ['sparse', sparseMatrix(70, 41, 25)],
  ])('says what a fit of %s X takes, and takes nothing', async (_kind, X) => {
    const made = await plan(X, { rank: 4, backend: 'reference' })
    const { X: data, weights, factors, workspace, host } = made.bytes
    expect(made.total).toBe(data + weights + factors + workspace + host)
    expect(factors).toBeGreaterThanOrEqual(8 * 4 * (X.rows + X.columns))
    expect([made.backend, made.solver, weights]).toEqual(['reference', 'ahals', 0])
    expect(made.explain()).toMatch(/memory [\d.]+ kB: X .*factors/)
    const wide = await plan(X, { rank: 8, backend: 'reference' })
    expect(wide.bytes.factors).toBe(2 * factors)
    const weighted = await plan(X, { rank: 4, backend: 'reference', weights: denseMatrix(X.rows, X.columns) })
    expect(weighted.bytes.weights).toBeGreaterThan(0)
  })

  it.each(['reference', 'auto'] as const)('is refused where there is no room: %s', async backend => {
    const refused = {
      code: 'ERR_NONNEG_MEMORY',
      message: expect.stringMatching(/takes .*[GT]B/),
      fix: expect.any(String),
    }
    await expect(plan(vast, { rank: 60_000, backend })).rejects.toMatchObject(refused)
    await expect(factorize(vast, { rank: 60_000, backend })).rejects.toMatchObject(refused)
  })
})

describe.each(VARIANTS)('memory on $name', variant => {
  it('grows with what is asked for', async context => {
    await presentOrSkip(variant.id, context)
    const device = await deviceOf(variant, 1)
    const spec = { rank: 8, beta: 2, rule: 'mu', dtype: 'f32' } as const
    const [small, large] = [denseMatrix(60, 25), denseMatrix(600, 250)]
    const total = (X: typeof small, more: object = {}) => {
      const { X: data, weights, factors, workspace } = device.memory(X, { ...spec, ...more })
      for (const bytes of [data, weights, factors, workspace]) expect(bytes).toBeGreaterThanOrEqual(0)
      return data + weights + factors + workspace
    }
    expect(total(large)).toBeGreaterThan(4 * (600 * 250 + 8 * 850))
    expect(total(large)).toBeGreaterThan(total(small))
    expect(total(large, { rank: 64 })).toBeGreaterThan(total(large))
    if (device.supports(large, { ...spec, rule: 'hals', extrapolate: true }).supported) {
      expect(total(large, { extrapolate: true })).toBeGreaterThan(total(large) + 2 * 4 * 8 * 850 - 1)
    }
  })
})

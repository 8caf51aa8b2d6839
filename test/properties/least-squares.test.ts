import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bpp_csr } from '../../ts/kernels/bpp_csr.js'
import { bpp_dense } from '../../ts/kernels/bpp_dense.js'
import type { Arrays } from '../../ts/kernels/spec.js'
import { deviceOf, presentOrSkip } from '../conformance/backends.js'
import { guard } from '../conformance/guarded.js'
import { distance } from '../conformance/trajectory.js'
import { dense, fitOf, holds, NEAR, problems, UNIT, WAYS } from './problems.js'

// Exact least squares of rows with weights and bounds, against the conditions of a minimum and against all minima there are.

/** One row of X with its weights, all in whole sixteenths, which float32 holds. */
interface Row {
  readonly rank: number
  readonly X: readonly number[]
  readonly V: readonly number[]
  /** columns × rank */
  readonly O: readonly number[]
  readonly F: readonly number[]
  readonly l1: number
  readonly l2: number
  readonly most: number
  readonly stored: 'dense' | 'csr'
}

/** Rows of up to 14 entries, many of them with fewer than components, or with components that are alike. */
function rows(): fc.Arbitrary<Row> {
  const sizes = fc.record({ rank: fc.integer({ min: 1, max: 5 }), columns: fc.integer({ min: 0, max: 14 }) })
  const entry = fc.integer({ min: -6, max: 24 }).map(count => Math.max(0, count) / 16)
  const list = (length: number) => fc.array(entry, { minLength: length, maxLength: length })
  return sizes.chain(({ rank, columns }) =>
    fc.record({
      rank: fc.constant(rank),
      X: list(columns),
      V: list(columns),
      O: list(columns * rank),
      F: list(rank),
      l1: fc.constantFrom(0, 0, 0.25),
      l2: fc.constantFrom(0, 0, 0.5),
      most: fc.constantFrom(Number.POSITIVE_INFINITY, 0.125, 0.5, 1),
      stored: fc.constantFrom('dense' as const, 'csr' as const),
    }),
  )
}

/** ½·fᵀBf − wantedᵀf, in float64. */
function normalEquations({ rank, X, V, O, l1, l2 }: Row): { B: Float64Array; wanted: Float64Array } {
  const B = Float64Array.from({ length: rank * rank }, (_, at) => (at % (rank + 1) === 0 ? l2 : 0))
  const wanted = new Float64Array(rank).fill(-l1)
  for (const [j, v] of V.entries()) {
    for (let r = 0; r < rank; r++) {
      wanted[r] += v * X[j] * O[j * rank + r]
      for (let s = 0; s < rank; s++) B[r * rank + s] += v * O[j * rank + r] * O[j * rank + s]
    }
  }
  return { B, wanted }
}

function slopesAt({ B, wanted }: ReturnType<typeof normalEquations>, f: ArrayLike<number>): number[] {
  return Array.from(wanted, (value, r) =>
    Array.from(f).reduce((sum, entry, s) => sum + B[r * f.length + s] * entry, -value),
  )
}

/** Gaussian elimination of the components named, or nothing where a pivot is lost among the roundings that it is made of. */
function solved(B: Float64Array, right: readonly number[], names: readonly number[], rank: number) {
  const A = names.map((r, a) => [...names.map(s => B[r * rank + s]), right[a]])
  for (const [a, row] of A.entries()) {
    if (!(row[a] > 2 ** -16 * B[names[a] * (rank + 1)])) return undefined
    for (const [b, other] of A.entries()) {
      const share = other[a] / row[a]
      for (let c = a; b !== a && c < other.length; c++) other[c] -= share * row[c]
    }
  }
  return A.map((row, a) => row[names.length] / row[a])
}

/** The minimum, by looking at every choice of what is at zero, at the bound and between; undefined where it is not sharp. */
function minimum(row: Row): readonly number[] | undefined {
  const { rank, most } = row
  const all = Array.from({ length: rank }, (_, r) => r)
  const equations = normalEquations(row)
  const { B, wanted } = equations
  if (!solved(B, Array.from(wanted), all, rank)) return undefined
  let best: { readonly f: number[]; readonly value: number } | undefined
  for (let code = 0; code < 3 ** rank; code++) {
    const places = all.map(r => Math.floor(code / 3 ** r) % 3)
    if (most === Number.POSITIVE_INFINITY && places.includes(2)) continue
    const f = places.map(place => (place === 2 ? most : 0))
    const free = all.filter(r => places[r] === 1)
    const rest = slopesAt(equations, f)
    const found = solved(
      B,
      free.map(r => -rest[r]),
      free,
      rank,
    )
    if (!found) return undefined
    for (const [a, r] of free.entries()) f[r] = found[a]
    if (!f.every(entry => entry >= -1e-12 && entry <= most + 1e-12)) continue
    const value = slopesAt(equations, f).reduce((sum, slope, r) => sum + 0.5 * f[r] * (slope - wanted[r]), 0)
    if (!best || value < best.value) best = { f, value }
  }
  return best?.f
}

async function moved(row: Row, backend: (typeof WAYS)[number][0], dtype: 'f32' | 'f64'): Promise<number[]> {
  const { rank, X, V, O, F, l1, l2, most, stored } = row
  const columns = X.length
  const one = (list: readonly number[]) => Float64Array.from(list)
  const rest = { O: one(O), F: one(F), loss: new Float64Array(1), violation: new Float64Array(1) }
  const indptr = Uint32Array.of(0, columns)
  const indices = Uint32Array.from(X.keys())
  const arrays: Arrays =
    stored === 'dense'
      ? { X: one(X), V: one(V), ...rest }
      : { indptr, indices, values: one(X), weights: one(V), ...rest }
  const spec = stored === 'dense' ? bpp_dense : bpp_csr
  const dims = { rows: 1, columns, rank, stride: columns, nonzeros: columns, measure: 1, l1, l2, moving: rank, most }
  const buffers = guard(spec.buffers, arrays, 0, dtype)
  await (await deviceOf(backend)).runKernel(spec, { dims, dtype, buffers })
  const { data, offset, length } = buffers.F
  return Array.from(data.subarray(offset, offset + length))
}

describe.each([...WAYS, ['webgpu', 'f32'] as const])('on %s in %s', (backend, dtype) => {
  it('a row is where no component can better it, and never above where it was', async context => {
    await presentOrSkip(backend, context)
    // a software driver takes long
    const draws = backend === 'webgpu' ? 80 : 250
    let sharp = 0
    await holds(rows(), draws, async row => {
      const { rank, F, most } = row
      const f = await moved(row, backend, dtype)
      const equations = normalEquations(row)
      const { B, wanted } = equations
      const wantedMinimum = minimum(row)
      const largest = Math.max(...F.map((_, r) => B[r * (rank + 1)]))
      const size = largest * f.reduce((sum, entry) => sum + entry, 0) + Math.max(...wanted.map(Math.abs))
      // a singular row takes a proximal step, which leaves δ = 2⁻²⁰ of its diagonal times the way it went
      const way = wantedMinimum ? 0 : 2 ** -19 * largest * Math.max(...F, ...f)
      const slack = 16 * rank * UNIT[dtype] * size + way
      for (const [r, slope] of slopesAt(equations, f).entries()) {
        expect(f[r]).toBeGreaterThanOrEqual(0)
        expect(f[r]).toBeLessThanOrEqual(most)
        if (f[r] < most) expect(slope).toBeGreaterThanOrEqual(-slack)
        if (f[r] > 0) expect(slope).toBeLessThanOrEqual(slack)
        // nothing says what it should be
        if (B[r * (rank + 1)] === 0) expect(f[r]).toBe(0)
      }
      const value = (at: readonly number[]) =>
        slopesAt(equations, at).reduce((sum, slope, r) => sum + 0.5 * at[r] * (slope - wanted[r]), 0)
      const before = F.map(entry => Math.min(entry, most))
      const rounding = slack * (1 + f.reduce((sum, entry) => sum + entry, 0))
      expect(value(f)).toBeLessThanOrEqual(value(before) + rounding)
      if (!wantedMinimum) return
      sharp++
      expect(distance(f, wantedMinimum)).toBeLessThanOrEqual(NEAR[dtype])
      // a bound that nothing comes near is none
      if (most !== Number.POSITIVE_INFINITY) return
      expect(await moved({ ...row, most: 2 ** 40 }, backend, dtype)).toEqual(f)
    })
    expect(sharp).toBeGreaterThan(0.2 * draws)
    expect(sharp).toBeLessThan(0.9 * draws)
  })

  it('no iteration of bpp raises the loss of what is observed, between bounds', async context => {
    await presentOrSkip(backend, context)
    const bits = fc.array(fc.boolean(), { minLength: 81, maxLength: 81 })
    const bound = fc.constantFrom(undefined, 0.5, 1)
    await holds(fc.tuple(problems(), bits, bound), 12, async ([drawn, shown, most]) => {
      const { rows, columns, W, H } = drawn
      const observed = Array.from({ length: rows * columns }, (_, at) => (at === 0 || shown[at] ? 1 : 0))
      const cut = (list: readonly number[]) => list.map(value => Math.min(value, most ?? value))
      const options = { solver: 'bpp', mask: dense(observed, rows, columns), maxW: most, maxH: most } as const
      const start = { ...drawn, W: cut(W), H: cut(H) }
      const fit = await fitOf(start, { ...options, maxIterations: 15, backend, dtype })
      const losses = fit.history.map(entry => entry.loss)
      const slack = 64 * UNIT[dtype] * drawn.X.reduce((sum, x) => sum + Math.max(1, x) ** 2, losses[0])
      for (let n = 1; n < losses.length; n++) expect(losses[n]).toBeLessThanOrEqual(losses[n - 1] + slack)
      for (const { data } of [fit.W, fit.H])
        expect(data.every(value => value >= 0 && value <= (most ?? value))).toBe(true)
    })
  })
})

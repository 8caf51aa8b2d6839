import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Problem } from '../../ts/backends/backend.js'
import { loadAddon } from '../../ts/backends/native/load.js'
import { type DenseView, denseView, type MatrixView } from '../../ts/core/matrix.js'
import {
  addonOrSkip,
  normalisedError,
  type Outcome,
  plainFit,
  problemOf,
  randomCsr,
  randomDense,
  specOf,
  withFit,
} from './helpers.js'

const ITERATIONS = 6

// Each plan of the fit, and the edges of its cuts: panels of 84, fusion from 8 groups of 168 rows, columns split from 2048.
const shapes: [string, MatrixView, number][] = [
  ['one entry', randomDense(1, 1), 1],
  ['one row', randomDense(1, 37), 3],
  ['one column', randomDense(41, 1), 2],
  ['a panel and a row, rank over a vector', randomDense(85, 84), 65],
  ['two passes', randomDense(300, 150), 9],
  ['columns split', randomDense(20, 2100), 5],
  ['fused', randomDense(1350, 30), 17],
  ['two passes, rank of whole vectors', randomDense(300, 150), 64],
  ['columns split, rank of whole vectors', randomDense(20, 2100), 32],
  ['fused, rank of whole vectors', randomDense(1350, 40), 32],
  ['fused, rank in several passes', randomDense(1350, 40), 52],
  ['two passes, columns in blocks', randomDense(100, 1100), 22],
  ['sparse', randomCsr(300, 200, 5), 12],
  ['sparse, one row', randomCsr(1, 50, 20), 1],
]

beforeEach(addonOrSkip)
afterEach(() => {
  vi.unstubAllEnvs()
})

/** What a plain fit of a shape by mu comes to, which float32 and float64 are both held to. */
const known = new Map<MatrixView, Outcome>()

function plainFitOf(problem: Problem, rank: number): Outcome {
  const made = known.get(problem.X) ?? plainFit(problem, specOf(rank), ITERATIONS)
  known.set(problem.X, made)
  return made
}

const isas = (): readonly string[] => loadAddon().addon?.isas ?? []

describe('a fit', () => {
  it.for(shapes)('follows a plain float64 fit on every instruction set: %s', async ([, X, rank]) => {
    const problem = problemOf(X, rank)
    const wanted = plainFitOf(problem, rank)
    const slack = 2e-6 * problem.squaredNorm
    expect(isas().length).toBeGreaterThan(0)
    for (const isa of isas()) {
      vi.stubEnv('NONNEG_ISA', isa)
      await withFit(problem, specOf(rank), { threads: 2 }, async fit => {
        const { losses, iterations, seconds, stopped } = await fit.run(ITERATIONS)
        expect([iterations, stopped]).toEqual([ITERATIONS, 'done'])
        expect([...seconds]).toEqual([...seconds].sort((a, b) => a - b))
        for (let n = 0; n < ITERATIONS; n++) expect(Math.abs(losses[n] - wanted.losses[n])).toBeLessThanOrEqual(slack)
        expect(await fit.evaluate()).toBe(losses[ITERATIONS - 1])
        const { W, H } = await fit.factors()
        expect([W.length, H.length]).toEqual([X.rows * rank, rank * X.columns])
        expect(normalisedError(W, wanted.W)).toBeLessThan(1e-9)
        expect(normalisedError(H, wanted.H)).toBeLessThan(1e-9)
      })
    }
  })

  // Every count of vectors that a tile, or its passes, may make of a group of columns; with 97 rows and 13 more than the
  // panels have, tiles of every height, and 75 columns fill no line.
  it.for(['f32', 'f64'] as const)('multiplies X by H in grains of every kind: %s', async dtype => {
    const slack = dtype === 'f32' ? 1e-10 : 1e-26
    const X = randomDense(97, 75)
    for (let rank = 4; rank <= 68; rank += 4) {
      const problem = problemOf(X, rank)
      const wanted = plainFit(problem, specOf(rank), 1)
      for (const isa of isas()) {
        vi.stubEnv('NONNEG_ISA', isa)
        await withFit(problem, specOf(rank, { dtype }), { threads: 2 }, async fit => {
          await fit.run(1)
          const { W, H } = await fit.factors()
          expect(normalisedError(W, wanted.W), `W, rank ${rank}, ${isa}`).toBeLessThan(slack)
          expect(normalisedError(H, wanted.H), `H, rank ${rank}, ${isa}`).toBeLessThan(slack)
        })
      }
    }
  })

  // 721 to 724 components are padded to 728, for which a Gram matrix less fits the memory that all may take
  it('has memory for the Gram matrices of all its groups of rows, where padding the rank makes them fewer', async () => {
    const problem = problemOf(randomDense(5400, 8), 722)
    await withFit(problem, specOf(722), { threads: 2 }, async fit => {
      const { losses } = await fit.run(2)
      const single = await withFit(problem, specOf(722, { dtype: 'f64' }), { threads: 1 }, one => one.run(2))
      for (const n of [0, 1]) expect(losses[n] / single.losses[n]).toBeCloseTo(1, 3)
    })
  })

  it('leaves H alone where the spec fixes it', async () => {
    const problem = problemOf(randomDense(90, 40), 5)
    const spec = specOf(5, { fixed: 'H' })
    const wanted = plainFit(problem, spec, ITERATIONS)
    await withFit(problem, spec, { threads: 2 }, async fit => {
      const { losses } = await fit.run(ITERATIONS)
      const { W, H } = await fit.factors()
      expect(H).toEqual(problem.H.data)
      expect(normalisedError(W, wanted.W)).toBeLessThan(1e-9)
      for (let n = 0; n < ITERATIONS; n++) expect(losses[n]).toBeCloseTo(wanted.losses[n], 2)
    })
  })

  it.for(shapes)('computes in float64 where asked: %s', async ([, X, rank]) => {
    const problem = problemOf(X, rank)
    const wanted = plainFitOf(problem, rank)
    for (const isa of isas()) {
      vi.stubEnv('NONNEG_ISA', isa)
      await withFit(problem, specOf(rank, { dtype: 'f64' }), { threads: 2 }, async fit => {
        const { losses } = await fit.run(ITERATIONS)
        const { W, H } = await fit.factors()
        expect([W, H].every(factor => factor instanceof Float64Array)).toBe(true)
        // the plain sums of some ten thousand terms round that often
        const slack = 1e-13 * problem.squaredNorm
        for (let n = 0; n < ITERATIONS; n++) expect(Math.abs(losses[n] - wanted.losses[n])).toBeLessThanOrEqual(slack)
        expect(normalisedError(W, wanted.W)).toBeLessThan(1e-24)
        expect(normalisedError(H, wanted.H)).toBeLessThan(1e-24)
      })
    }
  })

  it.for(shapes)('penalises each factor as asked: %s', async ([, X, rank]) => {
    const problem = problemOf(X, rank)
    const spec = specOf(rank, { dtype: 'f64', penaltyW: { l1: 0.5, l2: 0.25 }, penaltyH: { l1: 0.125, l2: 2 } })
    const wanted = plainFit(problem, spec, ITERATIONS)
    await withFit(problem, spec, { threads: 2 }, async fit => {
      const { losses, violations } = await fit.run(ITERATIONS)
      expect(violations).toHaveLength(0)
      const { W, H } = await fit.factors()
      expect(normalisedError(losses, wanted.losses)).toBeLessThan(1e-24)
      expect(normalisedError(W, wanted.W)).toBeLessThan(1e-24)
      expect(normalisedError(H, wanted.H)).toBeLessThan(1e-24)
    })
  })

  it.for(shapes.flatMap(shape => (['hals', 'pg'] as const).map(rule => [rule, ...shape] as const)))(
    'follows %s in float64, on every instruction set: %s',
    async ([rule, , X, rank]) => {
      const problem = problemOf(X, rank)
      const penalties = { penaltyW: { l1: 0.5, l2: 0.25 }, penaltyH: { l1: 0.125, l2: 2 } }
      const spec = specOf(rank, { rule, dtype: 'f64', step: 1.5, ...penalties })
      const wanted = plainFit(problem, spec, ITERATIONS)
      for (const isa of isas()) {
        vi.stubEnv('NONNEG_ISA', isa)
        await withFit(problem, spec, { threads: 2 }, async fit => {
          const { losses, violations } = await fit.run(ITERATIONS)
          const { W, H } = await fit.factors()
          // what stays of X, and the slopes, are differences of larger numbers
          expect(normalisedError(losses, wanted.losses)).toBeLessThan(1e-20)
          expect(normalisedError(violations, wanted.violations)).toBeLessThan(1e-16)
          expect(normalisedError(W, wanted.W)).toBeLessThan(1e-20)
          expect(normalisedError(H, wanted.H)).toBeLessThan(1e-20)
        })
      }
    },
  )

  it.for(shapes)('has the same bits with 1, 2 and 3 threads, in one run or in two: %s', async ([, X, rank]) => {
    const problem = problemOf(X, rank)
    const outcome = (threads: number, parts: readonly number[]) =>
      withFit(problem, specOf(rank), { threads }, async fit => {
        const losses: number[] = []
        for (const part of parts) losses.push(...(await fit.run(part)).losses)
        return { losses, ...(await fit.factors()) }
      })
    const one = await outcome(1, [4])
    for (const threads of [2, 3]) expect(await outcome(threads, [4])).toEqual(one)
    expect(await outcome(2, [1, 3])).toEqual(one)
  })

  it('gathers a row in pieces where it is longer than a panel may be', async () => {
    const rank = 64
    const [rows, columns] = [2, 66_000]
    const cheap = (length: number) => Float32Array.from({ length }, (_, i) => 0.1 + ((i * 7919) % 1000) / 1000)
    const values = cheap(columns + 1)
    const sparse: MatrixView = {
      kind: 'csr',
      indptr: Uint32Array.of(0, columns, columns + 1),
      indices: Uint32Array.from({ length: columns + 1 }, (_, p) => (p < columns ? columns - 1 - p : 7)),
      values,
      rows,
      columns,
    }
    const X = denseView(new Float32Array(rows * columns), rows, columns)
    sparse.indices.forEach((j, p) => {
      X.data[(p < columns ? 0 : columns) + j] = values[p]
    })
    const squaredNorm = values.reduce((sum, x) => sum + x * x, 0)
    const W = denseView(cheap(rows * rank), rows, rank)
    const H = denseView(cheap(rank * columns), rank, columns)
    const outcome = (matrix: MatrixView, threads: number) =>
      withFit({ X: matrix, squaredNorm, W, H }, specOf(rank), { threads }, async fit => {
        await fit.run(2)
        return fit.factors()
      })
    const one = await outcome(sparse, 1)
    const two = await outcome(sparse, 2)
    const wanted = await outcome(X, 2)
    expect(normalisedError(one.H, two.H)).toBe(0)
    expect(normalisedError(one.W, wanted.W)).toBeLessThan(1e-9)
    expect(normalisedError(one.H, wanted.H)).toBeLessThan(1e-9)
  })

  it('takes float64, strided, offset and shared matrices, and writes to none', async () => {
    const rows = 60
    const columns = 33
    const rank = 7
    const plain = problemOf(randomDense(rows, columns), rank)
    const wanted = await withFit(plain, specOf(rank), {}, async fit => {
      await fit.run(5)
      return fit.factors()
    })
    const spread = (
      view: DenseView,
      memory: ArrayBufferLike,
      kind: typeof Float32Array | typeof Float64Array,
    ): DenseView => {
      const stride = view.columns + 5
      const data = kind === Float32Array ? new Float32Array(memory) : new Float64Array(memory)
      data.fill(Number.NaN)
      for (let i = 0; i < view.rows; i++) {
        data.set(view.data.subarray(i * view.columns, (i + 1) * view.columns), 3 + i * stride)
      }
      return { ...view, data, stride, offset: 3 }
    }
    const room = 8 * 100 * 60
    const problem = {
      ...plain,
      X: spread(plain.X as DenseView, new SharedArrayBuffer(room), Float32Array),
      W: spread(plain.W, new ArrayBuffer(room), Float64Array),
      H: spread(plain.H, new SharedArrayBuffer(room), Float64Array),
    }
    for (const X of [problem.X, spread(plain.X as DenseView, new ArrayBuffer(room), Float64Array)]) {
      const before = X.data.slice()
      const found = await withFit({ ...problem, X }, specOf(rank), {}, async fit => {
        await fit.run(5)
        return fit.factors()
      })
      expect(found).toEqual(wanted)
      expect(X.data).toEqual(before)
    }
  })

  it('gives zero, not NaN, where a component is dead or X is zero', async () => {
    const X = randomDense(30, 20)
    X.data.fill(0, 0, 20 * 5)
    const problem = problemOf(X, 3)
    for (let i = 0; i < 30; i++) problem.W.data[i * 3 + 1] = 0
    await withFit(problem, specOf(3), {}, async fit => {
      const { losses } = await fit.run(50)
      const { W, H } = await fit.factors()
      expect([...losses, ...W, ...H].every(Number.isFinite)).toBe(true)
      expect(W.slice(0, 15).every(value => value === 0)).toBe(true)
    })
  })
})

import { describe, expect, it } from 'vitest'
import type { Device, Factors, Fit, FitSpec, Problem } from '../../ts/backends/backend.js'
import { denseView, type MatrixView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'
import { cuda } from './emulation.js'

function entries(X: MatrixView): Float64Array {
  const out = new Float64Array(X.rows * X.columns)
  for (let i = 0; i < X.rows; i++) {
    if (X.kind === 'dense') {
      for (let j = 0; j < X.columns; j++) out[i * X.columns + j] = X.data[X.offset + i * X.stride + j]
    } else {
      for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) out[i * X.columns + X.indices[p]] += X.values[p]
    }
  }
  return out
}

function problemOf(X: MatrixView, rank: number): Problem {
  const random = new Random(21)
  const factor = (rows: number, columns: number) => {
    return denseView(
      Float32Array.from({ length: rows * columns }, () => 0.1 + random.uniform()),
      rows,
      columns,
    )
  }
  const squaredNorm = entries(X).reduce((sum, x) => sum + x * x, 0)
  return { X, squaredNorm, W: factor(X.rows, rank), H: factor(rank, X.columns) }
}

const spec = (rank: number, fixed?: 'H'): FitSpec => ({ rank, beta: 2, rule: 'mu', dtype: 'f32', fixed })

/** The iteration as the textbook has it: float64, the residual entry by entry. */
function plain(problem: Problem, rank: number, iterations: number, fixed?: 'H'): { losses: number[]; W: Float64Array } {
  const X = entries(problem.X)
  const { rows, columns } = problem.X
  const W = Float64Array.from(problem.W.data)
  const H = Float64Array.from(problem.H.data)
  const WH = (i: number, j: number) => {
    let sum = 0
    for (let r = 0; r < rank; r++) sum += W[i * rank + r] * H[r * columns + j]
    return sum
  }
  const product = () => Float64Array.from(X, (_, at) => WH(Math.floor(at / columns), at % columns))
  const losses: number[] = []
  for (let iteration = 0; iteration < iterations; iteration++) {
    let now = product()
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) {
        let numerator = 0
        let denominator = 0
        for (let j = 0; j < columns; j++) {
          numerator += X[i * columns + j] * H[r * columns + j]
          denominator += now[i * columns + j] * H[r * columns + j]
        }
        W[i * rank + r] = denominator > 0 ? W[i * rank + r] * (numerator / denominator) : 0
      }
    }
    now = product()
    for (let r = 0; r < rank && fixed !== 'H'; r++) {
      for (let j = 0; j < columns; j++) {
        let numerator = 0
        let denominator = 0
        for (let i = 0; i < rows; i++) {
          numerator += X[i * columns + j] * W[i * rank + r]
          denominator += now[i * columns + j] * W[i * rank + r]
        }
        H[r * columns + j] = denominator > 0 ? H[r * columns + j] * (numerator / denominator) : 0
      }
    }
    losses.push(product().reduce((sum, value, at) => sum + 0.5 * (X[at] - value) ** 2, 0))
  }
  return { losses, W }
}

async function using<T>(device: Device, problem: Problem, asked: FitSpec, work: (fit: Fit) => Promise<T>): Promise<T> {
  const fit = await device.createFit(problem, asked)
  try {
    return await work(fit)
  } finally {
    await fit[Symbol.asyncDispose]()
  }
}

const matrices: Readonly<Record<string, MatrixView>> = {
  dense: denseMatrix(61, 43),
  'dense, strided, float64': denseMatrix(29, 140, { stride: 150, f64: true }),
  'dense, in three panels': denseMatrix(300, 90),
  csr: sparseMatrix(60, 45, 20),
}

describe.each(Object.entries(matrices))('a fit of %s on CUDA', (_, X) => {
  it.for([3, 20])('follows the plain loop, rank %i', async (rank, context) => {
    const device = await cuda(context)
    const problem = problemOf(X, rank)
    const { losses } = plain(problem, rank, 12)
    const report = await using(device, problem, spec(rank), fit => fit.run(12))
    expect(report.stopped).toBe('done')
    for (const [i, loss] of losses.entries()) {
      expect(Math.abs(report.losses[i] - loss)).toBeLessThan(2e-5 * problem.squaredNorm)
    }
  })

  it('updates W alone where H is fixed', async context => {
    const device = await cuda(context)
    const problem = problemOf(X, 5)
    const { losses, W } = plain(problem, 5, 10, 'H')
    await using(device, problem, spec(5, 'H'), async fit => {
      const first = await fit.run(4)
      const second = await fit.run(6)
      for (const [i, loss] of [...first.losses, ...second.losses].entries()) {
        expect(Math.abs(loss - losses[i])).toBeLessThan(2e-5 * problem.squaredNorm)
      }
      expect(await fit.evaluate()).toBe(second.losses[5])
      const factors = await fit.factors()
      expect(factors.H).toEqual(problem.H.data)
      for (let at = 0; at < W.length; at++) expect(Math.abs(factors.W[at] - W[at])).toBeLessThan(1e-4 * (1 + W[at]))
    })
  })

  it('has the same bits in every order of threads, and in one run or several', async context => {
    const device = await cuda(context)
    const problem = problemOf(X, 6)
    const results: { factors: Factors; losses: number[] }[] = []
    for (const order of ['forward', 'reverse', 'shuffle:5']) {
      process.env.NONNEG_EMU_ORDER = order
      const parts = order === 'forward' ? [9] : [1, 5, 3]
      results.push(
        await using(device, problem, spec(6), async fit => {
          const losses: number[] = []
          for (const part of parts) losses.push(...(await fit.run(part)).losses)
          expect(await fit.evaluate()).toBe(losses[8])
          return { factors: await fit.factors(), losses }
        }),
      )
    }
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
  })
})

// few entries a row but for one, which a team of threads would take too long for
const oneLongRow = sparseMatrix(30, 700, 4)
const longRow = Array.from({ length: 700 }, (_, j) => j).filter(j => j % 10 > 0)
const [begin, end] = oneLongRow.indptr.slice(8, 10)
const withLongRow: MatrixView = {
  ...oneLongRow,
  indptr: oneLongRow.indptr.map((at, row) => (row > 8 ? at + longRow.length - (end - begin) : at)),
  indices: Uint32Array.from([...oneLongRow.indices.slice(0, begin), ...longRow, ...oneLongRow.indices.slice(end)]),
  values: Float32Array.from([
    ...oneLongRow.values.slice(0, begin),
    ...longRow.map(j => 1 + (j % 3)),
    ...oneLongRow.values.slice(end),
  ]),
}

it.for([
  ['Gram matrices of several tiles', denseMatrix(300, 90), 70],
  ['Gram matrices of several tiles beside a sparse product', sparseMatrix(300, 90, 20), 70],
  ['one long row', withLongRow, 5],
  ['one long row and several tiles of the rank', withLongRow, 140],
] as const)('a fit with %s follows the plain loop', async ([, X, rank], context) => {
  const device = await cuda(context)
  const problem = problemOf(X, rank)
  const { losses } = plain(problem, rank, 3)
  await using(device, problem, spec(rank), async fit => {
    const report = await fit.run(3)
    for (const [i, loss] of losses.entries()) {
      expect(Math.abs(report.losses[i] - loss)).toBeLessThan(2e-5 * problem.squaredNorm)
    }
    expect(await fit.evaluate()).toBe(report.losses[2])
  })
})

it('runs beside other fits as it does alone', async context => {
  const device = await cuda(context)
  const problems = Object.values(matrices).map(X => problemOf(X, 4))
  const losses = (problem: Problem) => using(device, problem, spec(4), async fit => (await fit.run(6)).losses)
  const alone = []
  for (const problem of problems) alone.push(await losses(problem))
  expect(await Promise.all(problems.map(losses))).toEqual(alone)
})

it('reads more losses than its ring holds', async context => {
  const device = await cuda(context)
  const problem = problemOf(denseMatrix(3, 4), 1)
  const report = await using(device, problem, spec(1), fit => fit.run(600))
  expect(report.iterations).toBe(600)
  expect(report.seconds.length).toBe(600)
  for (let i = 1; i < 600; i++) {
    expect(report.losses[i]).toBeLessThanOrEqual(report.losses[i - 1] + 1e-5 * problem.squaredNorm)
    expect(report.seconds[i]).toBeGreaterThanOrEqual(report.seconds[i - 1])
  }
})

it('stops soon after an abort, with whole iterations and valid factors', async context => {
  const device = await cuda(context)
  await using(device, problemOf(denseMatrix(61, 43), 4), spec(4), async fit => {
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 30)
    const report = await fit.run(1e9, { signal: abort.signal })
    expect(report.stopped).toBe('aborted')
    expect(report.losses.length).toBe(report.iterations)
    const { W, H } = await fit.factors()
    expect([...W, ...H].every(value => value >= 0 && Number.isFinite(value))).toBe(true)
    // and goes on where it stopped
    const next = await fit.run(1)
    expect(next.losses[0]).toBeLessThanOrEqual(report.losses.at(-1)! * (1 + 1e-5))
  })
})

it('starts no iteration after the deadline, but does one', async context => {
  const device = await cuda(context)
  await using(device, problemOf(denseMatrix(61, 43), 4), spec(4), async fit => {
    const late = await fit.run(1e9, { deadline: performance.now() - 1 })
    expect([late.stopped, late.iterations]).toEqual(['deadline', 1])
    const report = await fit.run(1e9, { deadline: performance.now() + 50 })
    expect(report.stopped).toBe('deadline')
    expect(report.iterations).toBeGreaterThan(0)
    const lastStart = report.seconds.at(-2) ?? 0
    expect(lastStart).toBeLessThan(0.05)
  })
})

it('gives its memory back', async context => {
  const device = await cuda(context)
  process.env.NONNEG_EMU_MEMORY = String(1 << 20)
  // one of them takes most of it
  for (const X of [denseMatrix(300, 400), sparseMatrix(300, 400, 20), denseMatrix(300, 400), denseMatrix(300, 400)]) {
    const report = await using(device, problemOf(X, 8), spec(8), fit => fit.run(1))
    expect(report.iterations).toBe(1)
  }
})

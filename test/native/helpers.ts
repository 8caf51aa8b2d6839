import type { TestContext } from 'vitest'
import type { Fit, FitSpec, OpenOptions, Penalty, Problem } from '../../ts/backends/backend.js'
import { nativeBackend } from '../../ts/backends/native/backend.js'
import { type CsrView, type DenseView, denseView, type MatrixView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'

/** Goes on where the addon is, fails where it is required, else skips with the reason. */
export async function addonOrSkip(context: TestContext): Promise<void> {
  const probe = await nativeBackend.probe()
  if (probe.available) return
  const required = (process.env.NONNEG_REQUIRE ?? '').split(',')
  if (required.includes('native')) throw new Error(`native is required and absent: ${probe.reason} (${probe.fix})`)
  context.skip(`absent: ${probe.reason}`)
}

export function uniform(length: number, seed: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length }, () => random.uniform())
}

export function randomDense(rows: number, columns: number, seed = 1): DenseView {
  return denseView(uniform(rows * columns, seed), rows, columns)
}

/** About `percent` per cent of the entries, all of row 0 and column 0 (long rows in both directions), row 3 empty. */
export function randomCsr(rows: number, columns: number, percent: number): CsrView {
  const random = new Random(2)
  const indptr = new Uint32Array(rows + 1)
  const indices: number[] = []
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns && i !== 3; j++) {
      if (i === 0 || j === 0 || random.uniform() * 100 < percent) indices.push(j)
    }
    indptr[i + 1] = indices.length
  }
  return { kind: 'csr', indptr, indices: Uint32Array.from(indices), values: uniform(indices.length, 3), rows, columns }
}

export function toRows(X: MatrixView): Float64Array[] {
  return Array.from({ length: X.rows }, (_, i) => {
    const row = new Float64Array(X.columns)
    if (X.kind === 'dense') {
      for (let j = 0; j < X.columns; j++) row[j] = X.data[X.offset + i * X.stride + j]
    } else {
      for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) row[X.indices[p]] += X.values[p]
    }
    return row
  })
}

export function problemOf(X: MatrixView, rank: number): Problem {
  const squaredNorm = toRows(X).reduce((sum, row) => row.reduce((s, x) => s + x * x, sum), 0)
  return { X, squaredNorm, W: randomDense(X.rows, rank, 11), H: randomDense(rank, X.columns, 12) }
}

export function specOf(rank: number, more: Partial<FitSpec> = {}): FitSpec {
  return { rank, beta: 2, rule: 'mu', dtype: 'f32', ...more }
}

/** Creates a fit on the native backend, hands it over, and disposes of it. */
export async function withFit<T>(
  problem: Problem,
  spec: FitSpec,
  options: OpenOptions,
  use: (fit: Fit) => Promise<T>,
): Promise<T> {
  const device = await nativeBackend.open(options)
  const fit = await device.createFit(problem, spec)
  try {
    return await use(fit)
  } finally {
    await fit[Symbol.asyncDispose]()
    await device[Symbol.asyncDispose]()
  }
}

export interface Outcome {
  readonly W: Float64Array
  readonly H: Float64Array
  readonly losses: number[]
  /** Of `hals` and `pg`. */
  readonly violations: number[]
}

function inner(a: ArrayLike<number>, b: ArrayLike<number>, start = 0): number {
  let sum = start
  for (let i = 0; i < b.length; i++) sum += a[i] * b[i]
  return sum
}

function turned(rows: readonly Float64Array[], columns: number): Float64Array[] {
  const all = Array.from({ length: columns }, () => new Float64Array(rows.length))
  rows.forEach((row, i) => {
    for (let j = 0; j < columns; j++) all[j][i] = row[j]
  })
  return all
}

/** The Frobenius rules in float64, by three nested loops; the loss entry by entry. */
export function plainFit({ X, W, H }: Problem, spec: FitSpec, iterations: number): Outcome {
  const { rank, penaltyW, penaltyH } = spec
  const rows = toRows(X)
  const columns = turned(rows, X.columns)
  const w = Array.from({ length: X.rows }, (_, i) => Float64Array.from(W.data.subarray(i * rank, (i + 1) * rank)))
  const h = Array.from({ length: rank }, (_, r) =>
    Float64Array.from(H.data.subarray(r * X.columns, (r + 1) * X.columns)),
  )
  let violation = 0
  const update = (
    old: Float64Array,
    numerators: number[],
    gram: number[][],
    { l1, l2 }: Penalty = { l1: 0, l2: 0 },
  ) => {
    const row = old.slice()
    const trace = gram.reduce((sum, line, r) => sum + line[r], 0)
    old.forEach((value, r) => {
      // coordinate descent sees the entries that have moved already
      const seen = spec.rule === 'hals' ? row : old
      const denominator = inner(seen, gram[r], l1 + l2 * value)
      if (spec.rule === 'mu') {
        row[r] = denominator > 0 ? (value * numerators[r]) / denominator : 0
        return
      }
      const slope = denominator - numerators[r]
      const step = spec.rule === 'hals' ? 1 / (gram[r][r] + l2) : (spec.step ?? 1) / (trace + l2)
      violation += Math.abs(value > 0 ? slope : Math.min(0, slope))
      row[r] = Math.max(0, value - step * slope)
    })
    return row
  }
  const violations: number[] = []
  const losses: number[] = []
  for (let n = 0; n < iterations; n++) {
    violation = 0
    const G = h.map(a => h.map(b => inner(a, b)))
    rows.forEach((x, i) => {
      const numerators = h.map(row => inner(x, row))
      w[i].set(update(w[i], numerators, G, penaltyW))
    })
    const wt = turned(w, rank)
    const S = wt.map(a => wt.map(b => inner(a, b)))
    for (let j = 0; j < X.columns && !spec.fixed; j++) {
      const numerators = wt.map(column => inner(columns[j], column))
      update(Float64Array.from(h.map(row => row[j])), numerators, S, penaltyH).forEach((value, r) => {
        h[r][j] = value
      })
    }
    let loss = 0
    rows.forEach((x, i) => {
      const left = x.slice()
      h.forEach((row, r) => {
        const value = w[i][r]
        for (let j = 0; j < row.length; j++) left[j] -= value * row[j]
      })
      for (const residual of left) loss += 0.5 * residual * residual
    })
    losses.push(loss)
    violations.push(violation)
  }
  const flat = (factor: Float64Array[]) => Float64Array.from(factor.flatMap(row => [...row]))
  return { W: flat(w), H: flat(h), losses, violations }
}

/** ‖a − b‖² / ‖b‖² */
export function normalisedError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return norm === 0 ? difference : difference / norm
}

import { describe, expect, it } from 'vitest'
import type { BackendId, Factors, FitSpec, Problem } from '../../ts/backends/backend.js'
import { BACKEND_IDS } from '../../ts/backends/registry.js'
import { inSlices } from '../../ts/core/breathe.js'
import type { MatrixView } from '../../ts/core/matrix.js'
import { scanMatrix } from '../../ts/core/scan.js'
import { startFactors } from '../../ts/nmf/init.js'
import { resolveOptions } from '../../ts/nmf/options.js'
import { deviceOf, presentOrSkip } from './backends.js'
import { type FitProblem, fitProblems } from './problems.js'

const ITERATIONS = 30
/** The Gram identity subtracts numbers of the size of ‖X‖², of which f32 keeps 24 bits; this is the share it may be off. */
const SLACK = 4e-6

interface Trajectory {
  readonly losses: Float64Array
  readonly factors: Factors
}

async function problemOf({ rank, make }: FitProblem): Promise<Problem> {
  const { X, sum, squaredNorm } = await inSlices(scanMatrix(make(), 'X'))
  const options = resolveOptions({ rank, seed: 5 })
  return { X, squaredNorm, ...(await inSlices(startFactors(options, X.rows, X.columns, sum / (X.rows * X.columns)))) }
}

async function trajectory(id: BackendId, fitProblem: FitProblem, threads?: number): Promise<Trajectory | string> {
  const problem = await problemOf(fitProblem)
  const spec: FitSpec = { rank: fitProblem.rank, beta: 2, rule: 'mu', dtype: 'f32' }
  const device = await deviceOf(id, { threads })
  const support = device.supports(problem.X, spec)
  if (!support.supported) return support.reason
  const fit = await device.createFit(problem, spec)
  try {
    // two crossings, so that what a fit keeps between them is tested too
    const first = await fit.run(ITERATIONS - 7)
    const second = await fit.run(7)
    expect(first.stopped).toBe('done')
    expect([first.iterations, second.iterations]).toEqual([ITERATIONS - 7, 7])
    const losses = Float64Array.of(...first.losses, ...second.losses)
    expect(Math.abs((await fit.evaluate()) - losses[ITERATIONS - 1])).toBeLessThanOrEqual(SLACK * problem.squaredNorm)
    return { losses, factors: await fit.factors() }
  } finally {
    await fit[Symbol.asyncDispose]()
  }
}

/** ½‖X − WH‖² entry by entry. */
function bruteLoss(X: MatrixView, rank: number, { W, H }: Factors): number {
  const row = new Float64Array(X.columns)
  let loss = 0
  for (let i = 0; i < X.rows; i++) {
    row.fill(0)
    if (X.kind === 'dense') for (let j = 0; j < X.columns; j++) row[j] = X.data[X.offset + i * X.stride + j]
    else for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) row[X.indices[p]] += X.values[p]
    for (let j = 0; j < X.columns; j++) {
      let residual = row[j]
      for (let r = 0; r < rank; r++) residual -= W[i * rank + r] * H[r * X.columns + j]
      loss += 0.5 * residual * residual
    }
  }
  return loss
}

/** ‖a − b‖² / ‖b‖² */
function normalisedError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return norm === 0 ? difference : difference / norm
}

const references = new Map<string, Promise<Trajectory | string>>()

function referenceOf(problem: FitProblem): Promise<Trajectory> {
  if (!references.has(problem.name)) references.set(problem.name, trajectory('reference', problem))
  return references.get(problem.name) as Promise<Trajectory>
}

describe.each([...BACKEND_IDS])('%s fits', (id: BackendId) => {
  it.for(fitProblems.map(problem => [problem.name, problem] as const))('%s', async ([, problem], context) => {
    await presentOrSkip(id, context)
    const own = await trajectory(id, problem)
    // every backend runs every problem of this version; a refusal is a failure until a spec says otherwise
    if (typeof own === 'string') throw new Error(`${id} refuses: ${own}`)
    const { X, squaredNorm } = await problemOf(problem)
    const { losses, factors } = own
    expect(factors.W).toHaveLength(X.rows * problem.rank)
    expect(factors.H).toHaveLength(problem.rank * X.columns)
    for (const value of [...factors.W, ...factors.H]) expect(value).toBeGreaterThanOrEqual(0)
    const slack = SLACK * squaredNorm
    for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThanOrEqual(losses[i - 1] + slack)
    expect(Math.abs(losses[ITERATIONS - 1] - bruteLoss(X, problem.rank, factors))).toBeLessThanOrEqual(slack)
    const reference = await referenceOf(problem)
    for (let i = 0; i < losses.length; i++) {
      expect(Math.abs(losses[i] - reference.losses[i])).toBeLessThanOrEqual(1e-4 * reference.losses[i] + slack)
    }
    expect(normalisedError(factors.W, reference.factors.W)).toBeLessThanOrEqual(1e-6)
    expect(normalisedError(factors.H, reference.factors.H)).toBeLessThanOrEqual(1e-6)
  })
})

describe.each(['wasm', 'native'] as const)('%s', (id: BackendId) => {
  it.for(fitProblems.map(problem => [problem.name, problem] as const))(
    'gives the same bits with 1, 2 and 3 threads: %s',
    async ([, problem], context) => {
      await presentOrSkip(id, context)
      const one = await trajectory(id, problem, 1)
      if (typeof one === 'string') throw new Error(`${id} refuses: ${one}`)
      for (const threads of [2, 3]) {
        const more = (await trajectory(id, problem, threads)) as Trajectory
        expect(more.losses).toEqual(one.losses)
        expect(more.factors).toEqual(one.factors)
      }
    },
  )
})

import { describe, expect, it } from 'vitest'
import type { Device, Factors, Fit, FitSpec, Problem } from '../../ts/backends/backend.js'
import { denseView } from '../../ts/core/matrix.js'
import { familyOf } from '../../ts/kernels/beta.js'
import { deviceOf, presentOrSkip, VARIANTS } from './backends.js'
import { type FitCase, fitCase, problemOf, STORED, type Wanted } from './grid.js'

const CAPABLE = VARIANTS.filter(({ id }) => id !== 'cuda')
const OTHERS = VARIANTS.filter(({ id }) => id === 'cuda')

/** What is fitted, and what is then asked for: 0 only where no entry that counts is 0. */
const FITTED = [2, 1, 0.5] as const
const ASKED = [0, 0.5, 1, 2, 3] as const

/** The loss is a sum of terms of parts that cancel: this many units of what those add up to may be lost. */
const LOST = 64
const UNIT = { f32: 2 ** -24, f64: 2 ** -53 } as const

/** Work for one thread, and, from a start that all backends share, work for several; the reference has but one. */
const SIZES = [
  { title: 'small', size: { rows: 37, columns: 67, rank: 5 }, iterations: 2, dtypes: ['f32', 'f64'] },
  { title: 'large', size: { rows: 230, columns: 310, rank: 32 }, iterations: 0, dtypes: ['f32'] },
] as const

interface Group {
  readonly stored: Pick<Wanted, 'X' | 'weights'>
  readonly size: Pick<Wanted, 'rows' | 'columns' | 'rank'>
  readonly dtype: 'f32' | 'f64'
  readonly iterations: number
}

const groups = SIZES.flatMap(({ title, dtypes, size, iterations }) =>
  STORED.flatMap(([X, weights]) =>
    dtypes.map((dtype): readonly [string, Group] => [
      `${title} ${X}, weights: ${weights}, ${dtype}`,
      { stored: { X, weights }, size, dtype, iterations },
    ]),
  ),
)

/** The sum of the sizes of what a loss cancels. */
function scaleOf({ X }: Problem, beta: number): number {
  let scale = X.rows * X.columns
  for (const x of X.kind === 'csr' ? X.values : X.data) if (x > 1) scale += x ** Math.max(1, beta)
  return scale
}

async function held<T>(device: Device, problem: Problem, spec: FitSpec, use: (fit: Fit) => Promise<T>): Promise<T> {
  const fit = await device.createFit(problem, spec)
  try {
    return await use(fit)
  } finally {
    await fit[Symbol.asyncDispose]()
  }
}

/** The loss of factors, as a float64 fit of the reference to it has it. */
async function lossOf(problem: Problem, { rank }: FitSpec, { W, H }: Factors, beta: number): Promise<number> {
  const { rows, columns } = problem.X
  const own = { ...problem, W: denseView(W, rows, rank), H: denseView(H, rank, columns) }
  const spec: FitSpec = { rank, beta, rule: 'mu', dtype: 'f64' }
  return await held(await deviceOf('reference'), own, spec, fit => fit.evaluate())
}

const ofStarts = new Map<Problem, Map<number, Promise<number>>>()

/** The same of a problem's own factors, once for all backends. */
function lossOfStart(problem: Problem, spec: FitSpec, beta: number): Promise<number> {
  const known = ofStarts.get(problem) ?? new Map<number, Promise<number>>()
  ofStarts.set(problem, known)
  const { W, H } = problem
  if (!known.has(beta)) known.set(beta, lossOf(problem, spec, { W: W.data, H: H.data }, beta))
  return known.get(beta)!
}

async function faultsOf(
  [device, more]: readonly [Device, Device],
  problem: Problem,
  spec: FitSpec,
  iterations: number,
  asked: readonly number[],
): Promise<string[]> {
  const faults: string[] = []
  const losses: number[] = []
  await held(device, problem, spec, async fit => {
    if (iterations > 0) await fit.run(iterations)
    const factors = await fit.factors()
    const own = await fit.evaluate()
    for (const beta of asked) {
      const loss = await fit.evaluate(beta)
      const wanted = await (iterations > 0 ? lossOf(problem, spec, factors, beta) : lossOfStart(problem, spec, beta))
      const gram = familyOf(problem.X, beta, problem.weights) === 'gram'
      const bound = LOST * UNIT[spec.dtype] * (gram ? problem.squaredNorm : scaleOf(problem, beta) + wanted)
      if (!(Math.abs(loss - wanted) <= bound)) faults.push(`β = ${beta}: ${loss} is not ${wanted} ± ${bound}`)
      losses.push(loss)
    }
    // nothing of the fit has moved
    if ((await fit.evaluate()) !== own) faults.push('the loss of the fit itself is another')
    if (!bytesOf(factors).equals(bytesOf(await fit.factors()))) faults.push('the factors are others')
  })
  await held(more, problem, spec, async fit => {
    if (iterations > 0) await fit.run(iterations)
    for (const [at, beta] of asked.entries()) {
      if ((await fit.evaluate(beta)) !== losses[at]) faults.push(`β = ${beta}: other bits with 3 threads`)
    }
  })
  return faults
}

function bytesOf({ W, H }: Factors): Buffer {
  return Buffer.concat([W, H].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)))
}

const problems = new Map<string, ReturnType<typeof problemOf>>()

function problemFor(given: FitCase): ReturnType<typeof problemOf> {
  if (!problems.has(given.name)) problems.set(given.name, problemOf(given))
  return problems.get(given.name)!
}

describe.each(CAPABLE)('$name evaluates other losses than its own', variant => {
  const own = groups.filter(([, { iterations, dtype }]) => {
    // the large ones are there for threads
    if (variant.id === 'webgpu') return dtype === 'f32' && iterations > 0
    return variant.id !== 'reference' || iterations > 0
  })

  it.for(own)('%s', async ([, { stored, size, dtype, iterations }], context) => {
    await presentOrSkip(variant.id, context)
    // CSR without zeros is full: a sparse one is asked for the losses that zeros allow
    const data: readonly (readonly [number, readonly number[]])[] =
      stored.X === 'csr' && stored.weights !== 'entries'
        ? [
            [0, [0]],
            [1, ASKED.slice(1)],
          ]
        : [[0, ASKED]]
    const found: string[] = []
    for (const [beta, asked] of data) {
      const { problem } = await problemFor(fitCase({ ...stored, ...size, beta, rule: 'mu', dtype }))
      for (const [at, fitted] of FITTED.entries()) {
        const rule = (['mu', 'hals', 'pg'] as const)[at]
        const spec: FitSpec = { rank: size.rank, beta: fitted, rule, dtype }
        const devices = [await deviceOf(variant, 1), await deviceOf(variant, 3)] as const
        // a GPU has no coordinate descent for losses other than Frobenius
        if (variant.id === 'webgpu' && !devices[0].supports(problem.X, spec, problem.weights).supported) continue
        const faults = await faultsOf(devices, problem, spec, iterations, asked)
        found.push(...faults.map(text => `fitted with β = ${fitted}, ${rule}: ${text}`))
      }
    }
    expect(found).toEqual([])
  })
})

describe.each(OTHERS)('$name', variant => {
  it('refuses to evaluate losses that it has no kernels for', async context => {
    await presentOrSkip(variant.id, context)
    const given = fitCase({ X: 'dense', rows: 20, columns: 30, rank: 3, beta: 2, rule: 'mu' })
    const { problem } = await problemOf(given)
    await held(await deviceOf(variant), problem, given.spec, async fit => {
      expect(await fit.evaluate(2)).toBe(await fit.evaluate())
      await expect(fit.evaluate(1)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
    })
  })
})

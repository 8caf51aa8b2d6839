import { describe, expect, it } from 'vitest'
import type { FitSpec } from '../../ts/backends/backend.js'
import { deviceOf, presentOrSkip, VARIANTS, type Variant } from './backends.js'
import { BETAS, type FitCase, fitCase, type GridProblem, problemOf, RULES, STORED } from './grid.js'
import { differentBits, faultsOf, type Trajectory, trajectoryOn } from './trajectory.js'

/** Backends on the CPU: their threads must not show in the bits, and they have the whole grid. */
const CPU = ['native', 'wasm']

/** What a backend on the CPU may not refuse. */
function isPromised({ dtype, beta }: FitSpec): boolean {
  return dtype === 'f32' || beta === 2 || beta === 1
}

const SIZES = {
  dense: { rows: 17, columns: 67, rank: 4 },
  csr: { rows: 37, columns: 67, rank: 4 },
}

/** All of the grid that shares an X and a rule. */
const groups = STORED.flatMap(([X, weights]) =>
  RULES.map(rule => ({
    name: `${X}${weights === 'none' ? '' : `, weights: ${weights}`}, ${rule}`,
    cases: BETAS.flatMap(beta =>
      [false, true].flatMap(penalised =>
        (['f32', 'f64'] as const).map(dtype => fitCase({ ...SIZES[X], X, weights, rule, beta, penalised, dtype })),
      ),
    ),
  })),
)

/** Shapes at the edges of everything, by one rule of each family, and with H fixed. */
const edges = (
  [
    [1, 1, 1],
    [1, 37, 2],
    [41, 1, 1],
    [5, 3, 7],
    [64, 48, 8],
    [33, 70, 33],
  ] as const
).map(([rows, columns, rank]) => {
  const sizes = { rows, columns, rank }
  return {
    name: `${rows}x${columns}, rank ${rank}`,
    cases: [
      fitCase({ ...sizes, X: 'dense', beta: 2, rule: 'mu', fixed: 'H' }),
      fitCase({ ...sizes, X: 'dense', beta: 2, rule: 'hals' }),
      fitCase({ ...sizes, X: 'csr', beta: 2, rule: 'pg' }),
      fitCase({ ...sizes, X: 'csr', beta: 1, rule: 'mu' }),
      fitCase({ ...sizes, X: 'csr', beta: 1, rule: 'hals', fixed: 'H' }),
      fitCase({ ...sizes, X: 'csr', beta: 2, rule: 'mu', weights: 'entries' }),
      fitCase({ ...sizes, X: 'dense', beta: 1, rule: 'mu' }),
      fitCase({ ...sizes, X: 'dense', beta: 2, rule: 'hals', weights: 'dense' }),
      fitCase({ ...sizes, X: 'csr', beta: 1.5, rule: 'pg', weights: 'holdout', fixed: 'H' }),
    ],
  }
})

interface Known extends GridProblem {
  readonly trajectory: Trajectory
}

/** Rules and penalties share a problem. */
const problems = new Map<string, Promise<GridProblem>>()
const references = new Map<string, Promise<Known>>()

function referenceOf(given: FitCase): Promise<Known> {
  const make = async () => {
    const { X, rows, columns, weights, spec } = given
    const key = [X, rows, columns, weights, spec.rank, spec.beta, spec.dtype].join()
    if (!problems.has(key)) problems.set(key, problemOf(given))
    const made = await problems.get(key)!
    return { ...made, trajectory: await trajectoryOn(await deviceOf('reference'), made.problem, spec) }
  }
  if (!references.has(given.name)) references.set(given.name, make())
  return references.get(given.name)!
}

async function faults(variant: Variant, given: FitCase): Promise<string[]> {
  const { problem, scale, trajectory } = await referenceOf(given)
  const { spec } = given
  const device = await deviceOf(variant, 1)
  const support = device.supports(problem.X, spec, problem.weights)
  if (!support.supported) {
    if (CPU.includes(variant.id) && isPromised(spec)) return [`${given.name}: refused, as ${support.reason}`]
    // a refusal must say why, and must hold
    expect(support.reason).not.toBe('')
    await expect(device.createFit(problem, spec)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
    return []
  }
  const own = await trajectoryOn(device, problem, spec)
  const found = await faultsOf(own, trajectory, problem, spec, scale)
  for (const threads of CPU.includes(variant.id) ? [2, 3] : []) {
    const more = await trajectoryOn(await deviceOf(variant, threads), problem, spec)
    found.push(...differentBits(more, own).map(what => `${what}: other bits with ${threads} threads`))
  }
  return found.map(text => `${given.name}: ${text}`)
}

describe.each(VARIANTS.filter(({ id }) => id !== 'reference'))('$name follows the reference', variant => {
  it.for([...groups, ...edges].map(({ name, cases }) => [name, cases] as const))('%s', async ([, cases], context) => {
    await presentOrSkip(variant.id, context)
    const found: string[] = []
    for (const given of cases) found.push(...(await faults(variant, given)))
    expect(found).toEqual([])
  })
})

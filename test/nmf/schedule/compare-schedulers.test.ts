import { describe, expect, it } from 'vitest'
import type { BackendId } from '../../../ts/backends/backend.js'
import type { MatrixInput } from '../../../ts/core/input.js'
import { compareSchedulers } from '../../../ts/nmf/schedule/compare-schedulers.js'
import type { CompareOptions } from '../../../ts/nmf/schedule/options.js'
import { factorize } from '../../../ts/node.js'
import { SCHEDULER_NAMES } from '../../../ts/schedulers/registry.js'
import { presentOrSkip } from '../../conformance/backends.js'
import { denseMatrix, sparseMatrix } from '../../conformance/problems.js'

const options = {
  ...{ rank: 3, epochs: 3, tuningRuns: 2, repeats: 2, batchRows: 16, noise: 0.01, backend: 'reference' },
  schedulers: ['constant', 'greedy', 'cosine'],
} satisfies CompareOptions

// the rows of dense X are mixed where they are, so that each comparison has one of its own
const matrices: readonly [string, () => MatrixInput][] = [
  ['dense', () => denseMatrix(90, 61)],
  ['sparse', () => sparseMatrix(80, 120, 12)],
]

const losses = ({ contestants }: Awaited<ReturnType<typeof compareSchedulers>>) =>
  contestants.flatMap(({ tuning, runs }) => [...tuning.map(({ course }) => course), ...runs].map(run => run.losses))

describe.each(matrices)('a comparison on %s X', (_, X) => {
  it.for<BackendId>(['native', 'wasm'])('comes to the same on %s as on the reference', async (backend, context) => {
    await presentOrSkip(backend, context)
    const [own, wanted] = [await compareSchedulers(X(), { ...options, backend }), await compareSchedulers(X(), options)]
    expect(own.backend).toBe(backend)
    for (const [run, list] of losses(own).entries()) {
      for (const [epoch, loss] of list.entries()) {
        const reference = losses(wanted)[run][epoch]
        expect(Math.abs(loss - reference) / reference, `run ${run}, epoch ${epoch}`).toBeLessThan(1e-3)
      }
    }
  })

  it('depends on its options alone, and not on who else takes part', async () => {
    const all = await compareSchedulers(X(), options)
    const alone = await compareSchedulers(X(), { ...options, schedulers: ['greedy'] })
    const runsOf = ({ contestants }: typeof all) => {
      const { tuning, runs } = contestants.find(({ name }) => name === 'greedy')!
      return [...tuning.map(({ course }) => course), ...runs].map(({ losses, rates }) => ({ losses, rates }))
    }
    expect(runsOf(alone)).toEqual(runsOf(all))
  })
})

it('keeps every scheduler of the registry from diverging, whatever rate it begins with', async () => {
  const { contestants } = await compareSchedulers(denseMatrix(90, 61), {
    ...{ ...options, noise: 0, tuningRuns: 3, repeats: 1, schedulers: SCHEDULER_NAMES },
  })
  for (const { name, tuning, runs } of contestants) {
    for (const { losses, ended } of [...tuning.map(({ course }) => course), ...runs]) {
      expect({ name, ended }).toEqual({ name, ended: 'done' })
      expect(losses.at(-1)).toBeLessThan(losses[0])
    }
  }
})

it.each([0, 0.02])('runs what factorize runs, under noise of %d', async noise => {
  const X = denseMatrix(90, 61)
  const own = { rank: 3, backend: 'reference', batchRows: 16, noise } as const
  const asked = { ...own, schedulers: ['cosine'], epochs: 8, tuningRuns: 1, repeats: 1, seed: 4 }
  const [{ rate, runs }] = (await compareSchedulers(X, asked)).contestants
  // X has its rows in the order of the comparison by now
  const steered = { solver: 'sgd', scheduler: 'cosine', learningRate: rate, shuffle: false, init: 'random' } as const
  const fit = await factorize(X, { ...own, ...steered, seed: 5, maxIterations: 8, tolerance: 0 })
  expect(runs[0].losses).toHaveLength(9)
  for (const [epoch, { loss }] of fit.history.entries()) {
    // ‖X‖², which is in every loss, was added up in another order of the rows
    expect(Math.abs(runs[0].losses[epoch + 1] / loss - 1)).toBeLessThan(1e-12)
  }
  expect(runs[0].rates.at(-1)).toBe(fit.history.at(-1)!.learningRate)
})

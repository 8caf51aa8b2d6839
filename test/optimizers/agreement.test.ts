import { describe, expect, it } from 'vitest'
import type { OptimizerOptions } from '../../ts/optimizers/options.js'
import { presentOrSkip } from '../conformance/backends.js'
import { Drive, type Problem } from './drive.js'
import { quadratic } from './losses.js'
import { BACKENDS, numbers } from './problems.js'

/** More than one chunk, and no multiple of a vector. */
const LENGTH = 10_007
const STEPS = 8

const bowl = quadratic(
  [...numbers(LENGTH, 1)].map(entry => 0.5 + Math.abs(entry)),
  [...numbers(LENGTH, 2)],
)

/** Gradients that depend on the step alone, so that rounding does not feed on itself. */
function drawn(): Problem {
  let step = 0
  return { ...bowl, gradient: () => Float64Array.from(numbers(LENGTH, 10 + step++)) }
}

// first estimates of the distance that f32 sees at parameters around 1
const CASES: readonly (readonly [options: OptimizerOptions, problem: () => Problem])[] = [
  [{ kind: 'sls', batchesPerEpoch: 2 }, () => bowl],
  [{ kind: 'sls', condition: 'goldstein', reset: 'keep' }, () => bowl],
  [{ kind: 'sps', batchesPerEpoch: 2, nonNegative: true, clip: 0.7 }, () => bowl],
  [{ kind: 'schedule-free-sgd', learningRate: 0.3, weightDecay: 0.1, limit: 0.1 }, drawn],
  [{ kind: 'schedule-free-adamw', learningRate: 0.05, weightDecay: 0.1, nonNegative: true }, drawn],
  [{ kind: 'prodigy', initialDistance: 0.01, weightDecay: 0.1, clip: 0.5 }, drawn],
  [{ kind: 'dog', initialDistance: 0.01, weightDecay: 0.1, nonNegative: true }, drawn],
  [{ kind: 'ldog', groups: [1, 7000, LENGTH - 7001], initialDistance: 0.01, clip: 0.5 }, drawn],
  [{ kind: 'd-adapt-sgd', initialDistance: 0.1, weightDecay: 0.1 }, drawn],
  [{ kind: 'd-adapt-adam', initialDistance: 0.01, weightDecay: 0.1, limit: 0.1 }, drawn],
]

interface Outcome {
  readonly rates: readonly number[]
  readonly forwards: readonly number[]
  readonly arrays: readonly ArrayLike<number>[]
}

async function outcomeOf(drive: Drive): Promise<Outcome> {
  const steps = await drive.steps(STEPS)
  return {
    rates: steps.map(({ learningRate }) => learningRate),
    forwards: steps.map(({ forwards }) => forwards),
    arrays: [drive.parameters, await drive.optimizer.evaluated()],
  }
}

const references = new Map<string, Promise<Outcome>>()

function referenceOf(options: OptimizerOptions, problem: () => Problem): Promise<Outcome> {
  const name = JSON.stringify(options)
  let outcome = references.get(name)
  if (!outcome) {
    outcome = (async () => {
      await using drive = await Drive.begin(problem(), options)
      return await outcomeOf(drive)
    })()
    references.set(name, outcome)
  }
  return outcome
}

function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [off, size] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    off += (a[i] - b[i]) ** 2
    size += b[i] ** 2
  }
  return Math.sqrt(off / size)
}

describe.each(BACKENDS.filter(id => id !== 'reference'))('%s steps as the reference does', backend => {
  it.for(CASES.map(([options, problem]) => [JSON.stringify(options), options, problem] as const))(
    '%s',
    async ([, options, problem], context) => {
      await presentOrSkip(backend, context)
      const wanted = await referenceOf(options, problem)
      await using drive = await Drive.begin(problem(), options, backend)
      const own = await outcomeOf(drive)
      expect(own.forwards).toEqual(wanted.forwards)
      // sums of 10 000 products of f32 differ in their sixth digit at worst, and steps are their quotients
      own.rates.forEach((rate, t) => {
        expect(Math.abs(rate - wanted.rates[t])).toBeLessThanOrEqual(1e-5 * wanted.rates[t])
      })
      own.arrays.forEach((array, k) => {
        expect(difference(array, wanted.arrays[k])).toBeLessThan(STEPS * 16 * 2 ** -24)
      })
    },
  )
})

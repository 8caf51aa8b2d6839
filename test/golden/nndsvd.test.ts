import { describe, expect, it } from 'vitest'
import { type DenseView, factorize } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { golden, matrixOf, WAYS } from './files.js'

/** How far an entry may be from scikit-learn's, relative to the factor's largest. */
const OFF = 1e-4

const { problems } = golden('nndsvd')

describe.each(WAYS)('scikit-learn’s start from singular vectors on %s in %s', (backend, dtype) => {
  const variants = ['nndsvd', 'nndsvda', 'nndsvdar'] as const
  const cases = problems.flatMap(problem => variants.map(init => [problem.name, init, problem] as const))

  it.for(cases)('%s, %s', async ([, init, problem], context) => {
    await presentOrSkip(backend, context)
    const { rank, mean, starts } = problem
    // a step this short leaves the factors where they start
    const still = { solver: 'pg', step: 1e-12, maxIterations: 1 } as const
    const fit = await factorize(matrixOf(problem), { rank, init, ...still, seed: 5, backend, dtype })
    const wanted = starts[init === 'nndsvda' ? init : 'nndsvd']
    for (const name of ['W', 'H'] as const) {
      const own: DenseView = fit[name]
      const largest = Math.max(...wanted[name])
      const filled: number[] = []
      for (const [at, value] of wanted[name].entries()) {
        if (init === 'nndsvdar' && value === 0) filled.push(own.data[at])
        else expect(Math.abs(own.data[at] - value), `${name}, entry ${at}`).toBeLessThanOrEqual(OFF * largest)
      }
      // half-normal, a hundredth of the mean wide
      if (filled.length === 0) continue
      const average = filled.reduce((sum, value) => sum + value, 0) / filled.length
      expect(Math.max(...filled)).toBeLessThan(0.06 * mean)
      expect(Math.abs(average / mean / (0.01 * Math.sqrt(2 / Math.PI)) - 1)).toBeLessThan(6 / Math.sqrt(filled.length))
    }
  })
})

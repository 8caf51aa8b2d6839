import { describe, expect, it } from 'vitest'
import { NMF } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { dense, holds, matrixOf, problems, WAYS } from './problems.js'

/** Squares on both factors make every subproblem strictly convex: one minimum, whatever the start. */
const penalties = { alphaW: 0.02, alphaH: 0.02, l1Ratio: 0 }

describe.each(WAYS.filter(([, dtype]) => dtype === 'f64'))('on %s in %s', (backend, dtype) => {
  it.for([
    ['hals', 2],
    ['hals', 1],
  ] as const)(
    'rows of the matrix that was fitted transform to their W: %s, β = %s',
    async ([solver, loss], context) => {
      await presentOrSkip(backend, context)
      await holds(problems({ rank: 3 }), 6, async drawn => {
        const { rows, columns, rank, W, H } = drawn
        const init = { W: dense(W, rows, rank), H: dense(H, rank, columns) }
        const how = { solver, loss, ...penalties, maxIterations: 2000, tolerance: 0, backend, dtype }
        const model = new NMF({ rank, init, ...how })
        const fitted = await model.fitTransform(matrixOf(drawn))
        const again = await model.transform(matrixOf(drawn))
        const largest = Math.max(...fitted.data)
        for (const [at, value] of fitted.data.entries()) {
          expect(Math.abs(again.data[at] - value)).toBeLessThanOrEqual(1e-5 * largest)
        }
      })
    },
  )
})

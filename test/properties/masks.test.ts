import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { presentOrSkip } from '../conformance/backends.js'
import { dense, expectNear, fitOf, holds, NEAR, problems, STEADY, WAYS } from './problems.js'

const SOLVED = [
  ['mu', 2],
  ['mu', 1],
  ['mu', 0.5],
  ['hals', 2],
  ['hals', 1],
  ['pg', 2],
  ['bpp', 2],
] as const

describe.each(WAYS)('on %s in %s', (backend, dtype) => {
  it.for(SOLVED)('a mask of all ones is none: %s, β = %s', async ([solver, loss], context) => {
    await presentOrSkip(backend, context)
    await holds(problems(), 12, async drawn => {
      const { rows, columns } = drawn
      const options = {
        solver,
        loss,
        ...((solver === 'hals' || solver === 'bpp') && STEADY),
        maxIterations: 6,
        backend,
        dtype,
      }
      const plain = await fitOf(drawn, options)
      const ones = dense(Array(rows * columns).fill(1), rows, columns)
      for (const given of [{ mask: ones }, { weights: ones }]) {
        const fit = await fitOf(drawn, { ...options, ...given })
        expectNear(fit.W, plain.W.data, dtype, 'W')
        expectNear(fit.H, plain.H.data, dtype, 'H')
        const scale = plain.loss + drawn.X.reduce((sum, x) => sum + x * x, 0)
        expect(Math.abs(fit.loss - plain.loss)).toBeLessThanOrEqual(NEAR[dtype] * scale)
      }
    })
  })

  it.for(SOLVED)('weights of 0 and 1 are a mask: %s, β = %s', async ([solver, loss], context) => {
    await presentOrSkip(backend, context)
    const bits = fc.array(fc.boolean(), { minLength: 81, maxLength: 81 })
    await holds(fc.tuple(problems(), bits), 12, async ([drawn, shown]) => {
      const { rows, columns } = drawn
      const table = dense(
        Array.from({ length: rows * columns }, (_, at) => (at === 0 || shown[at] ? 1 : 0)),
        rows,
        columns,
      )
      const options = { solver, loss, maxIterations: 6, backend, dtype }
      const [masked, weighted] = [
        await fitOf(drawn, { ...options, mask: table }),
        await fitOf(drawn, { ...options, weights: table }),
      ]
      expect(weighted.W).toEqual(masked.W)
      expect(weighted.H).toEqual(masked.H)
      expect(weighted.loss).toBe(masked.loss)
      expect(weighted.relativeError).toBe(masked.relativeError)
    })
  })
})

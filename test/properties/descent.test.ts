import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DenseView } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { type Drawn, fitOf, holds, problems, UNIT, WAYS } from './problems.js'

/** Solvers and losses that no iteration may raise. Coordinate descent says so of models above 2⁻²³ alone, but for β = 2. */
const FALLING = [
  ['mu', -0.5, 'positive'],
  ['mu', 0, 'positive'],
  ['mu', 0.5, 'any'],
  ['mu', 1, 'any'],
  ['mu', 1.5, 'any'],
  ['mu', 2, 'any'],
  ['mu', 3, 'any'],
  ['hals', 0, 'positive'],
  ['hals', 0.5, 'positive'],
  ['hals', 1, 'any'],
  ['hals', 1.5, 'any'],
  ['hals', 2, 'any'],
  ['hals', 2.5, 'any'],
  ['hals', 3, 'any'],
  ['hals', 4, 'any'],
  ['ahals', 3, 'any'],
  ['scd', 1, 'any'],
  ['pg', 2, 'any'],
  ['bpp', 2, 'any'],
] as const

/** What the roundings of a loss's terms may add up to: they cancel, so their sizes count and not the loss. */
function slack({ X }: Drawn, first: number, beta: number, dtype: 'f32' | 'f64'): number {
  const terms = X.reduce((sum, x) => sum + Math.max(1, x) ** Math.max(2, beta), first)
  return 64 * UNIT[dtype] * terms
}

const sum = ({ data }: DenseView, of: (value: number) => number) =>
  Array.from(data).reduce((total, value) => total + of(value), 0)

describe.each(WAYS)('on %s in %s no iteration raises', (backend, dtype) => {
  it.for(FALLING)('the loss: %s, β = %s', async ([solver, loss, entries], context) => {
    await presentOrSkip(backend, context)
    await holds(problems({ positive: entries === 'positive' }), 12, async drawn => {
      const { history } = await fitOf(drawn, { solver, loss, maxIterations: 25, backend, dtype })
      const losses = history.map(entry => entry.loss)
      const most = slack(drawn, losses[0], loss, dtype)
      for (let n = 1; n < losses.length; n++) expect(losses[n]).toBeLessThanOrEqual(losses[n - 1] + most)
    })
  })

  it.for([
    ['mu', 2],
    ['mu', 1],
    ['mu', 3],
    ['hals', 1],
    ['hals', 2],
    ['hals', 3],
    ['pg', 2],
    ['bpp', 2],
  ] as const)('the loss with its penalties: %s, β = %s', async ([solver, loss], context) => {
    await presentOrSkip(backend, context)
    const alpha = fc.integer({ min: 0, max: 16 }).map(count => count / 64)
    const penalties = fc.record({ alphaW: alpha, alphaH: alpha, l1Ratio: fc.constantFrom(0, 0.25, 1) })
    await holds(fc.tuple(problems(), penalties), 8, async ([drawn, penalised]) => {
      const { alphaW, alphaH, l1Ratio } = penalised
      const of = (value: number) => l1Ratio * value + 0.5 * (1 - l1Ratio) * value * value
      const options = { solver, loss, ...penalised, maxIterations: 1, backend, dtype }
      let fit = await fitOf(drawn, options)
      let before = Number.POSITIVE_INFINITY
      for (let n = 0; n < 8; n++) {
        const costs = alphaW * drawn.columns * sum(fit.W, of) + alphaH * drawn.rows * sum(fit.H, of)
        const after = fit.loss + costs
        expect(after).toBeLessThanOrEqual(before + slack(drawn, after, loss, dtype))
        before = after
        fit = await fitOf(drawn, { ...options, init: fit })
      }
    })
  })

  it.for([
    ['mu', 0, 'positive'],
    ['mu', 1, 'any'],
    ['mu', 2, 'any'],
    ['hals', 0.5, 'positive'],
    ['hals', 2, 'any'],
    ['ahals', 2, 'any'],
    ['bpp', 2, 'any'],
    ['pg', 2, 'any'],
  ] as const)('the loss where rows and columns stay: %s, β = %s', async ([solver, loss, entries], context) => {
    await presentOrSkip(backend, context)
    const some = fc.uniqueArray(fc.nat(8), { maxLength: 8 })
    const drawing = fc.tuple(problems({ positive: entries === 'positive' }), some, some)
    await holds(drawing, 8, async ([drawn, inW, inH]) => {
      // the last row is free
      const rows = inW.filter(i => i < drawn.rows - 1)
      const columns = inH.filter(j => j < drawn.columns)
      const options = { solver, loss, maxIterations: 15, backend, dtype, frozen: { rows, columns } }
      const { W, H, history } = await fitOf(drawn, options)
      const losses = history.map(entry => entry.loss)
      const most = slack(drawn, losses[0], loss, dtype)
      for (let n = 1; n < losses.length; n++) expect(losses[n]).toBeLessThanOrEqual(losses[n - 1] + most)
      for (let r = 0; r < drawn.rank; r++) {
        for (const i of rows) expect(W.data[i * drawn.rank + r]).toBe(drawn.W[i * drawn.rank + r])
        for (const j of columns) expect(H.data[r * drawn.columns + j]).toBe(drawn.H[r * drawn.columns + j])
      }
    })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FactorizeOptions } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { type Drawn, expectNear, fitOf, holds, NEAR, problems, STEADY, transposed, WAYS } from './problems.js'

const SOLVED = [
  ['mu', 2],
  ['mu', 1],
  ['mu', 0.5],
  ['mu', 3],
  ['hals', 2],
  ['hals', 1],
  ['pg', 2],
] as const

/** X and the start times a number, so that W·H keeps to X. */
function scaled(drawn: Drawn, factor: number): Drawn {
  const root = Math.sqrt(factor)
  const times = (list: readonly number[], by: number) => list.map(value => value * by)
  return { ...drawn, X: times(drawn.X, factor), W: times(drawn.W, root), H: times(drawn.H, root) }
}

function order(length: number, keys: readonly number[]): number[] {
  return Array.from({ length }, (_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b)
}

/** Rows and columns in another order: row i of the result is row `rows[i]` of the list. */
function arranged(list: ArrayLike<number>, rows: readonly number[], columns: readonly number[], width: number) {
  return rows.flatMap(i => columns.map(j => list[i * width + j]))
}

describe.each(WAYS)('on %s in %s', (backend, dtype) => {
  const options = (solver: FactorizeOptions['solver'], loss: number, maxIterations = 6) => {
    return { solver, loss, ...(solver === 'hals' && STEADY), maxIterations, backend, dtype }
  }

  it.for([
    ['mu', 2],
    ['mu', 1],
    ['mu', 0],
    ['hals', 2],
    ['pg', 2],
  ] as const)('powers of two in X scale the factors exactly: %s, β = %s', async ([solver, loss], context) => {
    await presentOrSkip(backend, context)
    const given = fc.tuple(problems({ positive: loss === 0 }), fc.constantFrom(-30, -5, -1, 1, 2, 8, 30))
    await holds(given, 10, async ([drawn, power]) => {
      const how = { solver, loss, maxIterations: 6, backend, dtype }
      const plain = await fitOf(drawn, how)
      const fit = await fitOf(scaled(drawn, 4 ** power), how)
      for (const name of ['W', 'H'] as const) {
        expect(Array.from(fit[name].data)).toEqual(Array.from(plain[name].data, value => value * 2 ** power))
      }
      // terms that cancel: for an X that is met exactly the loss is what their roundings leave
      const terms = drawn.X.reduce((sum, x) => sum + x ** loss, plain.loss)
      expect(Math.abs(fit.loss / 4 ** (power * loss) - plain.loss)).toBeLessThanOrEqual(NEAR[dtype] * terms)
    })
  })

  // Newton steps may bring a model to 0, where 2⁻²³ stands in for it whatever the scale
  it.for(SOLVED.filter(([solver, loss]) => solver !== 'hals' || loss === 2))(
    'any number in X scales the factors: %s, β = %s',
    async ([solver, loss], context) => {
      await presentOrSkip(backend, context)
      const given = fc.tuple(problems(), fc.constantFrom(0.001, 0.3, 3, 700))
      await holds(given, 8, async ([drawn, factor]) => {
        const plain = await fitOf(drawn, options(solver, loss))
        const alpha = STEADY.alphaW * factor ** (loss - 1)
        const fit = await fitOf(scaled(drawn, factor), {
          ...options(solver, loss),
          ...(solver === 'hals' && { alphaW: alpha, alphaH: alpha }),
        })
        for (const name of ['W', 'H'] as const) {
          const wanted = plain[name].data.map(value => value * Math.sqrt(factor))
          expectNear(fit[name], wanted, dtype, name)
        }
      })
    },
  )

  it.for(SOLVED)(
    'the order of rows and columns goes over to the factors: %s, β = %s',
    async ([solver, loss], context) => {
      await presentOrSkip(backend, context)
      const keys = fc.array(fc.nat(99), { minLength: 9, maxLength: 9 })
      await holds(fc.tuple(problems(), keys, keys), 8, async ([drawn, rowKeys, columnKeys]) => {
        const { rows, columns, rank } = drawn
        const [down, across] = [order(rows, rowKeys), order(columns, columnKeys)]
        const all = order(rank, Array(rank).fill(0))
        const other = {
          ...drawn,
          X: arranged(drawn.X, down, across, columns),
          W: arranged(drawn.W, down, all, rank),
          H: arranged(drawn.H, all, across, columns),
        }
        const plain = await fitOf(drawn, options(solver, loss))
        const fit = await fitOf(other, options(solver, loss))
        expectNear(fit.W, arranged(plain.W.data, down, all, rank), dtype, 'W')
        expectNear(fit.H, arranged(plain.H.data, all, across, columns), dtype, 'H')
      })
    },
  )

  // W moves before H, so the fit of the transposed matrix is that of X from one move later on
  it.for(SOLVED)(
    'X transposed gives the factors transposed, half an iteration on: %s, β = %s',
    async ([solver, loss], context) => {
      await presentOrSkip(backend, context)
      await holds(problems(), 8, async drawn => {
        const { rows, columns, rank, X, H } = drawn
        const first = await fitOf(drawn, options(solver, loss, 1))
        const turned: Drawn = {
          ...drawn,
          rows: columns,
          columns: rows,
          X: transposed(X, rows, columns).flat(),
          W: transposed(H, rank, columns),
          H: transposed(first.W.data, rows, rank),
        }
        const fit = await fitOf(turned, options(solver, loss, 4))
        const [fourth, fifth] = [
          await fitOf(drawn, options(solver, loss, 4)),
          await fitOf(drawn, options(solver, loss, 5)),
        ]
        expectNear(fit.W, transposed(fourth.H.data, rank, columns), dtype, 'H')
        expectNear(fit.H, transposed(fifth.W.data, rows, rank), dtype, 'W')
      })
    },
  )
})

import { describe, expect, it } from 'vitest'
import { deviceOf, presentOrSkip, VARIANTS } from './backends.js'
import { fitCase, problemOf, RULES, STORED } from './grid.js'
import { differentBits, trajectoryOn } from './trajectory.js'

// Large enough that every phase of an iteration is worth several threads, and takes several tiles and panels: the small
// fits of the grid may well leave all of it to one.
const SIZES = { rows: 420, columns: 310, rank: 17 }

const CROSSINGS = [1, 1]

const groups = STORED.flatMap(([X, weights]) =>
  [2, 1, 1.5].map(beta => ({
    name: `${X}${weights === 'none' ? '' : `, weights: ${weights}`}, β = ${beta}`,
    cases: RULES.map(rule => fitCase({ ...SIZES, X, weights, beta, rule })),
  })),
)

describe.each(VARIANTS.filter(({ id }) => id === 'native' || id === 'wasm'))('$name', variant => {
  it.for(groups.map(({ name, cases }) => [name, cases] as const))(
    'gives the same bits with 1, 2 and 3 threads: %s',
    async ([, cases], context) => {
      await presentOrSkip(variant.id, context)
      // the rules share X, its weights and the start
      const { problem } = await problemOf(cases[0], 0)
      const [one, two, three] = await Promise.all([1, 2, 3].map(threads => deviceOf(variant, threads)))
      for (const given of cases) {
        if (!one.supports(problem.X, given.spec, problem.weights).supported) continue
        const bits = await trajectoryOn(one, problem, given.spec, CROSSINGS)
        for (const device of [two, three]) {
          expect(differentBits(await trajectoryOn(device, problem, given.spec, CROSSINGS), bits), given.name).toEqual(
            [],
          )
        }
      }
    },
  )
})

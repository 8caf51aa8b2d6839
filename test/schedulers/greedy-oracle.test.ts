import fc from 'fast-check'
import { expect, it } from 'vitest'
import { GreedyLR } from '../../ts/schedulers/api.js'
import { greedyOracle, type OracleOptions } from './greedy-oracle.js'
import { rates } from './traces.js'

const options: fc.Arbitrary<OracleOptions> = fc.record({
  mode: fc.constantFrom('min', 'max'),
  factor: fc.constantFrom(0.25, 0.5, 0.9, 0.95),
  patience: fc.nat({ max: 3 }),
  threshold: fc.constantFrom(0, 1e-6, 0.05, 0.5),
  thresholdMode: fc.constantFrom('abs', 'rel'),
  cooldown: fc.nat({ max: 3 }),
  warmup: fc.nat({ max: 3 }),
  minLr: fc.constantFrom(0, 1e-3, 0.05, 0.2),
  maxLr: fc.constantFrom(0.2, 0.7, 2),
  eps: fc.constantFrom(0, 1e-8, 1e-2),
  smooth: fc.boolean(),
  windowSize: fc.integer({ min: 1, max: 6 }),
  resetStart: fc.integer({ min: 1, max: 6 }),
})
/** Losses that mostly fall, and some that are no numbers. */
const metrics = fc
  .array(
    fc.oneof(
      { weight: 30, arbitrary: fc.double({ min: -0.7, max: 0.6, noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY) },
    ),
    { minLength: 20, maxLength: 80 },
  )
  .map(moves => {
    let loss = 10
    return moves.map(move => {
      if (!Number.isFinite(move)) return move
      loss += move
      return loss
    })
  })

it.for(['hf', 'paper'] as const)("under compat 'hf', variant '%s' is its source's to the last bit", variant => {
  const start = fc.constantFrom(0.01, 0.1, 0.5)
  fc.assert(
    fc.property(start, options, metrics, (learningRate, given, seen) => {
      const scheduler = new GreedyLR({ ...given, learningRate, variant, compat: 'hf' })
      expect(rates(scheduler, seen)).toEqual(greedyOracle(variant, learningRate, given, seen))
    }),
    { numRuns: 300 },
  )
})

import { describe, expect, it } from 'vitest'
import { GreedyLR, type GreedyOptions } from '../../ts/schedulers/api.js'
import { rates, times } from './traces.js'

interface Trace {
  readonly name: string
  readonly options: GreedyOptions
  readonly metrics: readonly number[]
  readonly hf?: readonly number[]
  readonly paper?: readonly number[]
}

const eased = Array.from({ length: 23 }, (_, i) => 10 - i / 10)
const same = (list: readonly number[]) => ({ hf: list, paper: list })

/**
 * The rate after each metric, from 0.1. Those of 'hf' were made by the class of transformers 5.18.0 itself, with an optimizer
 * that only holds rates; those of 'paper' by hand from Algorithm 2 of arXiv 2512.14527 and its authors' code.
 */
const TRACES: readonly Trace[] = [
  {
    name: 'A patience',
    options: { patience: 1, minLr: 0.01, maxLr: 1 },
    metrics: [10, 9, 8, 7, 6, 6, 6, 6, 5, 7, 7],
    ...same([0.1, 0.2, 0.2, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.1]),
  },
  {
    name: 'B cooldown',
    options: { patience: 1, cooldown: 2, minLr: 0.001 },
    metrics: [5, 6, 6, 6, 4, 6, 6, 6, 3, 2, 1],
    hf: [0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.05],
    paper: [0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.05, 0.05],
  },
  {
    name: 'C warmup',
    options: { patience: 1, warmup: 2, minLr: 0.001 },
    metrics: [5, 4, 3, 2, 1, 0.5, 2, 2, 2, 0.2, 0.1],
    hf: [0.1, 0.2, 0.2, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.8],
    paper: [0.1, 0.2, 0.2, 0.2, 0.2, 0.4, 0.4, 0.2, 0.2, 0.2, 0.4],
  },
  {
    name: 'D smoothing',
    options: { patience: 0, smooth: true, windowSize: 3, maxLr: 10 },
    metrics: [10, 8, 6, 4, 12, 12, 2, 2, 2],
    ...same([0.2, 0.4, 0.8, 1.6, 0.8, 0.4, 0.2, 0.4, 0.8]),
  },
  {
    name: 'E reset',
    options: { patience: 0, minLr: 0.03, resetStart: 3 },
    metrics: [1, ...times(11, 10)],
    hf: [0.2, 0.1, 0.05, 0.03, 0.03, 0.1, 0.2, 0.1, 0.05, 0.03, 0.03, 0.1],
    paper: [0.2, 0.1, 0.05, 0.03, 0.06, 0.03, 0.03, 0.06, 0.03, 0.03, 0.06, 0.03],
  },
  {
    name: 'F relative threshold',
    options: { patience: 0, thresholdMode: 'rel', threshold: 0.1 },
    metrics: [10, 9.5, 8.9, 8.1, 8, 7.9],
    hf: [0.2, 0.1, 0.2, 0.1, 0.2, 0.1],
  },
  {
    name: 'G max',
    options: { patience: 0, mode: 'max', maxLr: 0.3 },
    metrics: [1, 2, 3, 3, 3, 4],
    hf: [0.2, 0.3, 0.3, 0.15, 0.075, 0.15],
  },
  {
    name: 'I not finite',
    options: { patience: 0 },
    metrics: [1, Number.NaN, Number.NaN, 0.5, Number.POSITIVE_INFINITY],
    hf: [0.2, 0.1, 0.05, 0.1, 0.05],
  },
  {
    name: 'J below the lower bound',
    options: { learningRate: 1e-4, patience: 0, minLr: 1e-3 },
    metrics: [1, 2, 2, 0.5],
    hf: [2e-4, 2e-4, 2e-4, 4e-4],
  },
  {
    name: 'L defaults',
    options: { factor: 0.95 },
    metrics: eased,
    hf: [...times(10, 0.1), ...times(11, 0.1 / 0.95), ...times(2, 0.1 / 0.95 / 0.95)],
  },
]

function expectTrace(found: readonly number[], wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length)
  for (const [i, rate] of found.entries()) expect(Math.abs(rate - wanted[i]), `after metric ${i}`).toBeLessThan(1e-12)
}

const CASES = TRACES.flatMap(trace =>
  (['hf', 'paper'] as const).flatMap(variant => {
    const wanted = trace[variant]
    return wanted === undefined ? [] : [{ ...trace, variant, wanted }]
  }),
)

describe.for([{ compat: 'hf' }, {}] as const)('with %o', compat => {
  it.for(CASES)('$variant, $name', ({ options, metrics, variant, wanted }) => {
    const scheduler = new GreedyLR({ learningRate: 0.1, factor: 0.5, ...options, variant, ...compat })
    expectTrace(rates(scheduler, metrics), wanted)
  })

  it('hf, H groups with bounds of their own', () => {
    const bounds = { minLr: [0.09, 1e-6], maxLr: [1, 0.01] }
    const scheduler = new GreedyLR({ learningRates: [0.1, 0.01], factor: 0.9, patience: 0, ...bounds, ...compat })
    const found = [5, 6, 7, 8, 4, 3].map(metric => {
      scheduler.next(metric)
      return scheduler.learningRates
    })
    expectTrace(
      found.map(([first]) => first),
      [0.1 / 0.9, 0.1, 0.09, 0.09, 0.1, 0.1 / 0.9],
    )
    expectTrace(
      found.map(([, second]) => second),
      [0.01, 0.009, 0.0081, 0.00729, 0.0081, 0.009],
    )
  })

  it('F ends with the best that was worth a rise', () => {
    const { options, metrics } = TRACES.find(({ name }) => name.startsWith('F'))!
    const scheduler = new GreedyLR({ learningRate: 0.1, factor: 0.5, ...options, ...compat })
    rates(scheduler, metrics)
    expect(scheduler.state().best).toBe(8)
  })

  it.for([
    { name: 'K1 warmup', options: { warmup: 2 }, metrics: [5, 6, 6, 6], wanted: [0.2, 0.4, 0.8, 0.4] },
    { name: 'K2 cooldown', options: { cooldown: 1 }, metrics: [5, 6, 1, 0.5], wanted: [0.2, 0.1, 0.05, 0.1] },
  ])('continue, $name', ({ options, metrics, wanted }) => {
    const start = { learningRate: 0.1, factor: 0.5, patience: 0, variant: 'continue' } as const
    expectTrace(rates(new GreedyLR({ ...start, ...options, ...compat }), metrics), wanted)
  })
})

describe('a metric that is not a number, where metrics are smoothed', () => {
  const options = { learningRate: 0.1, factor: 0.5, patience: 0, smooth: true, windowSize: 2, minLr: 1e-3 } as const
  const metrics = [5, 4, Number.NaN, 3, 2, 1, 0.5, 0.4, 0.3, 0.2, 0.1]

  it('N spoils the mean for good under compat', () => {
    const wanted = [0.2, 0.4, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.0015625, 0.001]
    expectTrace(rates(new GreedyLR({ ...options, compat: 'hf' }), metrics), wanted)
  })

  it('is bad once, and forgotten, otherwise', () => {
    const wanted = [0.2, 0.4, 0.2, 0.4, 0.8, 1, 1, 1, 1, 1, 1]
    expectTrace(rates(new GreedyLR({ ...options }), metrics), wanted)
  })
})

import { describe, expect, it } from 'vitest'
import { type BatchOptions, type FactorizeOptions, factorize } from '../../ts/node.js'
import { Cosine } from '../../ts/schedulers/api.js'
import { digits } from '../golden/digits.js'

const X = digits(60)

const on = (options: Partial<FactorizeOptions> = {}): FactorizeOptions => ({
  rank: 5,
  solver: 'sgd',
  backend: 'reference',
  dtype: 'f64',
  tolerance: 0,
  maxIterations: 6,
  batchRows: 16,
  ...options,
})

describe('options of solvers with batches', () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ solver: 'mu', batchRows: 4 }, /batchRows is for solver: 'online'/],
    [{ solver: 'smu', learningRate: 1, batchRows: undefined }, /learningRate is for solver: 'sgd'/],
    [{ forgetFactor: 0.5 }, /forgetFactor/],
    [{ ratio: 0.5 }, /ratio is for solver: 'svrmu'/],
    [{ solver: 'svrmu', ratio: 0 }, /ratio/],
    [{ learningRate: Number.NaN }, /learningRate/],
    [{ learningRate: Number.POSITIVE_INFINITY }, /learningRate/],
    [{ learningRate: { H: -1 } }, /learningRate\.H/],
    [{ learningRate: { V: 1 } }, /part of learningRate "V"/],
    [{ learningRate: '1' }, /learningRate/],
    [{ scheduler: 'magic' }, /one of/],
    [{ scheduler: { next: 1 } }, /scheduler/],
    [{ scheduler: null }, /scheduler/],
    [{ learningRate: null }, /learningRate/],
    [{ learningRate: { W: null } }, /learningRate\.W/],
    [{ updateLimit: '1' }, /updateLimit/],
    [{ scheduler: { H: 3 } }, /scheduler/],
    [{ scheduler: new Cosine({ totalSteps: 9 }), learningRate: 1 }, /rate of its own/],
    [{ safe: false }, /safe: false takes learningRate/],
    [{ safe: 1 }, /safe/],
    [{ noise: -1 }, /noise/],
    [{ updateLimit: 0 }, /updateLimit/],
    [{ rounds: 0 }, /rounds/],
    [{ shuffle: 'yes' }, /shuffle/],
    [{ loss: 1 }, /not for β = 1/],
    [{ solver: 'svrmu', loss: 0.5 }, /not for β = 0.5/],
    [{ mask: { holdout: 0.1 } }, /takes no mask/],
    [{ solver: 'svrmu', weights: X }, /takes no weights/],
    [{ violationTolerance: 0.1 }, /violationTolerance/],
  ]
  it.each(refused.map(([options, message]) => [String(message), options, message] as const))(
    '%s',
    async (_, options, message) => {
      await expect(factorize(X, on(options as BatchOptions))).rejects.toMatchObject({
        code: 'ERR_NONNEG_OPTION',
        message: expect.stringMatching(message),
      })
    },
  )
})

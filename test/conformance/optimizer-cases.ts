import type { Sums, Vectors } from '../../ts/backends/vectors.js'
import { adam_products } from '../../ts/kernels/adam_products.js'
import { adam_step } from '../../ts/kernels/adam_step.js'
import { dual_average } from '../../ts/kernels/dual_average.js'
import { gradient_products } from '../../ts/kernels/gradient_products.js'
import { hypergradient_adam } from '../../ts/kernels/hypergradient_adam.js'
import { hypergradient_momentum } from '../../ts/kernels/hypergradient_momentum.js'
import { hypergradient_nesterov } from '../../ts/kernels/hypergradient_nesterov.js'
import { idbd_step } from '../../ts/kernels/idbd_step.js'
import { momentum_step } from '../../ts/kernels/momentum_step.js'
import { nesterov_step } from '../../ts/kernels/nesterov_step.js'
import { rprop_step } from '../../ts/kernels/rprop_step.js'
import { sgd_step } from '../../ts/kernels/sgd_step.js'
import type { Dims } from '../../ts/kernels/spec.js'
import type { VectorKernel } from '../../ts/kernels/vector_kernel.js'

/** Several chunks of every backend, groups that begin inside of one, a group of none and one of one. */
export const GROUPS = [40_000, 0, 1, 70_003, 33_333]
export const LENGTH = GROUPS.reduce((a, b) => a + b)
export const STEPS = 6

export const correction = (t: number, { beta1 = 0.9, beta2 = 0.999 } = {}) =>
  Math.sqrt(1 - beta2 ** t) / (t === 0 ? 1 : 1 - beta1 ** t)

/** One way to optimise: what it runs at step t = 1, 2, …, for any gradient. */
export interface Case {
  readonly name: string
  readonly kernels: readonly VectorKernel[]
  step(vectors: Vectors, t: number): Promise<readonly Sums[]>
}

export const GUARDS: Dims = { decay: 0.01, clip: 0.9, limit: 0.2, floor: 0 }
export const MOVING: Dims = { hyperRate: 0.02, lowest: 1e-4, highest: 0.3 }

const rateOf = (t: number) => 0.1 / t
/** Other scalars in every group. */
const each = (of: (rate: number) => Dims) => (t: number) => GROUPS.map((_, k) => of(rateOf(t) / (k + 1)))

export function single(name: string, kernel: VectorKernel, scalars: (t: number) => Dims | readonly Dims[]): Case {
  return { name, kernels: [kernel], step: (vectors, t) => vectors.run(kernel, scalars(t)) }
}

/** A hypergradient on the rate of each group: the products, the rates by them, the step. */
function hypergradient(name: string, kernel: VectorKernel, products: VectorKernel, further: (t: number) => Dims): Case {
  const rates = GROUPS.map(() => 0.05)
  return {
    name,
    kernels: [kernel, products],
    async step(vectors, t) {
      if (t === 1) rates.fill(0.05)
      const sums = await vectors.run(products)
      sums.forEach(({ gu, gg, uu }, k) => {
        if (gg > 0 && uu > 0) rates[k] *= 1 + (0.2 * gu) / Math.sqrt(gg * uu)
      })
      await vectors.run(
        kernel,
        rates.map(rate => ({ rate, ...further(t) })),
      )
      return sums
    },
  }
}

export const CASES: readonly Case[] = [
  single('sgd', sgd_step, t => ({ rate: rateOf(t) })),
  single(
    'projected sgd by groups',
    sgd_step,
    each(rate => ({ rate, ...GUARDS })),
  ),
  single(
    'momentum',
    momentum_step,
    each(rate => ({ rate, momentum: 0.9, ...GUARDS })),
  ),
  single('nesterov', nesterov_step, t => ({ rate: rateOf(t), momentum: 0.9 })),
  single('adam', adam_step, t => ({ rate: 0.01, correction: correction(t), ...GUARDS })),
  single('dual average by groups', dual_average, () => ({ decay: 0.01, clip: 0.9, keep: 0.9, weight: 0.1 })),
  hypergradient('sgd, rates of groups', momentum_step, gradient_products, () => ({})),
  hypergradient('nesterov, rates of groups', nesterov_step, gradient_products, () => ({ momentum: 0.5 })),
  hypergradient('adam, rates of groups', adam_step, adam_products, t => ({ correction: correction(t) })),
  single('sgd, rates of parameters', hypergradient_momentum, () => MOVING),
  // the direction before is the gradient before, bit for bit, and so is its sign
  single('sgd, multiplied rates of parameters', hypergradient_momentum, () => ({ up: 1.2, down: 0.5, highest: 0.3 })),
  single(
    'momentum, rates of parameters',
    hypergradient_momentum,
    each(base => ({ ...MOVING, ...GUARDS, momentum: 0.9, dampening: 0.1, share: 0.5, base })),
  ),
  single('nesterov, rates of parameters', hypergradient_nesterov, () => ({ ...MOVING, momentum: 0.9 })),
  single('adam, rates of parameters', hypergradient_adam, t => {
    return { ...MOVING, hyperRate: 1e-3, correction: correction(t), correctionBefore: correction(t - 1) }
  }),
  single('rprop', rprop_step, () => ({ lowest: 1e-3, highest: 0.3 })),
  single(
    'idbd',
    idbd_step,
    each(metaRate => ({ metaRate, trace: 0.9, clip: 0.9, limit: 0.2, floor: 0 })),
  ),
]

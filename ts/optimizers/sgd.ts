import { finite, refuse } from '../core/checks.js'
import { gradient_products } from '../kernels/gradient_products.js'
import { hypergradient_momentum } from '../kernels/hypergradient_momentum.js'
import { hypergradient_nesterov } from '../kernels/hypergradient_nesterov.js'
import { momentum_step } from '../kernels/momentum_step.js'
import { nesterov_step } from '../kernels/nesterov_step.js'
import { sgd_step } from '../kernels/sgd_step.js'
import { GradientSteps } from './gradient-steps.js'
import type { Kind } from './kind.js'
import type { OptimizerOptions } from './options.js'
import { STEP_OPTIONS, share, stepScalars } from './scalars.js'

const OPTIONS: Partial<OptimizerOptions> = {
  learningRate: 1e-3,
  ...STEP_OPTIONS,
  scheduler: undefined,
  hypergradient: undefined,
  compat: undefined,
}

/** θ ← θ − α·g. With a hypergradient the direction, which is the gradient, is kept. */
export const sgd: Kind = {
  summary: 'stochastic gradient descent',
  formula: ['ĝ = clamp(g, ±clip) + weightDecay·p', 'p ← p − clamp(α·ĝ, ±limit)'],
  source: 'Robbins & Monro 1951; hypergradient: Baydin et al., ICLR 2018 (SGD-HD)',
  options: OPTIONS,
  make(setup) {
    const scalars = setup.each.map(options => ({ ...stepScalars(options), momentum: 0, dampening: 0 }))
    return new GradientSteps(setup, {
      plain: sgd_step,
      remembering: momentum_step,
      products: gradient_products,
      moving: hypergradient_momentum,
      scalars: group => scalars[group],
    })
  },
}

function dampeningOf({ dampening }: OptimizerOptions): number {
  if (finite('dampening', dampening) <= 1) return dampening as number
  throw refuse('dampening', dampening, 'a number from 0 to 1')
}

/** Heavy ball. The first step is not dampened, so that the velocity starts as the gradient, as in PyTorch and in HD's code. */
export const momentum: Kind = {
  summary: 'gradient descent with momentum',
  formula: [
    'ĝ = clamp(g, ±clip) + weightDecay·p',
    'u ← momentum·u + (1 − dampening)·ĝ, at t = 1 without dampening',
    'p ← p − clamp(α·u, ±limit)',
  ],
  source: 'Polyak 1964; Sutskever et al., ICML 2013; hypergradient: Baydin et al., ICLR 2018',
  options: { ...OPTIONS, momentum: 0.9, dampening: 0 },
  make(setup) {
    const scalars = setup.each.map(options => ({
      ...stepScalars(options),
      momentum: share('momentum', options.momentum),
      dampening: dampeningOf(options),
    }))
    return new GradientSteps(setup, {
      plain: momentum_step,
      remembering: momentum_step,
      products: gradient_products,
      moving: hypergradient_momentum,
      scalars: (group, step) => (step === 1 ? { ...scalars[group], dampening: 0 } : scalars[group]),
    })
  },
}

/** Nesterov's accelerated gradient, at the point that Sutskever et al. look ahead to. */
export const nesterov: Kind = {
  summary: 'gradient descent with Nesterov momentum',
  formula: [
    'ĝ = clamp(g, ±clip) + weightDecay·p',
    'v ← momentum·v + ĝ',
    'u ← ĝ + momentum·v',
    'p ← p − clamp(α·u, ±limit)',
  ],
  source: 'Nesterov 1983; Sutskever et al., ICML 2013; hypergradient: Baydin et al., ICLR 2018 (SGDN-HD)',
  options: { ...OPTIONS, momentum: 0.9 },
  make(setup) {
    const scalars = setup.each.map(options => ({
      ...stepScalars(options),
      momentum: share('momentum', options.momentum),
    }))
    return new GradientSteps(setup, {
      plain: nesterov_step,
      remembering: nesterov_step,
      products: gradient_products,
      moving: hypergradient_nesterov,
      scalars: group => scalars[group],
    })
  },
}

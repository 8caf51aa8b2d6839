import { between } from '../core/checks.js'
import { adam_products } from '../kernels/adam_products.js'
import { adam_step } from '../kernels/adam_step.js'
import { hypergradient_adam } from '../kernels/hypergradient_adam.js'
import { GradientSteps } from './gradient-steps.js'
import type { Kind } from './kind.js'
import type { OptimizerOptions } from './options.js'
import { pair, STEP_OPTIONS, share, stepScalars } from './scalars.js'

/** The bias correction √(1 − β₂ᵗ)/(1 − β₁ᵗ); before the first step the averages are zero, whatever it is. */
export function biasCorrection(
  { beta1, beta2 }: { readonly beta1: number; readonly beta2: number },
  step: number,
): number {
  return step === 0 ? 0 : Math.sqrt(1 - beta2 ** step) / (1 - beta1 ** step)
}

/** β₁, β₂ and ε as scalars of the kernels. */
export function adamScalars({ betas, epsilon }: OptimizerOptions): {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
} {
  const [beta1, beta2] = pair('betas', betas)
  return {
    beta1: share('betas[0]', beta1),
    beta2: share('betas[1]', beta2),
    epsilon: between('epsilon', epsilon, 0, Number.POSITIVE_INFINITY),
  }
}

/** Adam with L2 weight decay, as its authors have it. */
export const adam: Kind = {
  summary: 'averages of gradients over the roots of averages of their squares',
  formula: [
    'ĝ = clamp(g, ±clip) + weightDecay·p',
    'm ← β₁·m + (1 − β₁)·ĝ; v ← β₂·v + (1 − β₂)·ĝ²',
    'u = √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε)',
    'p ← p − clamp(α·u, ±limit)',
  ],
  source: 'Kingma & Ba, ICLR 2015, section 2; hypergradient: Baydin et al., ICLR 2018 (Adam-HD)',
  options: {
    learningRate: 1e-3,
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    ...STEP_OPTIONS,
    scheduler: undefined,
    hypergradient: undefined,
    compat: undefined,
  },
  make(setup) {
    const averages = setup.each.map(adamScalars)
    const scalars = setup.each.map((options, k) => ({ ...stepScalars(options), ...averages[k] }))
    return new GradientSteps(setup, {
      plain: adam_step,
      remembering: adam_step,
      products: adam_products,
      moving: hypergradient_adam,
      scalars: (group, step) => ({
        ...scalars[group],
        correction: biasCorrection(averages[group], step),
        correctionBefore: biasCorrection(averages[group], step - 1),
      }),
      factor: (group, step) => biasCorrection(averages[group], step - 1),
      loops: true,
    })
  },
}

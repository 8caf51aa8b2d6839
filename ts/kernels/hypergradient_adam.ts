import { ADAM_DEFAULTS, adamDirection } from './adam_step.js'
import {
  ADDITIVE,
  COMMON_SCALARS,
  GUARDED,
  gradientOf,
  MULTIPLICATIVE,
  move,
  moveRate,
  PLAIN,
  PROJECTED,
  RATE_DEFAULTS,
  RATE_SCALARS,
  type VectorKernel,
  vectorKernel,
} from './vector_kernel.js'

/**
 * `adam_step` with a rate for every parameter; rates and sums are as in `hypergradient_momentum`. `correction` is the bias
 * correction √(1 − β₂ᵗ)/(1 − β₁ᵗ) of this step, `correctionBefore` that of the step before, from whose averages its direction is
 * rebuilt; at t = 1 the averages are zero and the rates stay.
 */
export const hypergradient_adam: VectorKernel = vectorKernel({
  name: 'hypergradient_adam',
  formula: [
    'ĝ[i], f and rates[i] as in hypergradient_momentum with u[i] = correctionBefore·m[i] / (√squares[i] + epsilon)',
    'm[i] and squares[i] as in adam_step',
    'p[i] ← max(floor, p[i] − clamp((share·rates[i] + base)·correction·m[i] / (√squares[i] + epsilon), ±limit))',
    'gu = Σ ĝ[i]·u[i] with the u of the step before',
    'gg = Σ ĝ[i]²',
    'rates = Σ rates[i]',
  ],
  summary: 'per-parameter hypergradient step on Adam',
  source: 'Baydin et al., ICLR 2018 (Adam-HD), per parameter',
  scalars: [...COMMON_SCALARS, ...RATE_SCALARS, 'beta1', 'beta2', 'epsilon', 'correction', 'correctionBefore'],
  defaults: { ...RATE_DEFAULTS, ...ADAM_DEFAULTS },
  arrays: { p: 'inout', g: 'in', m: 'inout', squares: 'inout', rates: 'inout' },
  sums: ['gu', 'gg', 'rates'],
  exact: false,
  flops: 31,
  settings: [
    { ...PLAIN, ...ADDITIVE, beta1: 0.9, beta2: 0.999, epsilon: 1e-3, correction: 0.5, correctionBefore: 0.25 },
    { ...PROJECTED, ...MULTIPLICATIVE, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, correction: 1, correctionBefore: 0.75 },
    {
      ...GUARDED,
      ...ADDITIVE,
      share: 0.5,
      base: 0.25,
      beta1: 0.9,
      beta2: 0.9,
      epsilon: 0.1,
      correction: 1,
      correctionBefore: 1,
    },
  ],
  entry(d, arrays, i) {
    const { m, squares, rates } = arrays
    const gradient = gradientOf(d, arrays, i)
    const before = (d.correctionBefore * m[i]) / (Math.sqrt(squares[i]) + d.epsilon)
    const rate = moveRate(d, arrays, i, gradient, before)
    const direction = adamDirection(d, arrays, i, gradient)
    move(d, arrays, i, rate * d.correction * direction)
    return [gradient * before, gradient * gradient, rates[i]]
  },
})

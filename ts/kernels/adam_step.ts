import type { Dims } from './spec.js'
import {
  COMMON_SCALARS,
  GUARDED,
  gradientOf,
  kept,
  move,
  PLAIN,
  PROJECTED,
  type VectorArrays,
  type VectorKernel,
  vectorKernel,
} from './vector_kernel.js'

/** Moves the averages of Adam and answers its direction without the bias correction. */
export function adamDirection(d: Dims, { m, squares }: VectorArrays, i: number, gradient: number): number {
  m[i] = kept(d.beta1 * m[i] + (1 - d.beta1) * gradient)
  squares[i] = kept(d.beta2 * squares[i] + (1 - d.beta2) * gradient * gradient)
  return m[i] / (Math.sqrt(squares[i]) + d.epsilon)
}

export const ADAM_DEFAULTS: Dims = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/**
 * `correction` is the bias correction √(1 − β₂ᵗ)/(1 − β₁ᵗ) of step t = 1, 2, … With epsilon as it is this is the form at the
 * end of section 2 of the paper; its algorithm 1 has epsilon·√(1 − β₂ᵗ) in its place. epsilon must be above 0.
 */
export const adam_step: VectorKernel = vectorKernel({
  name: 'adam_step',
  formula: [
    'ĝ[i] = clamp(g[i], ±clip) + decay·p[i]',
    'm[i] ← beta1·m[i] + (1 − beta1)·ĝ[i]',
    'squares[i] ← beta2·squares[i] + (1 − beta2)·ĝ[i]²',
    'u[i] = m[i] / (√squares[i] + epsilon)',
    'p[i] ← max(floor, p[i] − clamp(rate·correction·u[i], ±limit))',
    'gg = Σ ĝ[i]²',
    'uu = Σ u[i]²',
  ],
  summary: 'Adam step',
  source: 'Kingma & Ba, ICLR 2015, section 2',
  scalars: [...COMMON_SCALARS, 'rate', 'beta1', 'beta2', 'epsilon', 'correction'],
  defaults: ADAM_DEFAULTS,
  arrays: { p: 'inout', g: 'in', m: 'inout', squares: 'inout' },
  sums: ['gg', 'uu'],
  exact: false,
  flops: 19,
  settings: [
    { ...PLAIN, rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-3, correction: 0.5 },
    { ...PROJECTED, rate: 0.5, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, correction: 1 },
    { ...GUARDED, rate: 0.3, beta1: 0.9, beta2: 0.99, epsilon: 0.1, correction: 0.75 },
  ],
  entry(d, arrays, i) {
    const gradient = gradientOf(d, arrays, i)
    const direction = adamDirection(d, arrays, i, gradient)
    move(d, arrays, i, d.rate * d.correction * direction)
    return [gradient * gradient, direction * direction]
  },
})

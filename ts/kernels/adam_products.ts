import { GUARDED, gradientOf, PLAIN, type VectorKernel, vectorKernel } from './vector_kernel.js'

/**
 * As `gradient_products`, for the direction of Adam, which is rebuilt from its averages as the step before left them. The
 * bias correction √(1 − β₂ᵗ)/(1 − β₁ᵗ) of that step is one factor for all entries and left to the caller: it goes into gu
 * once and into uu twice. Before the first step m is zero, and so are gu and uu.
 */
export const adam_products: VectorKernel = vectorKernel({
  name: 'adam_products',
  formula: [
    'ĝ[i] as in gradient_products',
    'u[i] = m[i] / (√squares[i] + epsilon)',
    'gu = Σ ĝ[i]·u[i]',
    'gg = Σ ĝ[i]²',
    'uu = Σ u[i]²',
  ],
  summary: 'inner products of the gradient with the direction of the Adam step before',
  source: 'Baydin et al., ICLR 2018 (Adam-HD)',
  scalars: ['decay', 'clip', 'epsilon'],
  defaults: { epsilon: 1e-8 },
  arrays: { p: 'in', g: 'in', m: 'in', squares: 'in' },
  sums: ['gu', 'gg', 'uu'],
  exact: false,
  flops: 11,
  settings: [
    { decay: PLAIN.decay, clip: PLAIN.clip, epsilon: 1e-3 },
    { decay: GUARDED.decay, clip: GUARDED.clip, epsilon: 0.5 },
  ],
  entry(d, arrays, i) {
    const gradient = gradientOf(d, arrays, i)
    const before = arrays.m[i] / (Math.sqrt(arrays.squares[i]) + d.epsilon)
    return [gradient * before, gradient * gradient, before * before]
  },
})

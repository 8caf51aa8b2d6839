import { GUARDED, gradientOf, PLAIN, type VectorKernel, vectorKernel } from './vector_kernel.js'

/**
 * What a hypergradient rule for one rate, global or of a group, wants to know before the step: the rate is moved first,
 * and the step is made with it. Additive: rate + hyperRate·gu; multiplicative: rate·(1 + hyperRate·gu / √(gg·uu)).
 */
export const gradient_products: VectorKernel = vectorKernel({
  name: 'gradient_products',
  formula: ['ĝ[i] = clamp(g[i], ±clip) + decay·p[i]', 'gu = Σ ĝ[i]·u[i]', 'gg = Σ ĝ[i]²', 'uu = Σ u[i]²'],
  summary: 'inner products of the gradient with the direction of the step before',
  source: 'Baydin et al., Online learning rate adaptation with hypergradient descent, ICLR 2018',
  scalars: ['decay', 'clip'],
  arrays: { p: 'in', g: 'in', u: 'in' },
  sums: ['gu', 'gg', 'uu'],
  exact: true,
  flops: 8,
  settings: [
    { decay: PLAIN.decay, clip: PLAIN.clip },
    { decay: GUARDED.decay, clip: GUARDED.clip },
  ],
  entry(d, arrays, i) {
    const gradient = gradientOf(d, arrays, i)
    const before = arrays.u[i]
    return [gradient * before, gradient * gradient, before * before]
  },
})

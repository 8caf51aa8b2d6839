import {
  COMMON_SCALARS,
  GUARDED,
  gradientOf,
  kept,
  move,
  PLAIN,
  PROJECTED,
  type VectorKernel,
  vectorKernel,
} from './vector_kernel.js'

/**
 * The first step of a run takes dampening 0, so that the velocity starts as the gradient. The sums are of one pass: gu is
 * the inner product with the direction of the step before, so a caller may let it drive the next rate instead of this one
 * and save the pass of `gradient_products`; uu belongs to the new direction.
 */
export const momentum_step: VectorKernel = vectorKernel({
  name: 'momentum_step',
  formula: [
    'ĝ[i] = clamp(g[i], ±clip) + decay·p[i]',
    'gu = Σ ĝ[i]·u[i]',
    'u[i] ← momentum·u[i] + (1 − dampening)·ĝ[i]',
    'p[i] ← max(floor, p[i] − clamp(rate·u[i], ±limit))',
    'gg = Σ ĝ[i]²',
    'uu = Σ u[i]²',
  ],
  summary: 'gradient step with momentum; with momentum 0 the plain step that remembers its direction',
  source: 'Polyak 1964; Sutskever et al., ICML 2013',
  scalars: [...COMMON_SCALARS, 'rate', 'momentum', 'dampening'],
  defaults: { momentum: 0, dampening: 0 },
  arrays: { p: 'inout', g: 'in', u: 'inout' },
  sums: ['gu', 'gg', 'uu'],
  exact: true,
  flops: 14,
  settings: [
    { ...PLAIN, rate: 0.25, momentum: 0.5, dampening: 0 },
    { ...PROJECTED, rate: 0.5, momentum: 0, dampening: 0 },
    { ...GUARDED, rate: 0.25, momentum: 0.5, dampening: 0.5 },
  ],
  entry(d, arrays, i) {
    const { u } = arrays
    const gradient = gradientOf(d, arrays, i)
    const before = u[i]
    u[i] = kept(d.momentum * before + (1 - d.dampening) * gradient)
    move(d, arrays, i, d.rate * u[i])
    return [gradient * before, gradient * gradient, u[i] * u[i]]
  },
})

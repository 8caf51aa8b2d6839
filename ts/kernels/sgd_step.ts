import {
  COMMON_SCALARS,
  GUARDED,
  gradientOf,
  move,
  PLAIN,
  PROJECTED,
  type VectorKernel,
  vectorKernel,
} from './vector_kernel.js'

/** The step without a memory. Where a hypergradient is wanted, `momentum_step` with momentum 0 keeps the direction. */
export const sgd_step: VectorKernel = vectorKernel({
  name: 'sgd_step',
  formula: [
    'ĝ[i] = clamp(g[i], ±clip) + decay·p[i]',
    'p[i] ← max(floor, p[i] − clamp(rate·ĝ[i], ±limit))',
    'gg = Σ ĝ[i]²',
  ],
  summary: 'stochastic gradient step, projected and clipped',
  source: 'Robbins & Monro 1951; projection: Bertsekas 1976',
  scalars: [...COMMON_SCALARS, 'rate'],
  arrays: { p: 'inout', g: 'in' },
  sums: ['gg'],
  exact: true,
  flops: 6,
  settings: [
    { ...PLAIN, rate: 0.25 },
    { ...PROJECTED, rate: 0.5 },
    { ...GUARDED, rate: 0.25 },
  ],
  entry(d, arrays, i) {
    const gradient = gradientOf(d, arrays, i)
    move(d, arrays, i, d.rate * gradient)
    return [gradient * gradient]
  },
})

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

/** Keeps the direction beside the velocity, for the hypergradient of the next step; the sums are as in `momentum_step`. */
export const nesterov_step: VectorKernel = vectorKernel({
  name: 'nesterov_step',
  formula: [
    'ĝ[i] = clamp(g[i], ±clip) + decay·p[i]',
    'gu = Σ ĝ[i]·u[i]',
    'v[i] ← momentum·v[i] + ĝ[i]',
    'u[i] ← ĝ[i] + momentum·v[i]',
    'p[i] ← max(floor, p[i] − clamp(rate·u[i], ±limit))',
    'gg = Σ ĝ[i]²',
    'uu = Σ u[i]²',
  ],
  summary: 'gradient step with Nesterov momentum',
  source: 'Nesterov 1983; in this form Sutskever et al., ICML 2013; SGDN of Baydin et al., ICLR 2018',
  scalars: [...COMMON_SCALARS, 'rate', 'momentum'],
  arrays: { p: 'inout', g: 'in', u: 'inout', v: 'inout' },
  sums: ['gu', 'gg', 'uu'],
  exact: true,
  flops: 16,
  settings: [
    { ...PLAIN, rate: 0.25, momentum: 0.5 },
    { ...PROJECTED, rate: 0.5, momentum: 0.75 },
    { ...GUARDED, rate: 0.25, momentum: 0.5 },
  ],
  entry(d, arrays, i) {
    const { u, v } = arrays
    const gradient = gradientOf(d, arrays, i)
    const before = u[i]
    v[i] = kept(d.momentum * v[i] + gradient)
    u[i] = gradient + d.momentum * v[i]
    move(d, arrays, i, d.rate * u[i])
    return [gradient * before, gradient * gradient, u[i] * u[i]]
  },
})

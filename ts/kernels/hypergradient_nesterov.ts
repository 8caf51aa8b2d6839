import {
  ADDITIVE,
  COMMON_SCALARS,
  GUARDED,
  gradientOf,
  kept,
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

/** `nesterov_step` with a rate for every parameter; rates and sums are as in `hypergradient_momentum`. */
export const hypergradient_nesterov: VectorKernel = vectorKernel({
  name: 'hypergradient_nesterov',
  formula: [
    'ĝ[i], f and rates[i] as in hypergradient_momentum',
    'v[i] ← momentum·v[i] + ĝ[i]',
    'u[i] ← ĝ[i] + momentum·v[i]',
    'p[i] ← max(floor, p[i] − clamp((share·rates[i] + base)·u[i], ±limit))',
    'gu = Σ ĝ[i]·u[i] with the u before',
    'gg = Σ ĝ[i]²',
    'rates = Σ rates[i]',
  ],
  summary: 'per-parameter hypergradient step with Nesterov momentum',
  source: 'Baydin et al., ICLR 2018 (SGDN-HD), per parameter',
  scalars: [...COMMON_SCALARS, ...RATE_SCALARS, 'momentum'],
  defaults: RATE_DEFAULTS,
  arrays: { p: 'inout', g: 'in', u: 'inout', v: 'inout', rates: 'inout' },
  sums: ['gu', 'gg', 'rates'],
  exact: true,
  flops: 24,
  settings: [
    { ...PLAIN, ...ADDITIVE, momentum: 0.5 },
    { ...PROJECTED, ...MULTIPLICATIVE, momentum: 0.75 },
    { ...GUARDED, ...ADDITIVE, share: 0.5, base: 0.25, momentum: 0.5 },
  ],
  entry(d, arrays, i) {
    const { u, v, rates } = arrays
    const gradient = gradientOf(d, arrays, i)
    const before = u[i]
    const rate = moveRate(d, arrays, i, gradient, before)
    v[i] = kept(d.momentum * v[i] + gradient)
    u[i] = gradient + d.momentum * v[i]
    move(d, arrays, i, rate * u[i])
    return [gradient * before, gradient * gradient, rates[i]]
  },
})

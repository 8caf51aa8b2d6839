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

/**
 * `momentum_step` where every parameter has a rate of its own, moved by its own hypergradient before it is used; one pass.
 * The rate of the step is share·rates[i] + base: with share = δ(t) and base = (1 − δ(t))·α∞ this is the variant whose
 * convergence Baydin et al. prove; share alone is a schedule over all rates. `rates` is Σ rates[i], for their mean.
 */
export const hypergradient_momentum: VectorKernel = vectorKernel({
  name: 'hypergradient_momentum',
  formula: [
    'ĝ[i] = clamp(g[i], ±clip) + decay·p[i]',
    'f = ĝ[i]·u[i] > 0 ? up : ĝ[i]·u[i] < 0 ? down : 1',
    'rates[i] ← clamp(f·rates[i] + hyperRate·ĝ[i]·u[i], lowest, highest)',
    'u[i] ← momentum·u[i] + (1 − dampening)·ĝ[i]',
    'p[i] ← max(floor, p[i] − clamp((share·rates[i] + base)·u[i], ±limit))',
    'gu = Σ ĝ[i]·u[i] with the u before',
    'gg = Σ ĝ[i]²',
    'rates = Σ rates[i]',
  ],
  summary: 'per-parameter hypergradient step, plain or with momentum',
  source:
    'Baydin et al., ICLR 2018 (SGD-HD), per parameter; the multiplicative rule becomes that of Rprop (Riedmiller & Braun 1993)',
  scalars: [...COMMON_SCALARS, ...RATE_SCALARS, 'momentum', 'dampening'],
  defaults: { ...RATE_DEFAULTS, momentum: 0, dampening: 0 },
  arrays: { p: 'inout', g: 'in', u: 'inout', rates: 'inout' },
  sums: ['gu', 'gg', 'rates'],
  exact: true,
  flops: 22,
  settings: [
    { ...PLAIN, ...ADDITIVE, momentum: 0, dampening: 0 },
    { ...PROJECTED, ...MULTIPLICATIVE, momentum: 0.5, dampening: 0 },
    { ...GUARDED, ...ADDITIVE, share: 0.5, base: 0.25, momentum: 0.5, dampening: 0.5 },
  ],
  entry(d, arrays, i) {
    const { u, rates } = arrays
    const gradient = gradientOf(d, arrays, i)
    const before = u[i]
    const rate = moveRate(d, arrays, i, gradient, before)
    u[i] = kept(d.momentum * before + (1 - d.dampening) * gradient)
    move(d, arrays, i, rate * u[i])
    return [gradient * before, gradient * gradient, rates[i]]
  },
})

import {
  COMMON_SCALARS,
  clamp,
  GUARDED,
  gradientOf,
  kept,
  move,
  PLAIN,
  PROJECTED,
  RATE_DEFAULTS,
  type VectorKernel,
  vectorKernel,
} from './vector_kernel.js'

/** No logarithm of a rate moves by more in one step, as Sutton advises. */
const MOST = 2

/**
 * A rate for every parameter, whose logarithm moves by the hypergradient: so it stays positive, and moves by shares of
 * itself. u is the trace of steps, −h in the paper. There the trace decays by [1 − rates·x²]⁺ with x the input of a linear
 * unit; here, where only a gradient is known, by a constant, which is ours.
 */
export const idbd_step: VectorKernel = vectorKernel({
  name: 'idbd_step',
  formula: [
    'ĝ[i] = clamp(g[i], ±clip) + decay·p[i]',
    'rates[i] ← clamp(rates[i]·exp(clamp(metaRate·ĝ[i]·u[i], ±2)), lowest, highest)',
    'p[i] ← max(floor, p[i] − clamp(rates[i]·ĝ[i], ±limit))',
    'gu = Σ ĝ[i]·u[i]',
    'u[i] ← trace·u[i] + rates[i]·ĝ[i]',
    'gg = Σ ĝ[i]²',
    'rates = Σ rates[i]',
  ],
  summary: 'gradient step with a rate for every parameter, moved on a logarithmic scale',
  source: 'Sutton, Adapting bias by gradient descent: an incremental version of delta-bar-delta, AAAI 1992',
  scalars: [...COMMON_SCALARS, 'metaRate', 'trace', 'lowest', 'highest'],
  defaults: { lowest: RATE_DEFAULTS.lowest, highest: RATE_DEFAULTS.highest },
  arrays: { p: 'inout', g: 'in', u: 'inout', rates: 'inout' },
  sums: ['gu', 'gg', 'rates'],
  exact: false,
  flops: 35,
  settings: [
    { ...PLAIN, metaRate: 0.1, trace: 0.9, lowest: 0, highest: Number.POSITIVE_INFINITY },
    { ...PROJECTED, metaRate: 5, trace: 0, lowest: 0.125, highest: 2 },
    { ...GUARDED, metaRate: 0, trace: 0.5, lowest: 0, highest: 1 },
  ],
  entry(d, arrays, i) {
    const { u, rates } = arrays
    const gradient = gradientOf(d, arrays, i)
    const before = u[i]
    const change = clamp(d.metaRate * gradient * before, -MOST, MOST)
    rates[i] = clamp(rates[i] * Math.exp(change), d.lowest, d.highest)
    const step = rates[i] * gradient
    u[i] = kept(d.trace * before + step)
    move(d, arrays, i, step)
    return [gradient * before, gradient * gradient, rates[i]]
  },
})

import {
  COMMON_SCALARS,
  clamp,
  GUARDED,
  gradientOf,
  move,
  PLAIN,
  PROJECTED,
  type VectorKernel,
  vectorKernel,
} from './vector_kernel.js'

/**
 * Steps by the sign of the gradient alone, with a rate for every parameter: it grows while the sign stays and shrinks where
 * it changes. This is the form without a way back (RPROP⁻). u keeps signs, so that no product of two small gradients is
 * taken for a zero; before the first step it is zero, and the rates stay.
 */
export const rprop_step: VectorKernel = vectorKernel({
  name: 'rprop_step',
  formula: [
    'ĝ[i] = clamp(g[i], ±clip) + decay·p[i]',
    'f = ĝ[i]·u[i] > 0 ? up : ĝ[i]·u[i] < 0 ? down : 1',
    'rates[i] ← clamp(f·rates[i], lowest, highest)',
    'u[i] ← sign(ĝ[i])',
    'p[i] ← max(floor, p[i] − clamp(rates[i]·u[i], ±limit))',
    'gg = Σ ĝ[i]²',
    'rates = Σ rates[i]',
  ],
  summary: 'step by the signs of the gradient, with a rate for every parameter',
  source: 'Riedmiller & Braun 1993; in this form Riedmiller 1994, RPROP⁻ of Igel & Hüsken, Neurocomputing 2003',
  scalars: [...COMMON_SCALARS, 'up', 'down', 'lowest', 'highest'],
  defaults: { up: 1.2, down: 0.5, lowest: 1e-6, highest: 50 },
  arrays: { p: 'inout', g: 'in', u: 'inout', rates: 'inout' },
  sums: ['gg', 'rates'],
  exact: true,
  flops: 11,
  settings: [
    { ...PLAIN, up: 1.5, down: 0.5, lowest: 0.25, highest: 64 },
    { ...PROJECTED, up: 1.25, down: 0.5, lowest: 0.5, highest: 2 },
    { ...GUARDED, up: 1.5, down: 0.75, lowest: 0.5, highest: 4 },
  ],
  entry(d, arrays, i) {
    const { u, rates } = arrays
    const gradient = gradientOf(d, arrays, i)
    const agreement = gradient * u[i]
    const factor = agreement > 0 ? d.up : agreement < 0 ? d.down : 1
    rates[i] = clamp(factor * rates[i], d.lowest, d.highest)
    u[i] = Math.sign(gradient)
    move(d, arrays, i, rates[i] * u[i])
    return [gradient * gradient, rates[i]]
  },
})

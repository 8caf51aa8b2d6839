import { GUARDED, gradientOf, kept, PLAIN, type VectorKernel, vectorKernel } from './vector_kernel.js'

/**
 * What the learning-rate-free methods estimate the distance to the solution from: the weighted sum s of all gradients, its
 * 1-norm, and how far the gradient points back to the start. Differences of parameters are taken entry by entry before they
 * are multiplied: ⟨ĝ, start⟩ − ⟨ĝ, p⟩ would cancel while the parameters have hardly moved.
 */
export const dual_average: VectorKernel = vectorKernel({
  name: 'dual_average',
  formula: [
    'ĝ[i] = clamp(g[i], ±clip) + decay·p[i]',
    's[i] ← keep·s[i] + weight·ĝ[i]',
    'gd = Σ ĝ[i]·(start[i] − p[i])',
    'gg = Σ ĝ[i]²',
    'absolute = Σ |s[i]|',
  ],
  summary: 'weighted sum of gradients, its 1-norm, and the gradient along the way back to the start',
  source: 'Defazio & Mishchenko, ICML 2023 (D-Adaptation); Mishchenko & Defazio, ICML 2024 (Prodigy)',
  scalars: ['decay', 'clip', 'keep', 'weight'],
  defaults: { keep: 1, weight: 1 },
  arrays: { p: 'in', g: 'in', start: 'in', s: 'inout' },
  sums: ['gd', 'gg', 'absolute'],
  exact: true,
  flops: 13,
  settings: [
    { decay: PLAIN.decay, clip: PLAIN.clip, keep: 0.5, weight: 0.25 },
    { decay: GUARDED.decay, clip: GUARDED.clip, keep: 1, weight: 0.5 },
  ],
  entry(d, arrays, i) {
    const { p, start, s } = arrays
    const gradient = gradientOf(d, arrays, i)
    s[i] = kept(d.keep * s[i] + d.weight * gradient)
    return [gradient * (start[i] - p[i]), gradient * gradient, Math.abs(s[i])]
  },
})

import type { MatrixView } from '../core/matrix.js'

/**
 * The β-divergence d(x | u) and its derivatives in u, entry by entry (Févotte & Idier, Neural Computation 2011,
 * equation 2 and section 3). β = 2 is half the squared difference, 1 Kullback–Leibler, 0 Itakura–Saito.
 */

/** What negative powers and logarithms take for a u of 0: 2⁻²³, the machine epsilon of float32, as scikit-learn has it. */
export const LEAST_MODEL: number = 2 ** -23

/**
 * u as powers and logarithms take it: for 1 ≤ β ≤ 2 never below 2⁻²³. Multiplicative updates send many u further down, and
 * elsewhere these count. Below β = 1 u^β / β is all that the divergence is where x = 0, and at 2⁻²³ still 7·10⁻⁴ for β = ½;
 * so u goes as far as u^(β−3) stays within float64, in a float32 fit within float32 (2¹⁰⁰ in place of 2¹⁰⁰⁰). Above β = 2 x
 * pulls by less than x·u, and a component that is nearly gone would grow from 2⁻²³.
 */
function safe(u: number, beta: number): number {
  if (beta > 2) return Math.max(u, 2 ** -1000)
  return beta < 1 && u > 0 ? Math.max(u, 2 ** -Math.floor(1000 / (3 - beta))) : Math.max(u, LEAST_MODEL)
}

/**
 * u as coordinate descent takes it for its steps. It keeps u up to date by differences: what is left of a u below 2⁻²³ are
 * rounding errors, which u^(β−1) would make large.
 */
export function steady(u: number, beta: number): number {
  return beta === 2 ? u : Math.max(u, LEAST_MODEL)
}

/** d(x | u) for x, u ≥ 0; for β ≤ 0 x must be above 0. */
export function divergence(x: number, u: number, beta: number): number {
  if (beta === 2) return 0.5 * (x - u) ** 2
  const model = safe(u, beta)
  if (beta === 1) return (x > 0 ? x * Math.log(x / model) : 0) - x + u
  if (beta === 0) return x / model - Math.log(x / model) - 1
  const constant = beta > 0 || x > 0 ? x ** beta : 0
  // above β = 0 u^β is 0 where u is
  const power = model ** (beta - 1) * (beta > 0 ? Math.max(0, u) : model)
  return (constant + (beta - 1) * power - beta * x * model ** (beta - 1)) / (beta * (beta - 1))
}

/** x·u^(β−2): what the data pull with. The gradient is `pull` subtracted from `push`. */
export function pull(x: number, u: number, beta: number): number {
  if (beta === 2) return x
  return x * safe(u, beta) ** (beta - 2)
}

/** u^(β−1): what the model pushes back with. */
export function push(u: number, beta: number): number {
  if (beta === 2) return u
  if (beta === 1) return 1
  return safe(u, beta) ** (beta - 1)
}

/**
 * Second derivative of the convex part of d: [β−1]₊·u^(β−2) + [2−β]₊·x·u^(β−3). For 1 ≤ β ≤ 2 that is all of d; elsewhere
 * the concave rest is left out, as in the majorisation of Févotte & Idier (section 4.1), so that it is never negative.
 */
export function curvature(x: number, u: number, beta: number): number {
  if (beta === 2) return 1
  const model = safe(u, beta)
  return Math.max(0, beta - 1) * model ** (beta - 2) + Math.max(0, 2 - beta) * x * model ** (beta - 3)
}

/** Exponent under which the multiplicative update cannot raise the loss (Févotte & Idier, equation 4.1 and table 2). */
export function updateExponent(beta: number): number {
  if (beta < 1) return 1 / (2 - beta)
  if (beta > 2) return 1 / (beta - 1)
  return 1
}

/** Extra roundings of one power u^p in f32, on top of those of its operand. */
export const POWER_ROUNDINGS = 64

/** By which factor a relative error of u comes back in the powers above. */
export function sensitivity(beta: number): number {
  return Math.max(1, Math.abs(beta - 1), Math.abs(beta - 2), Math.abs(beta - 3))
}

/**
 * How the products of a fit with X are formed.
 * - gram: β = 2 without weights, by X·Hᵀ and H·Hᵀ; W·H never appears.
 * - entries: at the listed entries of a CSR X alone.
 * - tile: W·H of one cache-sized tile after another, whatever X, loss and weights are.
 */
export type Family = 'gram' | 'entries' | 'tile'

export function familyOf(X: Pick<MatrixView, 'kind'>, beta: number, weights?: { readonly kind: string }): Family {
  if (beta === 2 && !weights) return 'gram'
  const listed = weights ? weights.kind === 'entries' : beta === 1
  return X.kind === 'csr' && listed ? 'entries' : 'tile'
}

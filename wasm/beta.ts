// The β-divergence and its derivatives in all lanes; the formulas are those of ts/kernels/beta.ts.

import { ln, positivePower, power } from './powers'

/** 2⁻²³: what negative powers of the model and its logarithm take for a model of 0. */
function leastModel(): v128 {
  return v128.splat<Real>(<Real>1.1920928955078125e-7)
}

/** 2⁻ᵏ, k being the whole part of 100 / by, of 1000 / by in float64. */
function leastPower(by: Real): v128 {
  if (sizeof<Real>() == 8) return i64x2.splat((1023 - <i64>(<Real>1000 / by)) << 52)
  return i32x4.splat((127 - <i32>(<Real>100 / by)) << 23)
}

/** The model as its powers and logarithms take it: see `safe` in ts/kernels/beta.ts. */
export function safe(u: v128, beta: Real): v128 {
  if (beta > 2) return v128.pmax<Real>(u, leastPower(1))
  if (beta >= 1) return v128.pmax<Real>(u, leastModel())
  const above = v128.gt<Real>(u, v128.splat<Real>(0))
  return v128.pmax<Real>(u, v128.bitselect(leastPower(<Real>3 - beta), leastModel(), above))
}

/** The model as coordinate descent takes it for its steps: see `steady` in ts/kernels/beta.ts. */
export function steady(u: v128): v128 {
  return v128.pmax<Real>(u, leastModel())
}

/** u^(β−2), by which data pull; `u` must be safe. */
export function pull(u: v128, beta: Real): v128 {
  // the loss of sparse counts: worth a short cut
  if (beta == 1) return v128.div<Real>(v128.splat<Real>(1), u)
  return power(u, beta - 2)
}

/** u^(β−1), with which the model pushes back, from what it pulls by; `u` must be safe unless β = 2. */
export function push(u: v128, pulled: v128, beta: Real): v128 {
  return beta == 1 ? v128.splat<Real>(1) : v128.mul<Real>(u, pulled)
}

/** [β−1]₊·u^(β−2) + [2−β]₊·x·u^(β−3); `u` must be safe. */
export function curvature(x: v128, u: v128, pulled: v128, beta: Real): v128 {
  if (beta == 2) return v128.splat<Real>(1)
  if (beta == 1) return v128.mul<Real>(x, v128.mul<Real>(pulled, pulled))
  const bent = v128.mul<Real>(v128.splat<Real>(max<Real>(0, beta - 1)), pulled)
  if (beta > 2) return bent
  const steeper = v128.div<Real>(v128.mul<Real>(x, pulled), u)
  return v128.add<Real>(bent, v128.mul<Real>(v128.splat<Real>(2 - beta), steeper))
}

/** d(x | u), from the model itself, the safe one, and what data pull by there; for β = 1 without + u where `zeros`. */
export function divergence(x: v128, u: v128, safeU: v128, pulled: v128, beta: Real, zeros: bool): v128 {
  if (beta == 2) {
    const difference = v128.sub<Real>(x, u)
    return v128.mul<Real>(v128.splat<Real>(0.5), v128.mul<Real>(difference, difference))
  }
  if (beta == 1) {
    const difference = zeros ? v128.neg<Real>(x) : v128.sub<Real>(u, x)
    return v128.add<Real>(v128.mul<Real>(x, ln(v128.mul<Real>(x, pulled))), difference)
  }
  if (beta == 0) {
    const ratio = v128.div<Real>(x, safeU)
    return v128.sub<Real>(v128.sub<Real>(ratio, ln(ratio)), v128.splat<Real>(1))
  }
  const pushed = v128.mul<Real>(safeU, pulled)
  // above β = 0 u^β is 0 where u is
  const risen = beta > 0 ? v128.pmax<Real>(v128.splat<Real>(0), u) : safeU
  const model = v128.mul<Real>(v128.splat<Real>(beta - 1), v128.mul<Real>(risen, pushed))
  const cross = v128.mul<Real>(v128.splat<Real>(beta), v128.mul<Real>(x, pushed))
  const sum = v128.add<Real>(positivePower(x, beta), v128.sub<Real>(model, cross))
  return v128.mul<Real>(v128.splat<Real>(1 / (beta * (beta - 1))), sum)
}

// What the rules share that move entries along a gradient.

import { smallest } from './simd'

/** Entries that were moved by their gradients, projected to [0, most]. */
export function bounded(moved: v128, most: v128): v128 {
  return v128.and(v128.pmin<Real>(moved, most), v128.ge<Real>(moved, v128.splat<Real>(smallest())))
}

/** What of the gradients counts: at a bound what would lead away from it, all of it between; without its sign. */
export function counts(f: v128, gradient: v128, most: v128): v128 {
  const zero = v128.splat<Real>(0)
  const below = v128.bitselect(v128.pmax<Real>(gradient, zero), gradient, v128.ge<Real>(f, most))
  return v128.abs<Real>(v128.bitselect(below, v128.pmin<Real>(gradient, zero), v128.gt<Real>(f, zero)))
}

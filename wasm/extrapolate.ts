import { loadLanes, storeLanes } from './lanes'
import { bounded } from './moves'
import { LANES } from './simd'

/**
 * F ← min(most, max(0, F + weight·(F − P))), but as it is where the step is 0, and P ← F as it was before; both are `length`
 * elements.
 */
export function extrapolate(length: usize, f: usize, p: usize, weight: Real, most: Real): void {
  const share = v128.splat<Real>(weight)
  const bound = v128.splat<Real>(most)
  const zero = v128.splat<Real>(0)
  for (let i: usize = 0; i < length; i += LANES, f += 16, p += 16) {
    const left = length - i
    const now = loadLanes(f, left)
    const step = v128.mul<Real>(share, v128.sub<Real>(now, loadLanes(p, left)))
    const moved = bounded(v128.add<Real>(now, step), bound)
    storeLanes(f, v128.bitselect(now, moved, v128.eq<Real>(step, zero)), left)
    storeLanes(p, now, left)
  }
}

import { loadLanes, storeLanes } from './lanes'
import { bounded } from './moves'
import { LANES, multiplyAdd } from './simd'

/** F ← min(most, max(0, F + weight·(F − P))), and P ← F as it was before; both are `length` elements. */
export function extrapolate(length: usize, f: usize, p: usize, weight: Real, most: Real): void {
  const share = v128.splat<Real>(weight)
  const bound = v128.splat<Real>(most)
  for (let i: usize = 0; i < length; i += LANES, f += 16, p += 16) {
    const left = length - i
    const now = loadLanes(f, left)
    const step = v128.sub<Real>(now, loadLanes(p, left))
    storeLanes(f, bounded(multiplyAdd(now, share, step), bound), left)
    storeLanes(p, now, left)
  }
}

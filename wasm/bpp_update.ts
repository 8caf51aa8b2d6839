import { forget, startOf, WIDE, wantedOf, widthOf } from './free_components'
import { moveToMinimum } from './pivoting'
import { at } from './simd'

/**
 * Each row of F ← argmin over [0, most] of ½·fᵀ(G + l2·I)f − (N[i] − l1)ᵀf by block principal pivoting, from the components
 * between the bounds; F and N are rows × rank, G rank × rank. Columns from `moving` on stay, and the others reckon with them.
 * `scratch` holds what `bppScratch` in ts/backends/wasm/kernels.ts says, at a multiple of 8. `violation`, an f64, grows by the
 * sum of the projected gradient before the rows move.
 */
export function bpp_update(
  rows: usize,
  rank: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  g: usize,
  gStride: usize,
  l1: f64,
  l2: f64,
  moving: usize,
  most: f64,
  scratch: usize,
  violation: usize,
): void {
  const width = widthOf(rank)
  const wanted = wantedOf(scratch, width)
  const start = startOf(scratch, width)
  for (let r: usize = 0; r < moving; r++) {
    for (let s: usize = 0; s < moving; s++)
      store<f64>(scratch + (r * width + s) * WIDE, <f64>load<Real>(at(g, gStride, r, s)) + (r == s ? l2 : 0))
  }
  let size = forget(scratch, width)
  for (let i: usize = 0; i < rows; i++) {
    for (let r: usize = 0; r < moving; r++) {
      let right = <f64>load<Real>(at(n, nStride, i, r)) - l1
      for (let s = moving; s < rank; s++)
        right -= <f64>load<Real>(at(f, fStride, i, s)) * <f64>load<Real>(at(g, gStride, s, r))
      store<f64>(start + r * WIDE, <f64>load<Real>(at(f, fStride, i, r)))
      store<f64>(wanted + r * WIDE, right)
    }
    size = moveToMinimum(moving, size, at(f, fStride, i, 0), most, scratch, width, violation)
  }
}

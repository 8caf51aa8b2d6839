import { at, LANES } from './simd'

/** A square of 4 × 4 f32 by two rounds of shuffles, or of 2 × 2 f64 by one. */
function tile(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  const r0 = v128.load(from)
  const r1 = v128.load(from + fromStride)
  if (sizeof<Real>() == 8) {
    v128.store(to, v128.shuffle<f64>(r0, r1, 0, 2))
    v128.store(to + toStride, v128.shuffle<f64>(r0, r1, 1, 3))
    return
  }
  const r2 = v128.load(from + 2 * fromStride)
  const r3 = v128.load(from + 3 * fromStride)
  const a = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const b = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const c = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const d = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<f64>(a, b, 0, 2))
  v128.store(to + toStride, v128.shuffle<f64>(a, b, 1, 3))
  v128.store(to + 2 * toStride, v128.shuffle<f64>(c, d, 0, 2))
  v128.store(to + 3 * toStride, v128.shuffle<f64>(c, d, 1, 3))
}

/** The matrix `from`, rows × columns, transposed to `to`, columns × rows. */
export function transpose(
  rows: usize,
  columns: usize,
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
): void {
  const side = LANES
  const tiledRows = rows & ~(side - 1)
  const tiledColumns = columns & ~(side - 1)
  for (let i: usize = 0; i < tiledRows; i += side) {
    for (let j: usize = 0; j < tiledColumns; j += side)
      tile(at(from, fromStride, i, j), fromStride, at(to, toStride, j, i), toStride)
  }
  for (let i: usize = 0; i < rows; i++) {
    for (let j = i < tiledRows ? tiledColumns : 0; j < columns; j++)
      store<Real>(at(to, toStride, j, i), load<Real>(at(from, fromStride, i, j)))
  }
}

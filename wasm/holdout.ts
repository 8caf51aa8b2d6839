import { mix, mixed } from './hash'
import { storeLanes } from './lanes'
import { LANES, SIZE } from './simd'

/**
 * The hold-out mask of a tile of X whose corner is entry (row, column): V is 0 where the hash lies below `threshold` and 1
 * elsewhere, or the reverse where `complement` is not 0.
 */
export function holdout(
  rows: usize,
  columns: usize,
  row: u32,
  column: u32,
  seed: u32,
  threshold: u32,
  complement: i32,
  v: usize,
  vStride: usize,
): void {
  const key = mixed(seed)
  const one = v128.splat<Real>(1)
  const flip = i32x4.splat(complement != 0 ? 0 : -1)
  for (let i: usize = 0; i < rows; i++) {
    let word = i32x4.add(i32x4.splat(mixed(key + row + <u32>i) + column), i32x4(0, 1, 2, 3))
    for (let j: usize = 0; j < columns; j += 4, word = i32x4.add(word, i32x4.splat(4))) {
      const held = v128.lt<u32>(mix(word), i32x4.splat(threshold))
      const counts = v128.xor(held, flip)
      const place = v + i * vStride + j * SIZE
      if (sizeof<Real>() == 4) {
        storeLanes(place, v128.and(one, counts), columns - j)
      } else {
        storeLanes(place, v128.and(one, i64x2.extend_low_i32x4_s(counts)), columns - j)
        if (columns - j > LANES)
          storeLanes(place + 16, v128.and(one, i64x2.extend_high_i32x4_s(counts)), columns - j - LANES)
      }
    }
  }
}

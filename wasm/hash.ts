// Hashes of places in a matrix, as ts/kernels/holdout.ts has them: the same on every backend and for every cut of the rows.

/** A bijection of 32-bit words in all lanes. */
export function mix(word: v128): v128 {
  let x = v128.xor(word, i32x4.shr_u(word, 16))
  x = i32x4.mul(x, i32x4.splat(0x7feb352d))
  x = v128.xor(x, i32x4.shr_u(x, 15))
  x = i32x4.mul(x, i32x4.splat(0x846ca68b))
  return v128.xor(x, i32x4.shr_u(x, 16))
}

export function mixed(word: u32): u32 {
  return i32x4.extract_lane(mix(i32x4.splat(word)), 0)
}

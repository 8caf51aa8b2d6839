/** The lower or upper two f32 lanes as f64. */
function low(v: v128): v128 {
  return f64x2.promote_low_f32x4(v)
}

function high(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f64>(v, v, 1, 1))
}

/** ⟨a, b⟩ of f32 arrays; products and sums in f64. */
export function dot(length: usize, a: usize, b: usize): f64 {
  let s0 = f64x2.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0
  const end = a + (length << 2)
  const tiled = a + ((length & ~7) << 2)
  for (; a < tiled; a += 32, b += 32) {
    const a0 = v128.load(a)
    const b0 = v128.load(b)
    const a1 = v128.load(a, 16)
    const b1 = v128.load(b, 16)
    s0 = f64x2.add(s0, f64x2.mul(low(a0), low(b0)))
    s1 = f64x2.add(s1, f64x2.mul(high(a0), high(b0)))
    s2 = f64x2.add(s2, f64x2.mul(low(a1), low(b1)))
    s3 = f64x2.add(s3, f64x2.mul(high(a1), high(b1)))
  }
  const s = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3))
  let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1)
  for (; a < end; a += 4, b += 4) sum += <f64>load<f32>(a) * <f64>load<f32>(b)
  return sum
}

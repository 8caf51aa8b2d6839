// Logarithms and powers in all lanes, a few units in the last place from exact. The logarithm is that of FreeBSD's msun
// (e_log.c, e_logf.c): x = 2^e·m with m in [√½, √2), then a polynomial in s = (m − 1) / (m + 1).

import { multiplyAdd } from './simd'

/** Added to the bits of x, the exponent field counts from √½ on. */
const SHIFT_F32: i32 = 0x3f800000 - 0x3f3504f3
const SHIFT_F64: i64 = 0x3ff0000000000000 - 0x3fe6a09e00000000

/** The least normal number: logarithms and powers treat what lies below as if it were this. */
function leastNormal(): v128 {
  return v128.splat<Real>(sizeof<Real>() == 8 ? <Real>2.2250738585072014e-308 : <Real>1.1754943508222875e-38)
}

/** e of x = 2^e·m. An integer in the mantissa's lowest bits becomes a number when that mantissa's value is subtracted. */
function exponent(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    const field = i64x2.shr_s(i64x2.add(x, i64x2.splat(SHIFT_F64)), 52)
    return f64x2.sub(i64x2.add(field, i64x2.splat(0x4338000000000000)), f64x2.splat(6755399441055744 + 1023))
  }
  const field = i32x4.shr_s(i32x4.add(x, i32x4.splat(SHIFT_F32)), 23)
  return f32x4.convert_i32x4_s(i32x4.sub(field, i32x4.splat(127)))
}

/** m of x = 2^e·m. */
function mantissa(x: v128): v128 {
  if (sizeof<Real>() == 8) {
    const shifted = i64x2.add(x, i64x2.splat(SHIFT_F64))
    return i64x2.add(v128.and(shifted, i64x2.splat(0x000fffffffffffff)), i64x2.splat(0x3fe6a09e00000000))
  }
  const shifted = i32x4.add(x, i32x4.splat(SHIFT_F32))
  return i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3))
}

function horner(sum: v128, x: v128, coefficient: Real): v128 {
  return multiplyAdd(v128.splat<Real>(coefficient), sum, x)
}

/** ln m for m in [√½, √2). */
function lnMantissa(m: v128): v128 {
  const f = v128.sub<Real>(m, v128.splat<Real>(1))
  const s = v128.div<Real>(f, v128.add<Real>(v128.splat<Real>(2), f))
  const z = v128.mul<Real>(s, s)
  let r: v128
  if (sizeof<Real>() == 8) {
    r = horner(v128.splat<Real>(1.479819860511658591e-1), z, 1.531383769920937332e-1)
    r = horner(r, z, 1.818357216161805012e-1)
    r = horner(r, z, 2.222219843214978396e-1)
    r = horner(r, z, 2.857142874366239149e-1)
    r = horner(r, z, 3.999999999940941908e-1)
    r = horner(r, z, 6.66666666666673513e-1)
  } else {
    r = horner(v128.splat<Real>(0.24279078841), z, 0.28498786688)
    r = horner(r, z, 0.40000972152)
    r = horner(r, z, 0.66666662693)
  }
  const half = v128.mul<Real>(v128.splat<Real>(0.5), v128.mul<Real>(f, f))
  return v128.sub<Real>(f, v128.sub<Real>(half, v128.mul<Real>(s, multiplyAdd(half, z, r))))
}

/** ln x for x ≥ 0; finite for 0 too. */
export function ln(x: v128): v128 {
  const normal = v128.pmax<Real>(x, leastNormal())
  return multiplyAdd(lnMantissa(mantissa(normal)), exponent(normal), v128.splat<Real>(0.6931471805599453))
}

/** 2^f for |f| ≤ ½ by Taylor's series, whose rest lies below half a unit in the last place. */
function exp2Fraction(f: v128): v128 {
  let sum: v128
  if (sizeof<Real>() == 8) {
    sum = horner(v128.splat<Real>(1.3691488853904124e-12), f, 2.5678435993488196e-11)
    sum = horner(sum, f, 4.44553827187081e-10)
    sum = horner(sum, f, 7.054911620801121e-9)
    sum = horner(sum, f, 1.0178086009239699e-7)
    sum = horner(sum, f, 1.3215486790144305e-6)
    sum = horner(sum, f, 1.5252733804059838e-5)
  } else {
    sum = v128.splat<Real>(1.5252733804059838e-5)
  }
  sum = horner(sum, f, 1.5403530393381606e-4)
  sum = horner(sum, f, 1.3333558146428441e-3)
  sum = horner(sum, f, 9.618129107628477e-3)
  sum = horner(sum, f, 5.5504108664821576e-2)
  sum = horner(sum, f, 0.2402265069591007)
  sum = horner(sum, f, 0.6931471805599453)
  return horner(sum, f, 1)
}

/** 2^n for whole numbers n in the range of normal exponents. */
function exp2Whole(n: v128): v128 {
  if (sizeof<Real>() == 8) return i64x2.shl(f64x2.add(n, f64x2.splat(6755399441055744 + 1023)), 52)
  return i32x4.shl(f32x4.add(n, f32x4.splat(12582912 + 127)), 23)
}

/** x, or the nearer of ±most; the pseudo-minimum is one instruction where the minimum that minds NaN takes eight. */
function within(x: v128, most: v128): v128 {
  return v128.pmax<Real>(v128.pmin<Real>(x, most), v128.neg<Real>(most))
}

/** The leading half of a number's digits: times an exponent they make a product without rounding. */
function leading(p: Real): Real {
  if (sizeof<Real>() == 8) return <Real>reinterpret<f64>(reinterpret<u64>(<f64>p) & 0xfffffffff8000000)
  return <Real>reinterpret<f32>(reinterpret<u32>(<f32>p) & 0xfffff000)
}

/** x^p by 2^(p·log2 x); p·e is kept in two parts, so that large exponents cost no digits. */
function anyPower(x: v128, p: Real): v128 {
  const normal = v128.pmax<Real>(x, leastNormal())
  const e = exponent(normal)
  const log2 = v128.mul<Real>(lnMantissa(mantissa(normal)), v128.splat<Real>(1.4426950408889634))
  const most = v128.splat<Real>(sizeof<Real>() == 8 ? 1022 : 126)
  const y = v128.mul<Real>(v128.splat<Real>(p), v128.add<Real>(e, log2))
  const n = v128.nearest<Real>(within(y, most))
  const high = v128.sub<Real>(v128.mul<Real>(v128.splat<Real>(leading(p)), e), n)
  const rest = multiplyAdd(v128.mul<Real>(v128.splat<Real>(p), log2), v128.splat<Real>(p - leading(p)), e)
  // far out of range, where `n` had to stop, any finite result will do
  const one = v128.splat<Real>(1)
  const f = within(v128.add<Real>(high, rest), one)
  return v128.mul<Real>(exp2Whole(n), exp2Fraction(f))
}

/** x^p for x > 0. Multiples of ½ up to 3 need roots and products alone. For x = 0 and p > 0 see `positivePower`. */
export function power(x: v128, p: Real): v128 {
  const twice = <i32>(p + p)
  if (<Real>twice != p + p || abs(twice) > 6) return anyPower(x, p)
  let product = (twice & 1) != 0 ? v128.sqrt<Real>(x) : v128.splat<Real>(1)
  for (let left = abs(twice) >> 1; left > 0; left--) product = v128.mul<Real>(product, x)
  return twice < 0 ? v128.div<Real>(v128.splat<Real>(1), product) : product
}

/** x^p for x > 0, and 0 for x = 0. */
export function positivePower(x: v128, p: Real): v128 {
  return v128.and(power(x, p), v128.gt<Real>(x, v128.splat<Real>(0)))
}

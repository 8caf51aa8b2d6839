import { blockOf, forget, inner, startOf, WIDE, wantedOf, widthOf } from './free_components'
import { moveToMinimum } from './pivoting'
import { at, SIZE } from './simd'

/** Entries of a row whose rows of O are gathered at once. */
const BLOCK: usize = 32

/** Two elements at an address, in f64. */
function pair(address: usize): v128 {
  return sizeof<Real>() == 8 ? v128.load(address) : f64x2.promote_low_f32x4(v128.load64_zero(address))
}

/**
 * The row of O at `o` goes to `plain` in f64, and v times that to `scaled`, both then zeros up to `width`; `wanted` grows by
 * v·x times it.
 */
function gather(rank: usize, width: usize, o: usize, x: f64, v: f64, plain: usize, scaled: usize, wanted: usize): void {
  const weight = f64x2.splat(v)
  const pull = f64x2.splat(v * x)
  for (let r: usize = 0; r < width; r += 2) {
    let values = f64x2.splat(0)
    if (r + 1 < rank) values = pair(o + r * SIZE)
    else if (r < rank) values = f64x2.replace_lane(values, 0, <f64>load<Real>(o + r * SIZE))
    const place = r * WIDE
    v128.store(plain + place, values)
    v128.store(scaled + place, f64x2.mul(weight, values))
    v128.store(wanted + place, f64x2.add(v128.load(wanted + place), f64x2.mul(pull, values)))
  }
}

/** bend += Σ over `count` gathered rows of scaledᵀ·plain, in the blocks on and above the diagonal of rows before `moving`. */
function addProducts(count: usize, moving: usize, width: usize, plain: usize, scaled: usize, bend: usize): void {
  const stride = width * WIDE
  for (let r: usize = 0; r < moving; r += 4) {
    for (let s = r; s < width; s += 4) {
      const row0 = bend + r * stride + s * WIDE
      const row1 = row0 + stride
      const row2 = row1 + stride
      const row3 = row2 + stride
      let a0 = v128.load(row0)
      let a1 = v128.load(row0, 16)
      let b0 = v128.load(row1)
      let b1 = v128.load(row1, 16)
      let c0 = v128.load(row2)
      let c1 = v128.load(row2, 16)
      let d0 = v128.load(row3)
      let d1 = v128.load(row3, 16)
      let from = plain + s * WIDE
      let by = scaled + r * WIDE
      for (let n: usize = 0; n < count; n++, from += stride, by += stride) {
        const p0 = v128.load(from)
        const p1 = v128.load(from, 16)
        let q = v128.load64_splat(by)
        a0 = f64x2.add(a0, f64x2.mul(q, p0))
        a1 = f64x2.add(a1, f64x2.mul(q, p1))
        q = v128.load64_splat(by, 8)
        b0 = f64x2.add(b0, f64x2.mul(q, p0))
        b1 = f64x2.add(b1, f64x2.mul(q, p1))
        q = v128.load64_splat(by, 16)
        c0 = f64x2.add(c0, f64x2.mul(q, p0))
        c1 = f64x2.add(c1, f64x2.mul(q, p1))
        q = v128.load64_splat(by, 24)
        d0 = f64x2.add(d0, f64x2.mul(q, p0))
        d1 = f64x2.add(d1, f64x2.mul(q, p1))
      }
      v128.store(row0, a0)
      v128.store(row0, a1, 16)
      v128.store(row1, b0)
      v128.store(row1, b1, 16)
      v128.store(row2, c0)
      v128.store(row2, c1, 16)
      v128.store(row3, d0)
      v128.store(row3, d1, 16)
    }
  }
}

/**
 * One row of F, as bpp_dense and bpp_csr move it: `count` entries of X and their weights; their rows of O are those that
 * `indices` names, or where that is 0 the first so many. `loss`, unless 0, and `violation` are f64 and grow.
 */
export function moveByEntries(
  count: usize,
  rank: usize,
  indices: usize,
  x: usize,
  v: usize,
  o: usize,
  oStride: usize,
  f: usize,
  l1: f64,
  l2: f64,
  moving: usize,
  most: f64,
  scratch: usize,
  loss: usize,
  violation: usize,
): void {
  const width = widthOf(rank)
  const stride = width * WIDE
  const wanted = wantedOf(scratch, width)
  const start = startOf(scratch, width)
  const plain = blockOf(scratch, width)
  const scaled = plain + BLOCK * stride
  memory.fill(scratch, 0, width * stride)
  memory.fill(wanted, 0, stride)
  for (let r: usize = 0; r < rank; r++) store<f64>(start + r * WIDE, <f64>load<Real>(at(f, 0, 0, r)))
  let error: f64 = 0
  let gathered: usize = 0
  for (let p: usize = 0; p < count; p++) {
    const weight = <f64>load<Real>(at(v, 0, 0, p))
    if (weight == 0) continue
    const j = indices == 0 ? p : <usize>load<u32>(indices + (p << 2))
    const data = <f64>load<Real>(at(x, 0, 0, p))
    const place = plain + gathered * stride
    gather(rank, width, o + j * oStride, data, weight, place, scaled + gathered * stride, wanted)
    if (loss != 0) {
      const difference = data - inner(rank, place, start)
      error += 0.5 * weight * difference * difference
    }
    if (++gathered < BLOCK) continue
    addProducts(BLOCK, moving, width, plain, scaled, scratch)
    gathered = 0
  }
  addProducts(gathered, moving, width, plain, scaled, scratch)
  if (loss != 0) store<f64>(loss, load<f64>(loss) + error)
  for (let r: usize = 0; r < moving; r++) {
    const row = scratch + r * stride
    let right = load<f64>(wanted + r * WIDE) - l1
    for (let s = moving; s < rank; s++) right -= load<f64>(start + s * WIDE) * load<f64>(row + s * WIDE)
    store<f64>(wanted + r * WIDE, right)
    store<f64>(row + r * WIDE, load<f64>(row + r * WIDE) + l2)
    for (let s: usize = 0; s < r; s++) store<f64>(row + s * WIDE, load<f64>(scratch + s * stride + r * WIDE))
  }
  moveToMinimum(moving, forget(scratch, width), f, most, scratch, width, violation)
}

/**
 * Each row of F ← its weighted least squares minimum over [0, most]; X and V are rows × columns, O is columns × rank, F
 * rows × rank. `scratch` holds what `bppRowScratch` in ts/backends/wasm/kernels.ts says, at a multiple of 8. `loss` (0 for none)
 * and `violation` are f64 and grow. Columns from `moving` on stay, and the others reckon with them.
 */
export function bpp_dense(
  rows: usize,
  columns: usize,
  rank: usize,
  x: usize,
  xStride: usize,
  v: usize,
  vStride: usize,
  o: usize,
  oStride: usize,
  f: usize,
  fStride: usize,
  l1: f64,
  l2: f64,
  moving: usize,
  most: f64,
  scratch: usize,
  loss: usize,
  violation: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    const data = x + i * xStride
    const weights = v + i * vStride
    const row = f + i * fStride
    moveByEntries(columns, rank, 0, data, weights, o, oStride, row, l1, l2, moving, most, scratch, loss, violation)
  }
}

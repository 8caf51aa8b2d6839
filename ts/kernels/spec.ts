import type { Random } from '../core/random.js'

/** Named sizes and scalars of one problem, such as `{ rows: 5, columns: 7, rank: 3 }` or `{ …, l1: 0.5 }`. */
export type Dims = Readonly<Record<string, number>>

/** Host arrays of one call in the reference's precision, by buffer name. */
export type Arrays = Record<string, Float64Array | Uint32Array>

export interface BufferSpec {
  readonly name: string
  /**
   * What a backend stores: `f32` is the element type of the call (float64 in float64 calls, and always in the reference),
   * `f64` a host-side scalar or list of scalars.
   */
  readonly type: 'f32' | 'f64' | 'u32'
  /** `inout` is read and written (accumulators, factors); `out` must be written whole. */
  readonly access: 'in' | 'out' | 'inout'
  readonly shape: string
  length(dims: Dims): number
}

/**
 * How far a backend may stand from the reference on random fills.
 * - elementwise: at most this many units in the last place of f32, from the count of roundings.
 * - reduction: |x − ref| ≤ (4 + depth) · 2⁻²⁴ · (the same kernel on absolute values): each of `depth` additions and
 *   multiplications may round once (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
 * - normwise: ‖x − ref‖ ≤ units · 2⁻²⁴ · ‖ref‖ over each output, where entries are differences that may cancel. Where an
 *   output is updated in place, what was there counts if it is larger: the smallest problems may cancel altogether.
 *
 * For float64 calls 2⁻⁵³ stands in the place of 2⁻²⁴, and an ULP is one of float64.
 */
export type Tolerance =
  | { readonly class: 'elementwise'; ulps(dims: Dims): number }
  | { readonly class: 'reduction'; depth(dims: Dims): number }
  | { readonly class: 'normwise'; units(dims: Dims): number }

export type FillKind =
  /** Small integers, so that every partial sum is exact in f32 and any order must agree bit for bit. */
  | 'exact'
  /** Uniform in (0, 1) with some zeros; signed where the kernel allows it. */
  | 'random'

/** One kernel, said once: tests, benchmarks and docs are made from it. */
export interface KernelSpec {
  /** The stem that its files bear in every folder. */
  readonly name: string
  readonly formula: string
  readonly summary: string
  /** Paper, book or the algebra it follows from. */
  readonly source: string
  readonly dims: readonly string[]
  readonly buffers: readonly BufferSpec[]
  /** True when only +, − and × occur, so that integer fills must agree bitwise. */
  readonly exact: boolean
  readonly tolerance: Tolerance
  /** Sizes worth trying: 1, tile − 1, tile, tile + 1, primes, zero rows. */
  readonly problems: readonly Dims[]
  /** The size the benchmark uses. */
  readonly benchmark: Dims
  flops(dims: Dims): number
  /** Bytes that must move at least once, each array counted once per direction. */
  bytes(dims: Dims): number
  fill(dims: Dims, kind: FillKind, random: Random): Arrays
  /** Float64, straight from the formula; writes to the `out` and `inout` arrays. */
  reference(dims: Dims, arrays: Arrays): void
}

/** `xht_dense:rows=5,columns=7,rank=3`: the same string in test titles and benchmark rows; dims left at defaults are left out. */
export function problemString(spec: KernelSpec, dims: Dims): string {
  const given = spec.dims.filter(name => dims[name] !== undefined)
  return `${spec.name}:${given.map(name => `${name}=${dims[name]}`).join(',')}`
}

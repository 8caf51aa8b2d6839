import type { FitSpec } from '../backend.js'
import type { BetaKernels } from './beta-kernels.js'

/** The element types that there is a module of kernels for. */
export type Dtype = FitSpec['dtype']

/** Bytes of an element. */
export function sizeOf(dtype: Dtype): number {
  return dtype === 'f64' ? 8 : 4
}

/** Bytes of scratch for each of the rank that `hals_update` wants, and none of the other rules more. */
export const HALS_SCRATCH = 72

/** Rows that batches move at once in the gram family. */
export const ONLINE_ROWS = 32

/** Bytes of scratch that they want: for rows of the product with the Gram matrix, and as much for the kernel that forms it. */
export function onlineScratch(stride: number): number {
  return 2 * ONLINE_ROWS * stride
}

/** Bytes of scratch that `sgd_update` wants: for 32 rows of a product with a Gram matrix, and as much to form it. */
export function sgdScratch(stride: number): number {
  return 64 * stride
}

/** Bytes of scratch that `svrmu_update` wants, which forms three such products. */
export function svrmuScratch(stride: number): number {
  return 128 * stride
}

/** Bytes of scratch that `bpp_update` wants: two matrices and eleven lines of f64, in whole pairs of vectors. */
export function bppScratch(rank: number): number {
  const width = 4 * Math.ceil(rank / 4)
  return 8 * width * (2 * width + 11)
}

/** The same for `bpp_dense` and `bpp_csr`, which gather 32 rows of the other factor, plain and scaled. */
export function bppRowScratch(rank: number): number {
  return bppScratch(rank) + 8 * 64 * 4 * Math.ceil(rank / 4)
}

/**
 * The exports of wasm/index.ts, the same in the module of either element type. Addresses and strides are in bytes and may
 * exceed 2³¹; flags are 0 or 1. Rules move the columns before `moving`, to `most` at most. `violation` is the address of an
 * f64 that grows.
 */
export interface Kernels extends BetaKernels {
  add(length: number, from: number, to: number): void
  bpp_update(
    rows: number,
    rank: number,
    f: number,
    fStride: number,
    n: number,
    nStride: number,
    g: number,
    gStride: number,
    l1: number,
    l2: number,
    moving: number,
    most: number,
    scratch: number,
    violation: number,
  ): void
  copy(from: number, bytes: number, to: number): void
  dot(length: number, a: number, b: number): number
  extrapolate(length: number, f: number, p: number, weight: number, most: number): void
  gram(rows: number, rank: number, f: number, fStride: number, g: number, gStride: number): void
  gram_bound(rank: number, g: number, gStride: number, scratch: number): number
  hals_update(
    rows: number,
    rank: number,
    f: number,
    fStride: number,
    n: number,
    nStride: number,
    g: number,
    gStride: number,
    l1: number,
    l2: number,
    moving: number,
    most: number,
    scratch: number,
    violation: number,
  ): void
  largest_norm(rows: number, rank: number, f: number, fStride: number): number
  mu_update(
    rows: number,
    rank: number,
    f: number,
    fStride: number,
    n: number,
    nStride: number,
    g: number,
    gStride: number,
    l1: number,
    l2: number,
    moving: number,
    most: number,
    scratch: number,
  ): void
  /** A and B lie at F's stride. */
  online_update(
    rows: number,
    f: number,
    fStride: number,
    a: number,
    b: number,
    n: number,
    nStride: number,
    p: number,
    pStride: number,
    gamma: number,
    keep: number,
    l1: number,
    l2: number,
    moving: number,
    most: number,
  ): void
  /** D lies at F's stride, or is 0; the sums are two f64 that grow. */
  sgd_update(
    rows: number,
    rank: number,
    f: number,
    fStride: number,
    n: number,
    nStride: number,
    g: number,
    gStride: number,
    d: number,
    rate: number,
    scale: number,
    l1: number,
    l2: number,
    noise: number,
    seed: number,
    draw: number,
    first: number,
    limit: number,
    moving: number,
    most: number,
    scratch: number,
    sums: number,
  ): void
  /** F0 and A lie at F's stride, M at that of N, K and S at that of G. */
  svrmu_update(
    rows: number,
    rank: number,
    f: number,
    fStride: number,
    n: number,
    m: number,
    nStride: number,
    f0: number,
    a: number,
    g: number,
    k: number,
    s: number,
    gStride: number,
    count: number,
    total: number,
    ratio: number,
    l1: number,
    l2: number,
    moving: number,
    most: number,
    scratch: number,
  ): void
  transpose(rows: number, columns: number, from: number, fromStride: number, to: number, toStride: number): void
  xht_csr(
    rows: number,
    rank: number,
    starts: number,
    ends: number,
    indices: number,
    values: number,
    ht: number,
    htStride: number,
    n: number,
    nStride: number,
    add: number,
  ): void
  xht_dense(
    rows: number,
    columns: number,
    rank: number,
    x: number,
    xStride: number,
    h: number,
    hStride: number,
    n: number,
    nStride: number,
    add: number,
  ): void
  xtw_dense(
    rows: number,
    columns: number,
    rank: number,
    x: number,
    xStride: number,
    w: number,
    wStride: number,
    a: number,
    aStride: number,
  ): void
  zero(address: number, bytes: number): void
}

/** The import of the memory ("env", "memory", kind 2) up to its flags: 3 has a maximum and is shared, 1 is not shared. */
const IMPORT = [3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2]

/**
 * The module's bytes from the base64 that the build made. A module is for shared or for unshared memory, and nothing
 * but one flag of its import says which: no kernel uses atomics, so clearing it is all that pages without
 * cross-origin isolation need.
 */
export function moduleBytes(base64: string, shared: boolean): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  if (shared) return bytes
  const start = bytes.findIndex((_, i) => IMPORT.every((byte, j) => bytes[i + j] === byte))
  if (start < 0 || bytes[start + IMPORT.length] !== 3) throw new Error('the wasm module does not import shared memory')
  bytes[start + IMPORT.length] = 1
  return bytes
}

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels
}
